"""Features of a panel whose rows are quarters: windows of whole quarters, and nothing in place of months."""

import numpy as np
import pandas as pd
import pytest

from features.building import build_matrix
from features.spec import FeatureError
from market.panel import Panel

YEARS = 20


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(5)
    n = 4 * YEARS
    returns = rng.normal(0.02, 0.08, (n, 4))
    return Panel(
        name="quarters",
        dates=pd.date_range("2000-03-31", periods=n, freq="QE"),
        assets=("a", "b", "c", "d"),
        returns=returns,
        cash=np.full(n, 0.005),
        market=returns.mean(axis=1),
        periods_per_year=4,
    )


@pytest.fixture(scope="module")
def matrix(panel):
    return build_matrix(panel, ("asset", "market", "cross_section"), ())


def test_windows_are_those_of_the_months_in_the_name(panel, matrix):
    returns = pd.DataFrame(panel.returns)
    excess, market = returns - 0.005, pd.Series(panel.market - panel.cash)
    level = (1 + returns).cumprod()
    expected = {
        "return_3": returns,
        "return_12": (1 + returns).rolling(4).apply(np.prod) - 1,
        "long_term_reversal_36_12": -((1 + returns).rolling(8).apply(np.prod) - 1).shift(4),
        "volatility_12": returns.rolling(4).std(),
        "drawdown_36": level / level.rolling(12).max() - 1,
        "beta_36": excess.rolling(12).cov(market).div(market.rolling(12).var(), axis=0),
    }
    for name, frame in expected.items():
        found = matrix.column(name)
        there = np.isfinite(found)
        assert there[12:].all()
        np.testing.assert_allclose(found[there], frame.to_numpy()[there], rtol=1e-9, atol=1e-12)
    common = matrix.column("market_volatility_12")[8:, 0]
    np.testing.assert_allclose(common, pd.Series(panel.market).rolling(4).std().to_numpy()[8:], rtol=1e-9)


def test_months_that_are_no_quarters_are_left_out_with_the_reason(matrix):
    for name in ("return_1", "momentum_12_1", "level_to_mean_10", "volatility_3", "seasonality_60"):
        assert name not in matrix.names
        assert matrix.missing[name] == "it looks back over months, and the rows are quarters"
    assert matrix.missing["reversal_1"].startswith("it looks back over months")
    assert "it needs return_1" in matrix.missing["dispersion_1"]


def test_a_feature_of_months_that_is_named_is_refused(panel):
    with pytest.raises(FeatureError, match="'momentum_12_1' cannot be computed: it looks back over months"):
        build_matrix(panel, ("momentum_12_1",), ())


def test_warm_rows_are_quarters(matrix):
    warm = dict(zip(matrix.names, matrix.warm, strict=True))
    assert warm["return_12"] == 3
    assert warm["beta_36"] == 11
    assert warm["average_correlation_12"] == 6


def test_twelve_quarters_are_computed_like_twelve_months(panel, matrix):
    monthly = Panel(
        name="months",
        dates=pd.date_range("2000-01-31", periods=len(panel.dates), freq="ME"),
        assets=panel.assets,
        returns=panel.returns,
        cash=panel.cash,
        market=panel.market,
        periods_per_year=12,
    )
    longer = build_matrix(monthly, ("asset", "market"), ())
    np.testing.assert_array_equal(matrix.column("return_36")[40:], longer.column("return_12")[40:])
    np.testing.assert_array_equal(matrix.column("volatility_36")[40:], longer.column("volatility_12")[40:])
    np.testing.assert_array_equal(matrix.column("drawdown_36")[40:], longer.column("drawdown_12")[40:])
