"""Copies of an output folder that grew apart: the message says so, one repair ends it, and lost lines stay noticed."""

import json
import shutil
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from pipeline.chains.chain import Chain
from pipeline.chains.checks import check_chains
from pipeline.chains.heads import HEADS, LEDGER, Head, other_heads, write_heads
from pipeline.chains.ledger import Ledger
from pipeline.chains.repair import repair_chains
from pipeline.errors import LedgerError
from pipeline.tracking import shared_trials

HINT = "if the folder was copied and both copies went on"


def entry(number):
    return {"kind": "trial", "experiment": "mine", "id": f"{number}", "data": "d", "returns": f"{number}"}


def run(output, name):
    (output / name).mkdir()
    write_heads(output / name / HEADS, other_heads(output))


@pytest.fixture
def copies(tmp_path):
    """Return two output folders, the second a copy of the first, that went on differently."""
    one, two = tmp_path / "runs", tmp_path / "runs2"
    one.mkdir()
    Ledger(one / LEDGER).add([entry(number) for number in range(3)])
    run(one, "both")
    shutil.copytree(one, two)
    Ledger(one / LEDGER).add([entry("a"), entry("b")])
    run(one, "first")
    Ledger(two / LEDGER).add([entry("c")])
    run(two, "second")
    return one, two


class Server:
    """An MLflow server with one experiment, which is all tags."""

    def __init__(self):
        self.tags = {}

    def get_experiment(self, ident):
        return SimpleNamespace(tags=dict(self.tags), name="mine")

    def search_experiments(self, **words):
        found = [self.get_experiment("1")]
        return type("Page", (list,), {"token": None})(found)

    def set_experiment_tag(self, ident, key, value):
        self.tags[key] = value


@pytest.fixture
def server(monkeypatch):
    made = Server()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    monkeypatch.setattr(shared_trials, "open_experiment", lambda output, name: (made, "1"))
    monkeypatch.setattr(shared_trials, "name_tracking_errors", lambda uri: nullcontext())
    return made


def share(output):
    shared_trials.share_trials(output, "mine", Ledger(output / LEDGER))


def repair(output):
    return repair_chains(output, "copied output", seen=shared_trials.known_heads(output, "mine"))


def ids(output):
    return [each["id"] for each in Ledger(output / LEDGER).lines()]


def test_a_run_of_the_other_copy_is_named_with_what_to_do(copies):
    one, two = copies
    check_chains(one)
    check_chains(two)
    shutil.copytree(two / "second", one / "second")
    shutil.copytree(one / "first", two / "first")
    for output, said in (
        (one, "line 4 is not the line that was written"),
        (two, "it has 4 lines now and had 5"),
    ):
        with pytest.raises(
            LedgerError, match=f"{said}.*{HINT}.*move the other copy's runs out of this folder"
        ):
            check_chains(output)
    shutil.rmtree(one / "second")
    check_chains(one)
    (found,) = repair_chains(two, "copied output")
    assert found.lines == 4
    check_chains(two)
    Ledger(two / LEDGER).add([entry("d")])
    assert ids(two) == ["0", "1", "2", "c", "d"]


def test_copies_with_one_server_are_named_and_apart_after_one_repair(copies, server):
    one, two = copies
    share(one)
    with pytest.raises(LedgerError, match=f"the experiment 1 at MLflow.*{HINT}"):
        share(two)
    assert len(repair(two)) == 1
    for output in (two, one, two, one):
        share(output)
        Ledger(output / LEDGER).add([entry(f"{output.name}-{len(ids(output))}")])
        check_chains(output)
    for output in (two, one, two):
        share(output)
    assert set(ids(one)) == set(ids(two)), "each counts what the other tried"
    assert len([key for key in server.tags if key.startswith(shared_trials.HEAD_TAG)]) == 2


def cut(output, count):
    """Remove the last lines of a ledger, and let every file of the folder agree with that."""
    path = output / LEDGER
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-count]))
    for heads in output.rglob(HEADS):
        write_heads(heads, {LEDGER: Head.of(path)})


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("repaired", [False, True], ids=["as it was", "repaired"])
def test_a_server_misses_each_suffix_that_all_files_of_a_folder_lost(copies, server, count, repaired):
    one, two = copies
    share(one)
    if repaired:
        assert repair(two)
        share(two)
        share(two)  # the first time the ledger takes trials in, after its head was noted
    output = two if repaired else one
    cut(output, count)
    with pytest.raises(LedgerError, match=r"lines? now and had"):
        share(output)


def test_the_repair_of_another_chain_does_not_make_a_server_forget(copies, server):
    one, _ = copies
    decisions = Chain(one / "operations/mine/decisions.jsonl", one)
    decisions.extend(lambda entries: [{"kind": "x"}, {"kind": "y"}])
    share(one)
    decisions.path.unlink()
    assert [found.chain for found in repair_chains(one, "MLflow is away")] == [
        "operations/mine/decisions.jsonl"
    ]
    cut(one, 2)
    with pytest.raises(LedgerError, match=r"lines? now and had"):
        shared_trials.share_trials(one, "mine", Ledger(one / LEDGER))


def test_what_was_removed_from_a_folder_is_no_copy(copies):
    one, _ = copies
    path = one / LEDGER
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in range(5):
        path.write_bytes(b"".join(lines[:kept]))
        with pytest.raises(LedgerError) as raised:
            check_chains(one)
        assert HINT not in str(raised.value)


def test_two_folders_that_begin_alike_at_the_same_moment_are_different_chains(tmp_path, server, monkeypatch):
    monkeypatch.setattr("pipeline.chains.chain._now", lambda: "2020-01-01T00:00:00+00:00")
    outputs = [tmp_path / name for name in "ab"]
    for output in outputs:
        Ledger(output / LEDGER).add([entry(1)])
        Ledger(output / LEDGER).add([entry(output.name)])
    firsts = [json.loads((output / LEDGER).read_bytes().splitlines()[0]) for output in outputs]
    assert firsts[0].pop("origin") != firsts[1].pop("origin")
    for output in (*outputs, *outputs):
        share(output)
    assert all(set(ids(output)) == {"1", "a", "b"} for output in outputs)
