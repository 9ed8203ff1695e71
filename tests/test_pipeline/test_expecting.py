"""Strategies that combine what is expected: aims, stated views, tracking error; against the allocators by hand."""

import numpy as np
import pandas as pd
import pytest
from running import evaluated, pipeline_of

from allocation.covariance.path import CovariancePath
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.views.black_litterman import BlackLitterman, equilibrium_path
from allocation.views.view import View
from pipeline.config import load_config
from pipeline.errors import ConfigError, RunError

SMALL = {
    "models": {"ridge": {"kind": "ridge", "n_penalties": 5}},
    "allocation__forecast": "ridge",
    "features__include": ["asset", "market"],
}
VIEW = {"long": "A00", "annual_return": 0.3, "confidence": 0.9, "first": "2001-01-01"}


def one(mine, strategy, **changes):
    return mine(**SMALL, strategies={"s": strategy}, **changes)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (
            {"kind": "black_litterman"},
            r"strategies\.s: nothing moves equilibrium: give a forecast, views, or both",
        ),
        (
            {"kind": "black_litterman", "forecast": "ridge", "market": {"A00": 0.0}},
            r"strategies\.s\.market: all weights are 0, expected some asset above 0",
        ),
        (
            {"kind": "black_litterman", "views": [VIEW | {"longs": "A01"}]},
            r"strategies\.s\.views\.0\.longs: unknown key; did you mean 'long'",
        ),
        (
            {"kind": "black_litterman", "views": [{k: v for k, v in VIEW.items() if k != "first"}]},
            r"strategies\.s\.views\.0\.first: missing",
        ),
        (
            {"kind": "black_litterman", "views": [VIEW | {"short": ["A01", "A00"]}]},
            r"strategies\.s\.views\.0\.short: 'A00' is already in long",
        ),
        (
            {"kind": "black_litterman", "views": [VIEW | {"last": "1999-01-01"}]},
            r"strategies\.s\.views\.0: last 1999-01-01 is before first 2001-01-01",
        ),
        (
            {"kind": "black_litterman", "views": [VIEW | {"confidence": 60}]},
            r"strategies\.s\.views\.0\.confidence: .*less than or equal to 1, got 60",
        ),
        (
            {"kind": "black_litterman", "views": [VIEW | {"long": {"A00": -1}}]},
            r"strategies\.s\.views\.0\.long\.A00: .*greater than 0",
        ),
        (
            {"kind": "aim", "forecast": "rigde"},
            r"strategies\.s\.forecast: 'rigde' is not .*did you mean 'ridge'",
        ),
        (
            {"kind": "aim", "forecast": "ridge", "decay": 2},
            r"strategies\.s\.decay: .*less than or equal to 1",
        ),
        (
            {
                "kind": "tactical",
                "strategic": "equal_weight",
                "forecast": "ridge",
                "annual_tracking_error": 0,
            },
            r"strategies\.s\.annual_tracking_error: .*greater than 0",
        ),
    ],
)
def test_mistakes_are_named(mine, strategy, message):
    with pytest.raises(ConfigError, match=message):
        load_config(one(mine, strategy))


def test_an_aim_needs_costs(mine):
    with pytest.raises(
        ConfigError, match=r"strategies\.s: an aim is for trades that cost something; cost_rate"
    ):
        load_config(one(mine, {"kind": "aim", "forecast": "ridge"}, cost_rate=0.0))


def test_assets_of_views_must_exist(mine):
    pipeline = pipeline_of(one(mine, {"kind": "black_litterman", "views": [VIEW | {"short": ["A99"]}]}))
    with pytest.raises(RunError, match=r"strategies\.s\.views\.0\.short: 'A99' is no asset of the data"):
        pipeline.prepare()


def test_stated_views_are_those_of_the_allocator_from_their_day_on(mine):
    """Absolute and relative, per year in the configuration and per horizon in the allocator."""
    views = [
        VIEW,
        {"long": {"A01": 3, "A02": 1}, "short": "A03", "annual_return": 0.06, "first": "2000-06-30"},
    ]
    done = evaluated(one(mine, {"kind": "black_litterman", "views": views}))
    prepared, result = done.trained.prepared, done.results["strategy:s"]
    dates, assets = prepared.panel.dates, prepared.panel.assets
    inner = MeanVariance(assets, Constraints(maximum=0.5), risk_aversion=5.0, cost=0.0005)
    held = np.zeros(len(assets))
    for row, target in zip(result.decisions, result.targets, strict=True):
        stated = []
        if dates[row] >= pd.Timestamp("2001-01-01"):
            stated.append(View({"A00": 1.0}, 0.3 / 12, confidence=0.9))
        if dates[row] >= pd.Timestamp("2000-06-30"):
            stated.append(View({"A01": 0.75, "A02": 0.25}, 0.06 / 12, {"A03": 1.0}))
        by_hand = BlackLitterman(inner, risk_aversion=5.0, views=stated, covariance="prior")
        sigma, universe = done.trained.covariances.at(int(row))
        weights = by_hand.solve(int(row), np.zeros(len(assets)), sigma, held, universe).weights
        np.testing.assert_allclose(target, weights, atol=1e-9)
        grown = target * (1 + np.nan_to_num(prepared.panel.returns[min(row + 1, len(dates) - 1)]))
        held = grown / grown.sum()
    before, after = dates[result.decisions] < "2001-01-01", dates[result.decisions] >= "2001-01-01"
    assert result.targets[after, 0].mean() > result.targets[before, 0].mean() + 0.1


def test_views_and_forecasts_go_together(mine):
    both = evaluated(one(mine, {"kind": "black_litterman", "forecast": "ridge", "views": [VIEW]}))
    alone = evaluated(one(mine, {"kind": "black_litterman", "forecast": "ridge"}))
    dates = both.trained.prepared.panel.dates[both.results["strategy:s"].decisions]
    moved = both.results["strategy:s"].targets - alone.results["strategy:s"].targets
    assert not moved[dates < "2001-01-01"].any()
    assert moved[dates >= "2001-01-01", 0].mean() > 0.05


def test_a_slow_trader_trades_less_the_dearer_it_is(mine):
    """And what fades at once is hardly worth a trade."""
    plain = {"allocation__l2_penalty": 0.0, "allocation__active_risk_aversion": 0.0}
    cheap, dear = (
        evaluated(one(mine, {"kind": "aim", "forecast": "ridge"}, cost_rate=rate, **plain))
        for rate in (1e-6, 0.01)
    )
    turnover = [done.performance["strategy:s"]["turnover"] for done in (cheap, dear)]
    assert turnover[1] < 0.5 * turnover[0]
    myopic = cheap.results["model:ridge"].targets
    np.testing.assert_allclose(cheap.results["strategy:s"].targets, myopic, atol=0.02)
    fades, stays = (
        evaluated(one(mine, {"kind": "aim", "forecast": "ridge", "decay": decay})) for decay in (1.0, 0.0)
    )
    assert fades.performance["strategy:s"]["turnover"] < stays.performance["strategy:s"]["turnover"]


def test_tracking_error_is_that_against_the_strategic_weights(mine):
    given = {"kind": "tactical", "strategic": "equal_weight", "forecast": "ridge", "deviation": 1.0}
    given |= {"risk_aversion": 0.5}
    done = evaluated(one(mine, given | {"annual_tracking_error": 0.01}))
    free = evaluated(one(mine, given))

    def errors(run):
        out = []
        for row, w in zip(
            run.results["strategy:s"].decisions, run.results["strategy:s"].targets, strict=True
        ):
            sigma, eligible = run.trained.covariances.at(int(row))
            active = (w - eligible / eligible.sum())[eligible]
            out.append(np.sqrt(12 * active @ sigma[np.ix_(eligible, eligible)] @ active))
        return np.array(out)

    actual = errors(done)
    assert actual.max() <= 0.01 * (1 + 1e-6)
    assert (actual > 0.01 * (1 - 1e-4)).mean() > 0.2, "it binds"
    assert errors(free).max() > 0.02


def test_a_market_of_which_nothing_can_be_held_is_refused_before_anything_is_fitted(mine):
    ended = {"kind": "black_litterman", "forecast": "ridge", "market": {"A01": 1.0}}
    pipeline = pipeline_of(one(mine, ended))
    with pytest.raises(
        RunError, match=r"strategies\.s\.market, at \d{4}-\d\d-\d\d: none of its assets \(A01\)"
    ):
        pipeline.prepare()


def test_there_is_no_equilibrium_where_nothing_of_the_market_is_there():
    sigma = np.stack([np.diag([0.04, 0.01])] * 2)
    path = CovariancePath(np.array([3, 4]), sigma, np.array([[True, True], [False, True]]))
    expected = equilibrium_path(path, np.array([1.0, 0.0]), 5.0)
    np.testing.assert_allclose(expected, [[0.2, 0.0], [np.nan, np.nan]])
