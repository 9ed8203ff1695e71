"""Month by month: what is new is trained and judged once, and only the better one gets in."""

import json

import numpy as np
import pandas as pd
import pytest
from desk import at, quiet
from filelock import FileLock

from operations.champion.candidate import Candidate
from operations.champion.decisions import Decisions
from operations.champion.manual_promotion import promote, roll_back
from operations.champion.retraining import retrain
from operations.errors import BusyError, OperationsError, RevisedError
from operations.state_dir import state_dir
from pipeline.errors import LeakError
from pipeline.runner.pipeline import Pipeline
from pipeline.stages.loading import load_data
from pipeline.store import Store

pytestmark = pytest.mark.usefixtures("untold")


def folders(desk):
    return sorted(p.name for p in (desk.folder / "runs").glob("mine-*/"))


def test_the_first_is_champion_and_each_newer_one_of_the_same_kind_follows(trained):
    assert [d.kind for d in trained.decisions] == ["promoted"] * 3
    assert [d.data_last for d in trained.decisions] == ["2002-03-31", "2002-04-30", "2002-05-31"]
    assert len(folders(trained)) == 3
    assert Decisions(trained.config()).all() == trained.decisions
    first, second, third = trained.decisions
    assert (second.replaced, third.replaced) == (first.run, second.run)
    assert "no worse than the champion" in [check.name for check in third.checks]


def test_the_same_again_changes_nothing(trained):
    before = folders(trained)
    again = trained.retrain("2002-05-31")
    assert again == trained.decisions[-1]
    assert trained.retrain("2002-06-15") == again, "the month is not over: there is nothing new"
    assert trained.retrain("2002-03-31") == trained.decisions[0], "what was decided then stands"
    assert folders(trained) == before
    assert len(Decisions(trained.config()).all()) == 3


def test_a_commit_that_changes_no_code_is_nothing_new(trained, monkeypatch):
    monkeypatch.setattr("pipeline.stages.record._git_sha", lambda: "another")
    assert trained.retrain("2002-05-31") == trained.decisions[-1]


def test_nothing_is_read_that_was_not_known_yet(trained):
    for decision in trained.decisions:
        candidate = Candidate(trained.folder / "runs" / decision.run)
        assert candidate.summary["data"]["last"] == decision.data_last
        assert f"{candidate.trained_to:%Y-%m-%d}" == decision.data_last


def test_what_the_file_says_later_changes_no_earlier_decision(desk):
    first = desk.retrain("2002-03-31")
    prices = desk.prices()
    prices.loc["2002-04-01":] *= 3.0
    prices.to_csv(desk.folder / "prices.csv")
    assert desk.retrain("2002-03-31") == first


BLIND = {"models__zero": {"kind": "zero"}, "allocation__forecast": "zero"}
"""The same allocator without a forecast, where there is much to forecast."""


def utility_of(desk, **changes):
    """Return what each month adds to utility, from the run's own simulation."""
    config = desk.config(**changes)
    pipeline = Pipeline(config, Store(config.output / "store"), quiet())
    loaded = load_data(config, quiet(), known_by=pd.Timestamp("2002-05-31"))
    done = pipeline.evaluate(pipeline.train(pipeline.prepare(loaded)))
    result = done.results[done.chosen]
    x = result.net - result.cash_return
    return x - config.allocation.risk_aversion / 2 * x**2


def test_a_worse_procedure_is_kept_out_and_the_reason_told(desk):
    first = desk.retrain("2002-05-31")
    blind = desk.retrain("2002-05-31", **BLIND)
    assert (blind.kind, blind.champion) == ("kept", first.run)
    gap = 12 * float((utility_of(desk, **BLIND) - utility_of(desk)).mean())
    assert gap < -0.01
    assert f"utility {100 * gap:+.2f} % a year against the champion" in blind.reason


def test_a_better_procedure_is_let_in(desk):
    desk.retrain("2002-05-31", **BLIND)
    seeing = desk.retrain("2002-05-31")
    assert (seeing.kind, seeing.champion) == ("promoted", seeing.run)
    assert "utility +" in seeing.reason


def test_a_limit_of_the_gate_keeps_the_champion(desk):
    first = desk.retrain("2002-04-30")
    kept = desk.retrain("2002-05-31", gate={"turnover": 1e-6})
    assert kept.kind == "kept"
    assert kept.champion == first.run
    assert "at most 1e-06 allowed" in kept.reason
    again = desk.retrain("2002-05-31")
    assert again.kind == "promoted", "another gate is another judgement"
    assert again.run == kept.run, "of the same run"


def test_a_leak_stops_everything_and_the_champion_stays(desk, monkeypatch):
    first = desk.retrain("2002-04-30")

    def leaking(certificate):
        raise LeakError("it leaks")

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.runner.certification.refuse", leaking)
        with pytest.raises(LeakError, match="it leaks"):
            desk.retrain("2002-05-31")
    assert Decisions(desk.config()).all() == [first]
    assert desk.retrain("2002-05-31").kind == "promoted", "and the next attempt goes on"


def test_two_at_a_time_do_not_both_run(desk):
    config = desk.config()
    state_dir(config).mkdir(parents=True)
    with FileLock(state_dir(config) / ".retraining.lock"), pytest.raises(BusyError, match="another process"):
        retrain(config, quiet(), now=at("2002-05-31"))
    assert retrain(config, quiet(), now=at("2002-05-31")).kind == "promoted"


def test_a_sealed_holdout_is_not_used_in_earnest(desk):
    with pytest.raises(OperationsError, match="remove the key once the holdout has been judged"):
        desk.retrain("2002-05-31", evaluation__holdout="2001-12-31")


def test_by_hand_back_and_forth(desk):
    first, second = desk.retrain("2002-03-31"), desk.retrain("2002-04-30")
    config = desk.config()
    back = roll_back(config, quiet(), now=at("2002-05-02"), why="strange")
    assert (back.champion, back.reason) == (first.run, "strange")
    with pytest.raises(OperationsError, match="champion already"):
        promote(config, quiet(), first.run, now=at("2002-05-03"), why="x")
    with pytest.raises(OperationsError, match="The run is not whole"):
        promote(config, quiet(), "mine-nothing", now=at("2002-05-03"), why="x")
    forth = promote(config, quiet(), second.run, now=at("2002-05-03"), why="I looked")
    assert forth.reason == "manual: I looked"
    assert Decisions(config).champion() == forth


def test_a_champion_that_cannot_be_read_is_not_replaced_in_silence(desk, monkeypatch):
    first = desk.retrain("2002-03-31")
    place = desk.folder / "runs" / first.run / "config.json"
    content = json.loads(place.read_text())
    place.write_text(json.dumps(content | {"unheard_of": 1}))
    with monkeypatch.context() as patch:
        patch.setattr(Decisions, "files_of", lambda *_: {})  # decisions of earlier versions recorded none
        kept = desk.retrain("2002-04-30")
    assert kept.kind == "kept"
    assert "not understood by this version" in kept.reason
    changed = desk.retrain("2002-05-31")
    assert changed.kind == "kept"
    assert "config.json: not the file that the decision about the run" in changed.reason


def test_frozen_forecasts_join_the_walk_without_a_seam(trained):
    """Up to the end of its data a champion forecasts as its run did; after it, by its last fit alone."""
    first, last = (Candidate(trained.folder / "runs" / trained.decisions[k].run) for k in (0, -1))
    pipeline = Pipeline(last.config, Store(trained.folder / "runs" / "store"), quiet())
    prepared = pipeline.prepare(load_data(last.config, quiet(), known_by=pd.Timestamp("2002-05-31")))
    regimes, _ = pipeline.estimate(prepared)
    old, new = first.forecasts(prepared, regimes), last.forecasts(prepared, regimes)
    np.testing.assert_array_equal(old.positions, new.positions)
    np.testing.assert_array_equal(old.mean[:-2], new.mean[:-2])
    np.testing.assert_array_equal(old.raw[-2:], new.raw[-2:], err_msg="the fit is of the same fold")
    assert 0 < old.slope[-1] < 1, "or all slopes are alike"
    assert (old.slope[-2:] == old.slope[-3]).all(), "a frozen model does not learn"
    assert not np.array_equal(old.mean[-1], new.mean[-1], equal_nan=True)
    np.testing.assert_allclose(old.stderr[-2:], new.stderr[-2:], rtol=0.2)


def test_a_run_folder_whose_process_was_killed_before_the_link_is_taken_up(desk, monkeypatch):
    first = desk.retrain("2002-03-31")

    def killed(output, run_id):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.export.run_folder.point_latest", killed)
        with pytest.raises(KeyboardInterrupt):
            desk.retrain("2002-04-30")
    (written,) = set(folders(desk)) - {first.run}
    assert (desk.folder / "runs" / "latest").readlink().name == first.run
    assert desk.retrain("2002-04-30").run == written
    assert (desk.folder / "runs" / "latest").readlink().name == written
    assert len(folders(desk)) == 2


def rewritten(desk, until, factor=1.5):
    """Write prices to a date, one of whose past prices has changed."""
    prices = desk.prices().loc[:until]
    prices.iloc[20:, 0] *= factor
    prices.to_csv(desk.folder / "prices.csv")


@pytest.mark.parametrize(("until", "now"), [("2002-03-31", "2002-04-30"), ("2002-04-30", "2002-03-31")])
def test_a_rewritten_past_is_refused_also_if_the_data_ends_before_what_was_recorded(desk, until, now):
    desk.retrain("2002-04-30")
    rewritten(desk, until)
    with pytest.raises(RevisedError, match="of A00 on"):
        desk.retrain(now)
    assert len(Decisions(desk.config()).all()) == 1


def test_an_earlier_date_is_trained_if_the_past_is_as_recorded(desk):
    desk.retrain("2002-04-30")
    assert desk.retrain("2002-03-31").data_last == "2002-03-31"
