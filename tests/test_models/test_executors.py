"""Executors: the same bits wherever folds are computed, and one message when something dies."""

import os
import socket
import sys
import threading

import numpy as np
import pytest
from plain_models import Dying, Means, Particular, Picky
from test_walk import dataset, folds

from models.boosting.model import Boosting
from models.dispatch import walk_forward
from models.errors import ExecutorError, TrainingError
from models.linear.regression import Ridge
from models.parallel.batches import BATCHES, split_batches
from models.parallel.executor_choice import open_executor
from models.parallel.executors import Processes, Threads

MODELS = (
    Means(),
    Ridge(within_dates=True),
    Boosting(min_rows_in_leaf=5, max_trees=20, selection="nested"),
)


def walked(model, executor=None):
    return walk_forward(model, "m", dataset(n_dates=90, relative=True), folds(90, 30, 5), executor=executor)


def assert_same(one, other):
    np.testing.assert_array_equal(one.raw, other.raw)
    assert one.last == other.last
    for a, b in zip(one.fits, other.fits, strict=True):
        assert (a.first_test, a.n_rows) == (b.first_test, b.n_rows)
        np.testing.assert_array_equal(a.importance, b.importance)


@pytest.fixture(scope="module")
def alone():
    """Walk each model on one thread, the oracle."""
    return [walked(model, Threads(1)) for model in MODELS]


@pytest.fixture(scope="module")
def processes():
    with Processes(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def cluster():
    """Give the address of a Dask cluster on loopback whose two workers are processes of their own."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        # The tests' own models are beside them.
        preload=[f"import sys; sys.path.extend({[p for p in sys.path if 'tests' in p]!r})"],
    ) as running:
        yield running.scheduler_address.replace("tcp://", "dask://")


@pytest.mark.parametrize("workers", [2, 5])
def test_any_number_of_threads_gives_the_same_bits(alone, workers):
    for model, expected in zip(MODELS, alone, strict=True):
        assert_same(walked(model, Threads(workers)), expected)


def test_processes_give_the_same_bits(alone, processes):
    for model, expected in zip(MODELS, alone, strict=True):
        result = walked(model, processes)
        assert_same(result, expected)
    where = {fit.chosen["process"] for fit in walked(Means(), processes).fits}
    assert os.getpid() not in where, "computed by the caller"


def test_a_cluster_gives_the_same_bits(alone, cluster):
    with open_executor(cluster) as executor:
        for model, expected in zip(MODELS, alone, strict=True):
            assert_same(walked(model, executor), expected)
        where = {fit.chosen["process"] for fit in walked(Means(), executor).fits}
        assert executor.workers == 2
    assert len(where) == 2
    assert os.getpid() not in where


def add(shared, item):
    return float(shared[item % len(shared)]) + item


def gated(shared, item):
    seen, gate, passed = shared
    seen.append(item)
    if item == 1:
        gate.wait(10)
        passed.set()
    if item == 0:
        return item
    raise ValueError(f"item {item}")


@pytest.mark.parametrize("n", [0, 1, 7, 100])
def test_results_come_in_the_order_of_the_items(processes, n):
    shared = np.arange(30_000.0)
    expected = [add(shared, item) for item in range(n)]
    for executor in (Threads(3), processes):
        assert list(executor.map(add, shared, range(n))) == expected


def test_batches_are_even_and_lose_nothing():
    for n in (0, 1, 15, 16, 17, 1000):
        cut = split_batches(range(n), 2)
        assert [item for batch in cut for item in batch] == list(range(n))
        assert len(cut) == min(n, 2 * BATCHES)
        assert not cut or max(map(len, cut)) - min(map(len, cut)) <= 1


def test_closing_gives_up_what_was_not_begun():
    shared = seen, gate, passed = [], threading.Event(), threading.Event()
    answers = Threads(1).map(gated, shared, range(100))
    assert next(answers) == 0
    answers.close()
    gate.set()
    passed.wait(0.5)  # if it was begun
    assert set(seen) <= {0, 1}


def test_a_failure_in_a_thread_comes_back():
    shared = _, gate, _ = [], threading.Event(), threading.Event()
    gate.set()
    answers = Threads(2).map(gated, shared, range(3))
    assert next(answers) == 0
    with pytest.raises(ValueError, match="item 1"):
        next(answers)


def test_the_callers_error_comes_back_as_it_was(processes):
    with pytest.raises(TrainingError, match="rows are too many") as caught:
        walked(Picky(), processes)
    assert "plain_models.py" in caught.value.__notes__[0], "where it happened in the worker is told"
    # And the executor is as good as before.
    assert walked(Means(), processes).raw.shape == (90, 4)


def test_an_error_that_cannot_be_sent_is_told_and_not_taken_for_a_death(processes):
    with pytest.raises(RuntimeError, match=r"plain_models\.TwoPartError: not today: \d+ rows") as caught:
        walked(Particular(), processes)
    assert not isinstance(caught.value, ExecutorError)
    assert "plain_models.py" in caught.value.__notes__[0]
    assert walked(Means(), processes).raw.shape == (90, 4)


def test_the_callers_error_comes_back_from_a_cluster(cluster):
    with open_executor(cluster) as executor, pytest.raises(TrainingError, match="rows are too many"):
        walked(Picky(), executor)


def test_a_process_that_dies_is_told():
    with Processes(2) as executor, pytest.raises(ExecutorError, match="a worker process died"):
        walked(Dying(), executor)


def test_nobody_at_the_address_is_told(monkeypatch):
    monkeypatch.setattr("models.parallel.cluster.PATIENCE", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"dask://127.0.0.1:{free.getsockname()[1]}"
    with open_executor(address) as executor, pytest.raises(ExecutorError, match="no Dask scheduler answers"):
        walked(Means(), executor)


def test_an_executor_opens_nothing_before_it_is_used():
    before = threading.active_count()
    with open_executor("dask://127.0.0.1:1") as executor:
        assert executor.workers == 0
    with open_executor("loky", 2), open_executor("threads"):
        assert threading.active_count() == before


def test_dask_that_is_not_installed_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExecutorError, match=r"pip install 'tangency\[dask\]'"):
        open_executor("dask://127.0.0.1:8786")


def test_an_unknown_executor_is_told():
    with pytest.raises(ExecutorError, match="threads, loky, or dask://"):
        open_executor("spark")


def test_a_worker_with_other_code_is_refused(cluster):
    with (
        open_executor(cluster, identity=other_code) as executor,
        pytest.raises(ExecutorError, match="other code"),
    ):
        walked(Means(), executor)


def other_code():
    return str(os.getpid())
