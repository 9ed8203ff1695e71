"""The executor of a run: another one gives the same run, and a wrong one is one message."""

import shutil

import numpy as np
import pytest
from rich.console import Console

from pipeline.config import load_config
from pipeline.errors import ConfigError
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.store import Store


def trained(path, tmp_path):
    config = load_config(path)
    pipeline = Pipeline(config, Store(tmp_path / "store"), Reporter(Console(quiet=True)))
    return config, pipeline.train(pipeline.prepare()), pipeline.reporter


def elsewhere(path, tmp_path):
    """Train again what was trained, with another executor."""
    shutil.rmtree(tmp_path / "store" / "model")
    config, run, reporter = trained(path, tmp_path)
    assert "model ridge" not in reporter.reused
    return config, run


def test_a_cluster_and_processes_give_the_same_run(mine, tmp_path):
    distributed = pytest.importorskip("distributed")
    few = {
        "models": {
            "ridge": {"kind": "ridge", "n_penalties": 4, "inner_splits": 2},
            "lightgbm": {"kind": "lightgbm", "max_trees": 5, "selection": "nested"},
        },
        "allocation__forecast": "ridge",
    }
    config, here, _ = trained(mine(**few), tmp_path)
    with distributed.LocalCluster(
        n_workers=1,  # two are tried in the tests of executors
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as cluster:
        address = cluster.scheduler_address.replace("tcp://", "dask://")
        there = elsewhere(mine(**few, executor=address), tmp_path)
    beside = elsewhere(mine(**few, executor="loky", workers=2), tmp_path)
    for other, run in (there, beside):
        assert other.digest() == config.digest(), "where it was computed does not make another run"
        for name, walk in here.walks.items():
            np.testing.assert_array_equal(run.walks[name].raw, walk.raw)
            np.testing.assert_array_equal(run.forecasts[name].mean, here.forecasts[name].mean)
            assert run.walks[name].last == walk.last


def test_what_is_stored_is_not_asked_of_a_cluster(mine, tmp_path):
    _, first, _ = trained(mine(), tmp_path)
    _, again, reporter = trained(mine(executor="dask://127.0.0.1:1"), tmp_path)  # nobody answers there
    assert {f"model {name}" for name in first.walks if name != "combination"} <= set(reporter.reused)
    for name, walk in first.walks.items():
        np.testing.assert_array_equal(again.walks[name].raw, walk.raw)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"executor": "thread"}, "did you mean 'threads'"),
        ({"executor": "dask://nowhere"}, "dask://host:port"),
        ({"executor": "dask://127.0.0.1:1", "workers": 2}, "has the workers that it has"),
        ({"workers": 0}, "workers: "),
    ],
)
def test_a_wrong_executor_is_a_mistake_of_the_configuration(mine, changes, message):
    with pytest.raises(ConfigError, match=message):
        load_config(mine(**changes))
