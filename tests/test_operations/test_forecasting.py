"""What the champion says as of a date is what its run said, and never what it could not know."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from desk import quiet

from market.errors import SourceError
from operations.champion.candidate import Candidate
from operations.champion.forecasting import plan, predict, situation
from operations.champion.holdings import read_holdings
from operations.champion.holdings_check import match_holdings
from operations.cli.output.forecasts import plan_table, write_answer
from operations.errors import OperationsError
from pipeline.runner.pipeline import Pipeline
from pipeline.stages.loading import load_data
from pipeline.store import Store

pytestmark = pytest.mark.usefixtures("untold")


def as_of(desk, date=None, **changes):
    return situation(desk.config(**changes), quiet(), None if date is None else pd.Timestamp(date).date())


def test_on_the_last_date_of_its_data_the_champion_says_what_its_run_said(trained):
    found = as_of(trained, "2002-05-31")
    run = Candidate(trained.folder / "runs" / trained.decisions[-1].run)
    stored = pd.read_parquet(run.folder / "forecasts.parquet")
    last = stored[(stored.model == "combination") & (stored.date == "2002-05-31")]
    result = predict(found)
    assert list(result["asset"]) == list(last["asset"].astype(str))
    for name in ("mean", "raw"):
        np.testing.assert_array_equal(result[name], last[name])
    np.testing.assert_allclose(result["stderr"], last["stderr"], rtol=1e-12)


def test_without_holdings_trades_start_from_what_the_run_would_hold_and_end_at_its_target(trained):
    run = Candidate(trained.folder / "runs" / trained.decisions[-1].run)
    made = plan(as_of(trained, "2002-05-31"))
    assert made.weights.weights.tolist() == list(run.summary["target"]["weights"].values())
    table = pd.read_csv(run.folder / "weights.csv")
    assert table["date"].iloc[-1] == "2002-05-31"
    np.testing.assert_allclose(made.held.sum(), 1, atol=1e-9)
    assert not np.array_equal(made.held, made.weights.weights)


def test_a_month_later_only_the_features_are_newer(trained):
    """A plain oracle: the whole pipeline up to that month with the slope of the month before."""
    found = as_of(trained, "2002-06-30")
    assert f"{found.date:%Y-%m-%d}" == "2002-06-30"
    config = trained.config()
    pipeline = Pipeline(config, Store(config.output / "store"), quiet())
    done = pipeline.train(pipeline.prepare(load_data(config, quiet())))
    forecast = done.forecasts["combination"]
    listed = np.isfinite(forecast.raw[-1])
    result = predict(found)
    np.testing.assert_array_equal(result["raw"], forecast.raw[-1][listed])
    base = forecast.mean[-1] - forecast.slope[-1] * forecast.raw[-1] * done.prepared.schedule.target.risk[-1]
    wanted = base + forecast.slope[-2] * forecast.raw[-1] * done.prepared.schedule.target.risk[-1]
    np.testing.assert_allclose(result["mean"], wanted[listed], rtol=1e-9)


def test_a_date_before_the_end_of_its_data_is_refused(trained):
    with pytest.raises(OperationsError, match="would use later data"):
        as_of(trained, "2002-04-30")


def test_a_date_before_the_data_is_named_with_the_file_and_its_first_date(trained):
    with pytest.raises(
        SourceError, match=r"prices\.csv: nothing was known at the close of 1900-01-01"
    ) as error:
        as_of(trained, "1900-01-01")
    assert str(trained.folder / "prices.csv") in str(error.value)
    assert "its first date is 1989-12-31" in str(error.value)
    with pytest.raises(SourceError, match="its first date is 1989-12-31"):
        trained.retrain("1900-01-01")


def test_holdings_are_checked_before_anything_is_computed(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(Pipeline, "prepare", None)  # whoever calls it fails
    (tmp_path / "held.csv").write_text("asset,weight\nA99,1\n")
    with pytest.raises(OperationsError, match="unknown asset 'A99'"):
        situation(trained.config(), quiet(), None, read_holdings(tmp_path / "held.csv"))


def test_without_a_champion_the_way_to_one_is_told(desk):
    with pytest.raises(OperationsError, match="has no champion: `tangency retrain`"):
        as_of(desk)


def test_what_comes_after_the_date_changes_nothing(desk):
    desk.retrain("2002-04-30")
    before = predict(as_of(desk, "2002-05-31"))
    prices = desk.prices()
    prices.loc["2002-06-01":] *= np.linspace(0.5, 2, prices.shape[1])
    prices.to_csv(desk.folder / "prices.csv")
    pd.testing.assert_frame_equal(predict(as_of(desk, "2002-05-31")), before, check_exact=True)
    assert not predict(as_of(desk)).equals(before)


def test_a_nearly_riskless_asset_is_held_as_in_the_run(desk):
    prices = desk.prices()
    rng = np.random.default_rng(0)
    prices["BIL"] = 91 * np.cumprod(1.003 + rng.normal(0, 1e-4, len(prices)))
    prices.to_csv(desk.folder / "prices.csv")
    changes = {"allocation__risk_aversion": 50.0}
    decision = desk.retrain("2002-05-31", **changes)
    run = Candidate(desk.folder / "runs" / decision.run)
    made = plan(as_of(desk, "2002-05-31", **changes))
    weights = run.summary["target"]["weights"]
    assert weights["BIL"] > 0.1
    assert made.weights.weights.tolist() == list(weights.values())
    later = plan(as_of(desk, "2002-06-30", **changes))
    assert later.weights.weights[list(weights).index("BIL")] > 0.1


def test_a_traded_strategy_is_what_is_planned(desk):
    changes = {
        "strategies": {
            "quarter": {
                "kind": "core_satellite",
                "core": "equal_weight",
                "satellite": "model:ridge",
                "share": 0.75,
                "exempt": ["maximum"],
            }
        },
        "allocation__strategy": "quarter",
    }
    decision = desk.retrain("2002-05-31", **changes)
    run = Candidate(desk.folder / "runs" / decision.run)
    made = plan(as_of(desk, "2002-05-31", **changes))
    assert made.weights.weights.tolist() == list(run.summary["target"]["weights"].values())


HELD = "asset,weight\nA00,0.5\nA03,0.2\ncash,0.3\n"


def test_trades_and_their_cost_start_from_what_is_held(trained, tmp_path):
    (tmp_path / "held.csv").write_text(HELD)
    found = as_of(trained, "2002-05-31")
    held = read_holdings(tmp_path / "held.csv")
    made = plan(found, match_holdings(held, found.prepared.panel, found.prepared.config))
    table = plan_table(found, made).set_index("asset")
    assert table.loc["A00", "held"] == 0.5
    assert table.loc["cash", "held"] == pytest.approx(0.3)
    np.testing.assert_allclose(table["held"] + table["trade"], table["target"], atol=1e-15)
    assert table["target"].sum() == pytest.approx(1)
    assert table["trade"].sum() == pytest.approx(0, abs=1e-12)
    bought = table.drop(index="cash")["trade"].abs().sum()
    assert made.cost == pytest.approx(0.001 * bought, rel=1e-12)
    assert table["cost"].sum() == pytest.approx(made.cost, rel=1e-12)
    assert made.weights.certificate.holds


def test_answers_are_written_by_the_ending_of_the_name(tmp_path):
    table = pd.DataFrame({"asset": ["A"], "mean": [0.1]})
    write_answer(tmp_path / "a.csv", table, {})
    assert (tmp_path / "a.csv").read_text() == "asset,mean\nA,0.1\n"
    write_answer(tmp_path / "a.json", table, {"mean": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"mean": None}


def test_what_is_closed_today_is_not_traded_today(trained):
    """The champion's data ends on a date at which two assets have no price."""
    found = as_of(trained, "2002-05-31")
    panel = found.prepared.panel
    returns = panel.returns.copy()
    shut = np.flatnonzero(panel.listed[-1])[:2]
    returns[-1, shut] = np.nan
    holed = replace(panel, returns=returns)
    config = found.prepared.config
    pipeline = Pipeline(config, Store(config.output / "store"), quiet())
    prepared = pipeline.prepare((holed, ()))
    regimes, covariances = pipeline.estimate(prepared)
    closed = replace(found, prepared=prepared, regimes=regimes, covariances=covariances)
    made = plan(closed)
    trades = made.weights.weights - made.held
    assert np.abs(trades[shut]).max() < 1e-12
    assert made.by_asset[shut].max() < 1e-14
    assert np.abs(trades).max() > 1e-4
    assert made.weights.weights.sum() + made.weights.cash == pytest.approx(1)
    assert "market closed" in made.weights.note or not made.held[shut].any()
    held = pd.Series(0.125, index=panel.assets)
    brought = plan(closed, held)
    np.testing.assert_allclose(brought.weights.weights[shut], 0.125, atol=1e-12)
    assert "market closed" in brought.weights.note


def test_a_rewritten_past_is_a_warning_and_other_assets_are_refused(desk):
    desk.retrain("2002-05-31")
    prices = desk.prices()
    reporter = quiet()
    warned = []
    reporter.warn = warned.append
    situation(desk.config(), reporter)
    assert not any("recorded of the past" in text for text in warned), "new months rewrite nothing"
    changed = prices.copy()
    changed.iloc[20:, 0] *= 1.5
    changed.to_csv(desk.folder / "prices.csv")
    situation(desk.config(), reporter)
    assert any("recorded of the past" in text and "of A00 on" in text for text in warned)
    prices.rename(columns=lambda name: f"other {name}").to_csv(desk.folder / "prices.csv")
    with pytest.raises(OperationsError, match="none of them is in the data"):
        situation(desk.config(), quiet())
