"""Anchors are never ahead of the chain that they are of, whoever writes at once and whoever is killed."""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import time

import pytest

from pipeline.chains import chain as module
from pipeline.chains.anchors import find_anchors
from pipeline.chains.chain import Chain
from pipeline.chains.checks import check_chains
from pipeline.chains.database import DATABASE
from pipeline.chains.database_heads import HEADS_TAG
from pipeline.chains.heads import (
    HEADS,
    LEDGER,
    Head,
    chain_paths,
    heads_to_json,
    other_heads,
    read_heads,
    write_heads,
)
from pipeline.chains.ledger import Ledger
from pipeline.errors import LedgerError

DECISIONS = "operations/a/decisions.jsonl"


def extend(output, name, count=1):
    for _ in range(count):
        Chain(output / name, output).extend(lambda entries: [{"kind": "x", "number": len(entries)}])


def in_a_process(work):
    child = os.fork()
    if child:
        return child
    try:
        work()
    finally:
        os._exit(0)


def test_writers_at_once_and_kills_raise_no_false_alarm(tmp_path):
    rng = random.Random(0)
    names = (LEDGER, DECISIONS, "operations/b/decisions.jsonl")
    children = {in_a_process(lambda name=name: extend(tmp_path, name, 10_000)): name for name in names}
    try:
        for _ in range(12):
            check_chains(tmp_path)
            time.sleep(rng.uniform(0, 0.05))
            victim = rng.choice(list(children))
            name = children.pop(victim)
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            check_chains(tmp_path)
            children[in_a_process(lambda name=name: extend(tmp_path, name, 10_000))] = name
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    for name in names:
        extend(tmp_path, name)
    found = check_chains(tmp_path)
    for name in names:
        entries = Chain(tmp_path / name).lines()
        assert [entry["number"] for entry in entries] == list(range(len(entries))), "no line lost or doubled"
        assert found[name] == (len(entries), Head.of(tmp_path / name))
        assert read_heads(tmp_path / HEADS)[name].lines == len(entries)


@pytest.mark.parametrize("call", ["fsync", "note_head", "sync_folder"])
def test_a_writer_that_dies_between_two_files_leaves_anchors_behind_the_chain(tmp_path, monkeypatch, call):
    """Die before and after each step that writes: what is anchored is on the disk."""

    class Killed(BaseException):
        pass

    extend(tmp_path, LEDGER, 2)
    for after in (False, True):
        owner = module.os if call == "fsync" else module
        honest = getattr(owner, call)

        def dying(*arguments, after=after, honest=honest):
            if after:
                honest(*arguments)
            raise Killed

        for name in (LEDGER, f"operations/{call}{after}/decisions.jsonl"):
            with monkeypatch.context() as patch:
                patch.setattr(owner, call, dying)
                with contextlib.suppress(Killed):
                    extend(tmp_path, name)
            check_chains(tmp_path)
        extend(tmp_path, LEDGER)
        check_chains(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", '{"ledger.jsonl": 3}', '{"ledger.jsonl": {"lines": "x"}}']
)
def test_damaged_anchors_say_nothing_and_others_remain(tmp_path, text):
    extend(tmp_path, LEDGER, 3)
    extend(tmp_path, DECISIONS)
    (tmp_path / HEADS).write_text(text)
    check_chains(tmp_path)
    (tmp_path / LEDGER).write_bytes(b"")
    with pytest.raises(LedgerError, match=f"according to {tmp_path / DECISIONS}"):
        check_chains(tmp_path)
    assert [anchor.head.lines for anchor in find_anchors(tmp_path, LEDGER)] == [3]


def test_anchors_that_name_other_files_are_no_chains(tmp_path):
    extend(tmp_path, LEDGER)
    head = Head(9, "0" * 64, "0" * 64)
    names = ("../ledger.jsonl", "/etc/passwd", "store/x", "operations/../../decisions.jsonl")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / HEADS).write_text(heads_to_json(dict.fromkeys(names, head)))
    assert set(check_chains(tmp_path)) == {LEDGER}


def test_chains_of_other_configurations_stop_nobody(tmp_path):
    for name in (LEDGER, DECISIONS, "operations/b/decisions.jsonl"):
        extend(tmp_path, name)
    (tmp_path / DECISIONS).unlink()
    check_chains(tmp_path, "b")
    for config in ("a", None):
        with pytest.raises(LedgerError, match="the file is missing, but it had 1 line"):
            check_chains(tmp_path, config)
    assert len(chain_paths(tmp_path)) == 2


def finish_run(output, name):
    """Make the folder of a run with the present heads of the output folder."""
    (output / name).mkdir(parents=True)
    write_heads(output / name / HEADS, other_heads(output))
    return output / name


def test_a_replaced_ledger_is_missed_though_a_run_of_the_other_one_is_there(tmp_path):
    mine, other = tmp_path / "mine", tmp_path / "other"
    extend(mine, LEDGER, 6)
    finish_run(mine, "run-a")
    Chain(other / LEDGER, other).extend(lambda _: [{"kind": "other"}])
    shutil.copytree(finish_run(other, "run-b"), mine / "run-b")
    check_chains(mine)
    shutil.copyfile(other / LEDGER, mine / LEDGER)
    with pytest.raises(LedgerError, match=f"had 6 lines, according to {mine / HEADS}, the run run-a\\."):
        check_chains(mine)


def test_a_run_that_was_copied_from_elsewhere_accuses_no_chain_that_never_was_here(tmp_path):
    other = tmp_path / "other"
    versions = "operations/a/data/versions.jsonl"
    extend(other, LEDGER, 3)
    extend(other, versions, 2)
    guest = finish_run(other, "run-b")
    for lines in (0, 1):  # an empty output folder, and one that had a run and was never retrained
        mine = tmp_path / f"mine{lines}"
        if lines:
            Chain(mine / LEDGER, mine).extend(lambda _: [{"kind": "mine"}])
            own = finish_run(mine, "run-a")
        shutil.copytree(guest, mine / guest.name)
        check_chains(mine)
        Chain(mine / LEDGER, mine).extend(lambda _: [{"kind": "mine"}])
        check_chains(mine)
        extend(mine, versions)
        check_chains(mine)
    # A run of this folder still shows that a chain of it is missing, whatever else was deleted.
    shutil.rmtree(own)
    finish_run(mine, "run-a")
    shutil.rmtree(mine / "operations")
    (mine / HEADS).unlink()
    with pytest.raises(LedgerError, match="had 1 line, according to the run run-a\\."):
        check_chains(mine)


def test_a_damaged_ledger_of_a_folder_beside_it_stops_nothing(tmp_path):
    panel = "same data"
    trial = {"kind": "trial", "experiment": "x", "data": "d"}
    for name in ("mine", "backup", "broken", "folder"):
        entries = [{**trial, "id": f"{name}{k}", "returns": f"{name}{k}"} for k in range(3)]
        Ledger(tmp_path / name / LEDGER).add(entries)
    lines = (tmp_path / "backup" / LEDGER).read_bytes().splitlines(keepends=True)
    (tmp_path / "backup" / LEDGER).write_bytes(lines[0])
    broken = tmp_path / "broken" / LEDGER
    broken.write_bytes(broken.read_bytes().replace(b"broken2", b"broken3"))
    folder = tmp_path / "folder" / LEDGER
    folder.unlink()
    folder.mkdir()
    ledger = Ledger(tmp_path / "mine" / LEDGER, [tmp_path / "backup" / LEDGER, broken, folder])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.chains.ledger.trials_of_data", lambda entry, data: data == panel)
        assert set(ledger.trials("x", panel).entries) == {
            "mine0",
            "mine1",
            "mine2",
            "backup0",
            "broken0",
            "broken1",
        }
    assert ledger.damaged_others() == [broken, folder]


@pytest.mark.parametrize("how", ["moved", "copied", "shared"])
def test_the_database_counts_in_a_folder_that_was_moved_but_not_for_another_folder(tmp_path, how):
    """A folder that keeps its runs in the database of this one has its artifacts elsewhere."""
    old, new = tmp_path / "old place", tmp_path / "new"
    extend(old, LEDGER, 3)
    artifacts = old / "artifacts" / "a b"
    artifacts.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(old / DATABASE)) as database, database:
        database.execute("CREATE TABLE experiments (experiment_id, name, artifact_location)")
        database.execute("CREATE TABLE runs (run_uuid, experiment_id, artifact_uri)")
        database.execute("CREATE TABLE tags (run_uuid, key, value)")
        database.execute("INSERT INTO experiments VALUES (1, 'a b', ?)", (artifacts.as_uri(),))
        database.execute("INSERT INTO runs VALUES ('r', 1, ?)", (f"{artifacts.as_uri()}/r/artifacts",))
        database.execute("INSERT INTO tags VALUES ('r', ?, ?)", (HEADS_TAG, heads_to_json(other_heads(old))))
    if how == "moved":
        old.rename(new)
    elif how == "copied":
        shutil.copytree(old, new)
    else:
        new.mkdir()
        shutil.copyfile(old / DATABASE, new / DATABASE)
    (new / HEADS).unlink(missing_ok=True)
    sources = [anchor.source for anchor in find_anchors(new, LEDGER)]
    assert sources == ([] if how == "shared" else [str(new / DATABASE)])


@pytest.mark.parametrize(
    "name",
    ["operations/../decisions.jsonl", "x/operations/a/decisions.jsonl", "a/ledger.jsonl", "/ledger.jsonl"],
)
def test_a_chain_is_at_its_place_below_the_output_folder(tmp_path, name):
    extend(tmp_path, LEDGER)
    write_heads(tmp_path / HEADS, {name: Head(9, "f" * 64, "f" * 64), **read_heads(tmp_path / HEADS)})
    assert set(check_chains(tmp_path)) == {LEDGER}


def test_runs_alone_show_what_their_own_chain_lost_though_an_older_one_agrees(tmp_path):
    extend(tmp_path, LEDGER, 2)
    finish_run(tmp_path, "older")
    extend(tmp_path, LEDGER)
    finish_run(tmp_path, "newer")
    lines = (tmp_path / LEDGER).read_bytes().splitlines(keepends=True)
    (tmp_path / LEDGER).write_bytes(b"".join(lines[:2]))
    (tmp_path / HEADS).unlink()
    with pytest.raises(LedgerError, match="had 3 lines, according to the run newer"):
        Chain(tmp_path / LEDGER, tmp_path).lines()


def test_runs_alone_show_that_their_chain_was_replaced_by_another(tmp_path):
    output, other = tmp_path / "runs", tmp_path / "other"
    extend(output, LEDGER, 2)
    finish_run(output, "r")
    extend(other, LEDGER, 4)
    shutil.copyfile(other / LEDGER, output / LEDGER)
    (output / HEADS).unlink()
    with pytest.raises(LedgerError, match="line 2 is not the line that was written, according to the run r"):
        Chain(output / LEDGER, output).lines()


def test_a_hidden_folder_is_no_run(tmp_path):
    extend(tmp_path, LEDGER)
    finish_run(tmp_path, ".partial-abcdefgh")
    first = Head.of(tmp_path / LEDGER).first
    write_heads(tmp_path / ".partial-abcdefgh" / HEADS, {LEDGER: Head(9, "f" * 64, first)})
    assert check_chains(tmp_path)[LEDGER][0] == 1


@pytest.mark.parametrize("order", [(1, 3, 2), (3, 1, 2)])
def test_the_longest_head_in_the_database_counts_also_one_that_came_a_moment_ago(tmp_path, order):
    heads = {}
    for count in range(1, 4):
        extend(tmp_path, LEDGER)
        heads[count] = heads_to_json(other_heads(tmp_path))
    place = (tmp_path / "artifacts" / "x").resolve().as_uri()
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE experiments (experiment_id, name, artifact_location)")
        database.execute("CREATE TABLE runs (run_uuid, experiment_id, artifact_uri)")
        database.execute("CREATE TABLE tags (run_uuid, key, value)")
        database.execute("INSERT INTO experiments VALUES (1, 'x', ?)", (place,))
        database.execute("INSERT INTO runs VALUES ('r', 1, ?)", (f"{place}/r/artifacts",))
        seen = []
        (tmp_path / HEADS).unlink()
        for count in order:  # the file of the database itself does not change while it is open
            database.execute("INSERT INTO tags VALUES ('r', ?, ?)", (HEADS_TAG, heads[count]))
            seen.append(max(anchor.head.lines for anchor in find_anchors(tmp_path, LEDGER)))
    assert seen == [order[0], 3, 3]
