"""A repair may be killed anywhere and be started twice: nothing is forgotten and nothing is counted twice."""

import contextlib
import threading

import pytest

from pipeline.chains import repair as module
from pipeline.chains.chain import Chain
from pipeline.chains.checks import check_chains
from pipeline.chains.heads import HEADS, LEDGER, REPAIRS, Head, read_heads
from pipeline.chains.ledger import Ledger
from pipeline.chains.repair import repair_chains
from pipeline.errors import LedgerError

TRIALS = [
    {"kind": "trial", "experiment": "mine", "id": str(k), "data": "d", "returns": k, "at": f"2026-01-0{k}"}
    for k in range(1, 7)
]


class Killed(BaseException):
    pass


def shorten(output):
    """Cut a ledger of six lines to two, which its anchor shows."""
    ledger = Ledger(output / LEDGER)
    ledger.add(TRIALS)
    ledger.path.write_bytes(b"".join(ledger.path.read_bytes().splitlines(keepends=True)[:2]))


def damage(output):
    """Change the third of six lines of a ledger without anchors."""
    Chain(output / LEDGER).extend(lambda _: TRIALS)
    path = output / LEDGER
    path.write_bytes(path.read_bytes().replace(b'"returns": 3', b'"returns": 9'))


def count(output):
    trials = Ledger(output / LEDGER).trials("mine")
    return trials.lost, trials.configurations


@pytest.mark.parametrize("known", [TRIALS, TRIALS[:3], []], ids=["all", "three", "none"])
@pytest.mark.parametrize("hurt", [shorten, damage])
def test_a_repair_that_was_killed_is_completed_by_the_next(tmp_path, monkeypatch, hurt, known):
    hurt(tmp_path / "undisturbed")
    assert len(repair_chains(tmp_path / "undisturbed", "x", known)) == 1
    expected = count(tmp_path / "undisturbed")
    assert expected == (6 - max(len(known), 2), 6)
    killed = 0
    for owner, call in (
        (Chain, "extend"),
        (module, "_cut"),
        (module, "_note_heads"),
        (module, "write_heads"),
    ):
        for after in (False, True):
            for nth in (1, 2):
                output = tmp_path / f"{call}{after}{nth}"
                hurt(output)
                honest, calls = getattr(owner, call), []

                def dying(*arguments, honest=honest, calls=calls, nth=nth, after=after):
                    calls.append(arguments)
                    done = honest(*arguments) if after or len(calls) != nth else None
                    if len(calls) == nth:
                        raise Killed
                    return done

                with monkeypatch.context() as patch, contextlib.suppress(Killed):
                    patch.setattr(owner, call, dying)
                    repair_chains(output, "x", known)
                killed += len(calls) == nth
                repair_chains(output, "again", known)
                assert count(output) == expected, (call, after, nth)
                assert len(Chain(output / REPAIRS).lines()) == 1
                assert repair_chains(output, "once more", known) == []
                check_chains(output)
                assert len(Chain(output / LEDGER).lines()) == 6 - expected[0]
                Ledger(output / LEDGER).add([{**TRIALS[0], "id": "new", "returns": "new"}])
                assert read_heads(output / HEADS)[LEDGER] == Head.of(output / LEDGER)
    assert killed >= 6


def test_trials_of_a_killed_repair_count_before_the_next_one(tmp_path, monkeypatch):
    shorten(tmp_path)
    honest = Chain.extend

    def dying(self, choose):
        if self.path.name == LEDGER:
            raise Killed
        return honest(self, choose)

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "extend", dying)
        with pytest.raises(Killed):
            repair_chains(tmp_path, "x", TRIALS)
    assert len(Chain(tmp_path / LEDGER).lines()) == 2
    assert count(tmp_path) == (0, 6)


@pytest.mark.parametrize("hurt", [shorten, damage])
def test_repairs_at_once_record_the_loss_once(tmp_path, hurt):
    hurt(tmp_path)
    start, done = threading.Barrier(3), []

    def work():
        start.wait()
        done.extend(repair_chains(tmp_path, "x"))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.lost for one in done] == [4]
    assert count(tmp_path) == (4, 6)


def test_a_newer_line_of_the_same_trial_comes_back_and_an_older_one_does_not(tmp_path):
    older, newer = (
        {**TRIALS[0], "last": "2026-01-31"},
        {**TRIALS[0], "last": "2026-02-28", "at": "2026-01-09"},
    )
    for name, first, second, expected in (("a", older, newer, newer), ("b", newer, {**TRIALS[1]}, newer)):
        ledger = Ledger(tmp_path / name / LEDGER)
        ledger.add([first])
        ledger.add([second])
        ledger.path.write_bytes(ledger.path.read_bytes().splitlines(keepends=True)[0])
        repair_chains(tmp_path / name, "x", [newer if name == "a" else older])
        assert ledger.lines()[-1]["last"] == expected["last"]
        assert ledger.trials("mine").lost == (0 if name == "a" else 1)


@pytest.mark.parametrize("left", ["damaged", "empty", "missing"])
def test_a_damaged_record_of_repairs_is_repaired_itself(tmp_path, left):
    shorten(tmp_path)
    repair_chains(tmp_path, "x")
    path = tmp_path / REPAIRS
    if left == "damaged":
        path.write_bytes(path.read_bytes().replace(b'"lost": 4', b'"lost": 0'))
    elif left == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    with pytest.raises(LedgerError):
        check_chains(tmp_path)
    assert {one.chain for one in repair_chains(tmp_path, "y")} == {REPAIRS}
    check_chains(tmp_path)
    assert repair_chains(tmp_path, "z") == []
