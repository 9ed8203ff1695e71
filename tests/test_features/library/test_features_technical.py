"""Technical indicators and ranges against pandas, scipy and loops, row by row; and facts about them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from synthetic import make_panel

from features.building import build_matrix

PANEL = make_panel("daily", 220, 3, seed=11, late=False, deaths=False, holes=False, macro=False)
WARM = {
    "rsi_14": 14,
    "macd_12_26": 25,
    "macd_signal_9": 25 + 8,
    "bollinger_20": 19,
    "drawdown": 0,
    "kurtosis_60": 59,
    "autocorrelation_60": 60,
    "variance_ratio_5_60": 63,
    "downside_beta_60": 59,
    "coskewness_60": 59,
    "parkinson_20": 19,
    "garman_klass_20": 19,
    "yang_zhang_20": 20,
    "overnight_return_20": 20,
    "illiquidity_ratio_20_60": 59,
}
MATRIX = build_matrix(PANEL, include=list(WARM))
RETURNS = pd.DataFrame(PANEL.returns)
LEVEL = (1 + RETURNS).cumprod()
EXCESS = PANEL.returns - PANEL.cash[:, None]
MARKET = PANEL.market - PANEL.cash
BARS = {name: pd.DataFrame(prices) for name, prices in PANEL.bars.items()}
IMPACT = RETURNS.abs() / (BARS["close"] * PANEL.volume)


def each_window(statistic, window):
    """Apply a statistic to rows t - window + 1 to t and an asset."""
    out = np.full(PANEL.returns.shape, np.nan)
    for t in range(window - 1, len(out)):
        for asset in range(out.shape[1]):
            out[t, asset] = statistic(slice(t - window + 1, t + 1), asset)
    return out


def rsi():
    move = LEVEL.diff()
    mean = {"alpha": 1 / 14}
    return move.clip(lower=0).ewm(**mean).mean() / move.abs().ewm(**mean).mean()


def macd():
    return (LEVEL.ewm(span=12).mean() - LEVEL.ewm(span=26).mean()) / LEVEL


def signal():
    # The line is known from row 25 on, and its mean starts there.
    return (macd() * LEVEL).iloc[25:].ewm(span=9).mean().reindex(LEVEL.index) / LEVEL


def downside_beta(rows, asset):
    r, m = EXCESS[rows, asset], MARKET[rows]
    return (r * m)[m < 0].sum() / (m * m)[m < 0].sum()


def coskewness(rows, asset):
    r, m = EXCESS[rows, asset], MARKET[rows]
    r, m = r - r.mean(), m - m.mean()
    return (r * m * m).mean() / (r.std() * m.var())


def variance_ratio(rows, asset):
    logs = np.log1p(PANEL.returns[:, asset])
    fives = [logs[t - 4 : t + 1].sum() for t in range(rows.start, rows.stop)]
    return np.var(fives, ddof=1) / (5 * np.var(logs[rows], ddof=1)) if rows.start >= 4 else np.nan


def yang_zhang(rows, asset):
    if rows.start == 0:
        return np.nan
    o, h, low, c = (np.log(PANEL.bars[name][:, asset]) for name in ("open", "high", "low", "close"))
    night = o[rows] - c[rows.start - 1 : rows.stop - 1]
    inner = (h - c)[rows] * (h - o)[rows] + (low - c)[rows] * (low - o)[rows]
    k = 0.34 / (1.34 + 21 / 19)
    return np.sqrt(np.var(night, ddof=1) + k * np.var((c - o)[rows], ddof=1) + (1 - k) * inner.mean())


def garman_klass(rows, asset):
    o, h, low, c = (np.log(PANEL.bars[name][rows, asset]) for name in ("open", "high", "low", "close"))
    return np.sqrt(np.mean(0.5 * (h - low) ** 2 - (2 * np.log(2) - 1) * (c - o) ** 2))


ORACLES = {
    "rsi_14": rsi,
    "macd_12_26": macd,
    "macd_signal_9": signal,
    "bollinger_20": lambda: (LEVEL - LEVEL.rolling(20).mean()) / LEVEL.rolling(20).std(),
    "drawdown": lambda: LEVEL / LEVEL.cummax() - 1,
    "kurtosis_60": lambda: each_window(
        lambda rows, asset: scipy.stats.kurtosis(PANEL.returns[rows, asset], bias=False), 60
    ),
    "autocorrelation_60": lambda: each_window(
        lambda rows, asset: np.corrcoef(
            PANEL.returns[rows.start : rows.stop - 1, asset], PANEL.returns[rows.start + 1 : rows.stop, asset]
        )[0, 1],
        61,
    ),
    "variance_ratio_5_60": lambda: each_window(variance_ratio, 60),
    "downside_beta_60": lambda: each_window(downside_beta, 60),
    "coskewness_60": lambda: each_window(coskewness, 60),
    "parkinson_20": lambda: np.sqrt(
        (np.log(BARS["high"] / BARS["low"]) ** 2).rolling(20).mean() / (4 * np.log(2))
    ),
    "garman_klass_20": lambda: each_window(garman_klass, 20),
    "yang_zhang_20": lambda: each_window(yang_zhang, 20),
    "overnight_return_20": lambda: np.log(BARS["open"] / BARS["close"].shift(1)).rolling(20).sum(),
    "illiquidity_ratio_20_60": lambda: IMPACT.rolling(20).mean() / IMPACT.rolling(60).mean() - 1.0,
}


@pytest.mark.parametrize("name", WARM)
def test_equals_the_slow_way(name):
    warm = MATRIX.warm[MATRIX.names.index(name)]
    assert warm == WARM[name]
    expected = np.array(ORACLES[name]())
    assert np.isfinite(expected[warm:]).all()
    expected[:warm] = np.nan
    np.testing.assert_allclose(MATRIX.column(name), expected, rtol=1e-9, atol=1e-12)


def with_returns(returns, **changes):
    n = len(returns)
    panel = make_panel("daily", n, 1, late=False, deaths=False, holes=False, macro=False)
    return replace(panel, returns=np.asarray(returns)[:, None], **changes)


def test_extremes():
    up = build_matrix(
        with_returns(np.full(80, 0.01)), include=["rsi_14", "drawdown", "macd_12_26", "macd_signal_9"]
    )
    assert up.column("rsi_14")[-1, 0] == 1.0
    assert up.column("drawdown")[-1, 0] == 0.0
    assert up.column("macd_12_26")[-1, 0] > 0 < up.column("macd_signal_9")[-1, 0]
    down = build_matrix(with_returns(np.full(80, -0.01)), include=["rsi_14", "drawdown"])
    assert down.column("rsi_14")[-1, 0] == 0.0
    assert down.column("drawdown")[-1, 0] == pytest.approx(0.99**79 - 1)


def test_returns_that_turn_round_have_a_low_variance_ratio_and_trends_a_high_one():
    noise = np.random.default_rng(0).normal(0, 0.01, 400)
    names = ["variance_ratio_5_60", "autocorrelation_60"]
    turning = (
        build_matrix(with_returns(noise - 0.9 * np.roll(noise, 1)), include=names).values[64:, 0].mean(axis=0)
    )
    trending = (
        build_matrix(with_returns(noise + 0.9 * np.roll(noise, 1)), include=names).values[64:, 0].mean(axis=0)
    )
    assert (turning < [-0.3, 0.4]).all()
    assert (trending > [0.3, 1.4]).all()


def test_a_twofold_asset_has_a_downside_beta_of_two():
    market = np.random.default_rng(1).normal(0, 0.01, 90)
    panel = with_returns(2 * market, cash=np.zeros(90), market=market)
    matrix = build_matrix(panel, include=["downside_beta_60", "coskewness_60"])
    np.testing.assert_allclose(matrix.column("downside_beta_60")[59:], 2.0)
    # The coskewness of the market with itself is its skewness.
    skewness = scipy.stats.skew(market[-60:])
    assert matrix.column("coskewness_60")[-1, 0] == pytest.approx(skewness)


def test_ranges_of_a_random_walk_estimate_its_volatility():
    # Days of 2,000 steps: what is seen of the range is a little too narrow, by under 3 %.
    rng = np.random.default_rng(2)
    sigma, days, steps = 0.02, 600, 2000
    path = np.cumsum(rng.normal(0, sigma / np.sqrt(steps), days * steps)).reshape(days, steps)
    start = np.r_[0.0, path[:-1, -1]]
    logs = {"open": start, "high": np.maximum(path.max(1), start), "low": np.minimum(path.min(1), start)}
    bars = {name: np.exp(x)[:, None] for name, x in (logs | {"close": path[:, -1]}).items()}
    returns = np.expm1(np.diff(np.r_[0.0, path[:, -1]]))
    matrix = build_matrix(
        with_returns(returns, **bars), include=["parkinson_20", "garman_klass_20", "yang_zhang_20"]
    )
    estimate = np.sqrt(np.nanmean(matrix.values[:, 0] ** 2, axis=0))
    np.testing.assert_allclose(estimate, sigma, rtol=0.06)


def test_prices_alone_are_enough_for_the_technical_ones():
    bare = replace(PANEL, volume=None, **dict.fromkeys(("open", "high", "low", "close", "vwap")))
    matrix = build_matrix(bare, include=["bar"])
    assert list(matrix.names) == sorted(list(WARM)[:10])
    for name in matrix.names:
        np.testing.assert_array_equal(matrix.column(name), MATRIX.column(name))
