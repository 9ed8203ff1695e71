"""A champion changes by one line; whoever changes a line is seen; whoever goes back, goes back in order."""

import datetime as dt

import pytest
from desk import at, quick

from operations.champion.decisions import Check, Decision, Decisions, succession
from operations.errors import OperationsError
from pipeline.chains.heads import chain_paths
from pipeline.config import RunConfig
from pipeline.errors import LedgerError


@pytest.fixture
def decisions(tmp_path):
    return Decisions(RunConfig.model_validate(quick(tmp_path)))


def step(decisions, kind, run, month, identity=""):
    """Add one decision as retrain would."""
    known = decisions.all()
    before = known[-1].champion if known else None
    champion = run if kind == "promoted" else before
    checks = (Check("certificate", kind == "promoted", "nothing looked ahead"),)
    made = Decision(
        kind, at(f"2001-{month:02d}-28"), run, champion, before, identity or run, "2001-01-31", "why", checks
    )
    decisions.record(made, known)
    return made


def test_what_is_written_is_read(decisions):
    assert decisions.all() == []
    assert decisions.champion() is None
    made = step(decisions, "promoted", "a", 1, identity="x")
    assert decisions.all() == [made]
    assert decisions.champion() == made
    assert decisions.judged("x") == made
    assert decisions.judged("y") is None


def test_a_challenger_that_was_not_let_in_changes_nothing(decisions):
    first = step(decisions, "promoted", "a", 1)
    step(decisions, "kept", "b", 2)
    assert decisions.champion() == first, "champion since the first month"
    assert decisions.all()[-1].champion == "a"


def test_going_back_goes_back_in_order_and_can_be_followed_by_going_on(decisions):
    for month, run in enumerate("abc", start=1):
        step(decisions, "promoted", run, month)
    now = at("2001-06-30")
    back = decisions.roll_back(now, "odd weights")
    assert (back.champion, back.replaced, back.run, back.reason) == ("b", "c", "c", "odd weights")
    assert decisions.champion().at == now
    assert decisions.roll_back(now, "again").champion == "a"
    with pytest.raises(OperationsError, match="a is the first champion"):
        decisions.roll_back(now, "once more")
    step(decisions, "promoted", "d", 7)
    assert succession(decisions.all()) == ["a", "d"]
    assert decisions.roll_back(now, "no").champion == "a", "not c, which was given up"


def test_without_a_champion_there_is_nothing_to_go_back_to(decisions):
    with pytest.raises(OperationsError, match="there is no champion"):
        decisions.roll_back(at("2001-06-30"), "why")


def test_a_rolled_back_run_is_not_judged_again(decisions):
    step(decisions, "promoted", "a", 1, identity="x")
    step(decisions, "promoted", "b", 2, identity="y")
    decisions.roll_back(at("2001-06-30"), "why")
    assert decisions.judged("y").kind == "promoted", "the same data does not promote it once more"


def test_a_decision_made_in_ignorance_of_another_is_refused(decisions):
    known = decisions.all()
    first = step(decisions, "promoted", "a", 1)
    late = Decision("promoted", first.at, "b", "b", None, "z", "2001-01-31", "why")
    with pytest.raises(OperationsError, match="another decision was made meanwhile"):
        decisions.record(late, known)
    assert decisions.all() == [first]


@pytest.mark.parametrize("edit", ["promoted", "why", "2001-02"])
def test_an_edited_line_shows(decisions, edit):
    for month, run in enumerate("abc", start=1):
        step(decisions, "promoted", run, month)
    path = decisions.chain.path
    text = path.read_text()
    assert edit in text
    path.write_text(text.replace(edit, edit[::-1], 1))
    with pytest.raises(LedgerError, match="the chain of hashes is broken"):
        decisions.all()


def test_a_line_left_out_shows_and_a_torn_one_is_no_decision(decisions):
    for month, run in enumerate("abc", start=1):
        step(decisions, "promoted", run, month)
    path = decisions.chain.path
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    with pytest.raises(LedgerError, match="line 2"):
        decisions.all()
    path.write_bytes(b"".join(lines) + lines[2][:40])
    assert [d.run for d in decisions.all()] == ["a", "b", "c"]
    step(decisions, "promoted", "d", 4)
    assert [d.run for d in decisions.all()] == ["a", "b", "c", "d"]


def test_all_chains_of_a_folder_are_found(decisions, tmp_path):
    assert chain_paths(tmp_path / "runs") == []
    step(decisions, "promoted", "a", 1)
    (tmp_path / "runs" / "ledger.jsonl").touch()
    found = [path.name for path in chain_paths(tmp_path / "runs")]
    assert found == ["ledger.jsonl", "decisions.jsonl"]


def test_times_are_kept_with_their_zone(decisions):
    made = step(decisions, "promoted", "a", 1)
    assert decisions.all()[0].at.utcoffset() == dt.timedelta(0)
    assert made.entry()["at"] == "2001-01-28T22:00:00+00:00"
