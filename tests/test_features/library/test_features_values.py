"""Features against values worked out by hand, and against pandas on a daily panel."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import make_panel

from features.building import build_matrix
from market.macro import MacroSeries
from market.panel import Panel


def monthly(returns, cash=0.0, market=None, macro=None, volume=None):
    returns = np.asarray(returns, dtype=float)
    returns = returns[:, None] if returns.ndim == 1 else returns
    n = len(returns)
    return Panel(
        name="by hand",
        dates=pd.date_range("2001-01-31", periods=n, freq="ME"),
        assets=tuple(f"A{j}" for j in range(returns.shape[1])),
        returns=returns,
        cash=np.full(n, cash),
        market=np.zeros(n) if market is None else np.asarray(market),
        periods_per_year=12,
        volume=volume,
        macro=macro or {},
    )


def last(panel, name):
    return build_matrix(panel, include=[name]).column(name)[-1, 0]


def test_returns_compound():
    panel = monthly([0.01] * 40)
    assert last(panel, "return_1") == pytest.approx(0.01)
    assert last(panel, "return_3") == pytest.approx(0.030301)
    assert last(panel, "return_6") == pytest.approx(0.061520150601)
    assert last(panel, "return_12") == pytest.approx(0.126825030131970)
    assert last(panel, "return_36") == pytest.approx(1.01**36 - 1)
    assert last(panel, "momentum_12_1") == pytest.approx(0.115668346522760)
    assert last(panel, "momentum_6_1") == pytest.approx(0.0510100501)


def test_momentum_skips_the_last_month_and_reversal_is_it():
    returns = [0.02, -0.02] * 6
    returns[-1] = 0.5
    panel = monthly(returns)
    assert last(panel, "momentum_12_1") == pytest.approx(1.02**6 * 0.98**5 - 1)
    assert last(panel, "reversal_1") == pytest.approx(-0.5 / np.std(returns, ddof=1))


def test_long_term_reversal_ends_a_year_ago():
    panel = monthly([0.9] + [0.02] * 24 + [0.7] * 12)
    assert last(panel, "long_term_reversal_36_12") == pytest.approx(-(1.02**24 - 1))


def test_seasonality_is_the_coming_calendar_month():
    returns = np.full(60, -0.5)
    # Row 59 is December 2005: January 2006 comes, and past Januaries are rows 0, 12, 24, 36 and 48.
    returns[[0, 12, 24, 36, 48]] = np.expm1([0.01, 0.02, 0.03, 0.04, 0.05])
    assert last(monthly(returns), "seasonality_60") == pytest.approx(0.03)
    returns[24] = np.nan
    assert last(monthly(returns), "seasonality_60") == pytest.approx(0.03)
    returns[12] = np.nan
    assert np.isnan(last(monthly(returns), "seasonality_60"))


def test_total_loss_is_a_return_of_minus_one():
    panel = monthly([0.01] * 11 + [-1.0])
    assert last(panel, "return_12") == pytest.approx(-1.0, abs=2e-6)
    assert last(panel, "drawdown_12") == -1.0
    assert last(panel, "level_to_mean_10") == -1.0


def test_drawdown_and_place_in_the_range():
    panel = monthly([0.0, 0.25, -0.2, -0.1] + [0.0] * 7 + [0.05])
    # Levels 1, 1.25, 1, 0.9, ..., 0.945.
    assert last(panel, "drawdown_12") == pytest.approx(0.945 / 1.25 - 1)
    assert last(panel, "range_position_12") == pytest.approx(0.045 / 0.35)
    assert last(panel, "level_to_mean_3") == pytest.approx(0.945 / 0.915 - 1)
    mean = (1 + 1.25 + 1 + 0.9 * 8 + 0.945) / 12
    assert last(panel, "level_to_mean_12") == pytest.approx(0.945 / mean - 1)
    assert last(panel, "crossover_3_12") == pytest.approx(0.915 / mean - 1)
    assert last(panel, "trend_consistency_12") == pytest.approx(2 / 12)
    assert last(panel, "max_return_12") == pytest.approx(0.25)


def test_risk_against_cash():
    returns = [0.03, -0.01] * 6
    panel = monthly(returns, cash=0.01)
    assert last(panel, "volatility_12") == pytest.approx(0.02 * np.sqrt(12 / 11))
    assert last(panel, "downside_volatility_12") == pytest.approx(0.02 / np.sqrt(2))
    assert last(panel, "risk_adjusted_momentum_12") == pytest.approx(0.0, abs=1e-12)
    assert last(panel, "volatility_ratio_3_12") == pytest.approx(np.sqrt(16 / 3) / 2 / np.sqrt(12 / 11))
    assert last(panel, "cash_yield") == pytest.approx(0.12)


def test_asset_that_doubles_the_market():
    market = np.array([0.02, -0.03, 0.05, 0.01] * 9)
    panel = monthly(2 * (market - 0.002) + 0.002, cash=0.002, market=market)
    assert last(panel, "beta_36") == pytest.approx(2.0)
    assert last(panel, "correlation_36") == pytest.approx(1.0)
    assert last(panel, "idiosyncratic_volatility_36") == pytest.approx(0.0, abs=1e-9)


def test_market_in_common():
    market = np.r_[np.zeros(8), 0.25, -0.2, 0.0, 0.1]
    panel = monthly(np.tile([[0.01, 0.03, np.nan]], (12, 1)), market=market)
    assert last(panel, "market_return_1") == pytest.approx(0.1)
    assert last(panel, "market_return_12") == pytest.approx(0.1)
    assert last(panel, "market_drawdown_12") == pytest.approx(1.1 / 1.25 - 1)
    assert last(panel, "market_trend_10") == pytest.approx(1.1 / 1.035 - 1)
    assert last(panel, "market_volatility_12") == pytest.approx(np.std(market, ddof=1))
    assert last(panel, "dispersion_1") == pytest.approx(0.02 / np.sqrt(2))


def test_breadth_counts_listed_assets():
    up, down = [0.01] * 12, [-0.01] * 12
    gone = [0.01] * 11 + [np.nan]
    assert last(monthly(np.column_stack([up, down, up, gone])), "breadth_10") == pytest.approx(2 / 3)


def test_average_correlation_equals_a_loop_over_pairs():
    panel = make_panel("monthly", 60, 5, seed=3, late=False, deaths=False, holes=False)
    frame = pd.DataFrame(panel.returns)
    z = ((frame - frame.rolling(12).mean()) / frame.rolling(12).std()).to_numpy()
    pairs, squares = [], []
    for s in range(48, 60):
        pairs.append(np.mean([z[s, i] * z[s, j] for i in range(5) for j in range(5) if i != j]))
        squares.append(np.mean(z[s] ** 2))
    assert last(panel, "average_correlation_12") == pytest.approx(np.mean(pairs) / np.mean(squares))


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_average_correlation_finds_the_true_one(rho):
    rng = np.random.default_rng(0)
    common = rng.normal(size=(1200, 1))
    returns = 0.01 * (np.sqrt(rho) * common + np.sqrt(1 - rho) * rng.normal(size=(1200, 20)))
    returns *= np.linspace(0.5, 2, 20)
    average = build_matrix(monthly(returns), include=["average_correlation_12"]).column(
        "average_correlation_12"
    )
    assert np.nanmean(average) == pytest.approx(rho, abs=0.04)


def test_macro_uses_what_was_known():
    ends = pd.date_range("2001-01-31", periods=40, freq="ME")
    n = np.arange(40)

    def series(name, values, days):
        return MacroSeries(name, values, ends, ends + pd.Timedelta(days=days), max_age_days=90)

    panel = monthly(
        np.zeros(40),
        cash=0.001,
        macro={
            "aaa_yield": series("aaa_yield", 0.05 + 0.001 * n, 0),
            "baa_yield": series("baa_yield", 0.06 + 0.002 * n, 0),
            "core_cpi": series("core_cpi", 100 * 1.002 ** np.where(n > 30, 2 * n - 30, n), 15),
            "wti": series("wti", np.where(n == 39, -5.0, 20.0 + n), 0),
        },
    )
    assert last(panel, "term_spread") == pytest.approx(0.089 - 0.012)
    assert last(panel, "credit_spread") == pytest.approx(0.049)
    assert last(panel, "credit_spread_change_3") == pytest.approx(0.003)
    assert last(panel, "yield_change_12") == pytest.approx(0.012)
    # The index of month 38 is the newest that is known at the end of month 39.
    assert last(panel, "core_inflation_12") == pytest.approx((46 - 26) * np.log(1.002))
    assert last(panel, "core_inflation_change_6") == pytest.approx((20 - (34 - 20)) * np.log(1.002))
    assert np.isnan(last(panel, "oil_return_12"))
    before = panel.as_of(panel.dates[38])
    assert last(before, "oil_return_12") == pytest.approx(np.log(58 / 46))
    assert last(before, "oil_return_3") == pytest.approx(np.log(58 / 55))


def test_volume():
    volume = np.r_[np.full(11, 100.0), 220.0][:, None]
    panel = monthly(np.zeros(12), volume=volume)
    assert last(panel, "volume_ratio_1_12") == pytest.approx(1.0)
    assert last(panel, "volume_variation_12") == pytest.approx(np.std(volume, ddof=1) / 110)


def test_daily_windows_are_21_observations_a_month():
    panel = make_panel("daily", 900, 3, late=False, deaths=False, holes=False)
    frame = pd.DataFrame(panel.returns)
    level = (1 + frame).cumprod()
    excess = frame.sub(panel.cash, axis=0)
    other = pd.Series(panel.market - panel.cash)
    expected = {
        "return_1": level / level.shift(21) - 1,
        "return_12": level / level.shift(252) - 1,
        "momentum_12_1": level.shift(21) / level.shift(252) - 1,
        "long_term_reversal_36_12": 1 - level.shift(252) / level.shift(756),
        "volatility_3": frame.rolling(63).std(),
        "skewness_12": frame.rolling(252).skew(),
        "drawdown_36": level / level.rolling(756).max() - 1,
        "level_to_mean_10": level / level.rolling(210).mean() - 1,
        "beta_36": excess.apply(lambda x: x.rolling(756).cov(other) / other.rolling(756).var()),
        "correlation_36": excess.apply(lambda x: x.rolling(756).corr(other)),
        "ewm_volatility_3": np.sqrt((frame**2).ewm(halflife=63).mean()),
    }
    matrix = build_matrix(panel, include=list(expected))
    for name, oracle in expected.items():
        there = np.isfinite(oracle.to_numpy())
        there[: matrix.warm[matrix.names.index(name)]] = False
        assert there[800:].all(), name
        np.testing.assert_allclose(
            matrix.column(name)[there], oracle.to_numpy()[there], rtol=1e-8, atol=1e-11, err_msg=name
        )


def test_residual_momentum_of_hedged_noise():
    panel = make_panel("monthly", 120, 3, seed=9, late=False, deaths=False, holes=False)
    beta = build_matrix(panel, include=["beta_36"]).column("beta_36")
    residual = panel.returns - panel.cash[:, None] - beta * (panel.market - panel.cash)[:, None]
    window = residual[108:119]
    expected = window.mean(axis=0) / window.std(axis=0, ddof=1)
    actual = build_matrix(panel, include=["residual_momentum_12_1"]).column("residual_momentum_12_1")[119]
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("year", "there"), [(12, True), (252, True), (52, False), (365, False), (302, False)]
)
def test_a_calendar_month_is_looked_for_only_where_twelve_months_are_a_year(year, there):
    panel = replace(
        make_panel("monthly", n_dates=40, n_assets=3, macro=False, bars=False), periods_per_year=year
    )
    matrix = build_matrix(panel, ("asset", "cross_section"))
    for name in ("seasonality_60", "seasonality_60_z"):
        assert (name in matrix.names) == there
        assert there or "a year is" in matrix.missing[name]
