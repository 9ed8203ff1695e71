"""Quantiles, ranks, places of extremes and trends against pandas, numpy and plain loops."""

import numpy as np
import pandas as pd
import pytest

from features.kernels import rolling

WINDOWS = [1, 2, 5, 12, 20, 33, 60]


def sample(seed=0, decimals=None):
    """Return levels and returns with holes, a late start, a death, ties and a column that is never there."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.01, 0.05, (150, 5))
    x[:, 4] = 100.0 * np.cumprod(1.0 + x[:, 4])
    x = x if decimals is None else np.round(x, decimals)
    x[rng.uniform(size=x.shape) < 0.08] = np.nan
    x[:20, 1] = np.nan
    x[100:, 2] = np.nan
    x[40:60, 0] = np.nan
    x[:, 3] = np.nan
    return x


def by_loops(x, window, statistic, least=1):
    """Return a statistic of the places (0 for the oldest row) and values present in each window."""
    out = np.full(x.shape, np.nan)
    for t in range(len(x)):
        places = np.arange(window)[max(window - 1 - t, 0) :]
        for j in range(x.shape[1]):
            values = x[max(t - window + 1, 0) : t + 1, j]
            there = np.isfinite(values)
            if there.sum() >= max(rolling.required_count(window), least):
                out[t, j] = statistic(places[there], values[there], values[-1])
    return out


@pytest.mark.parametrize("decimals", [None, 2])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("q", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_quantile_equals_pandas(q, window, decimals):
    x = sample(1, decimals)
    frame = pd.DataFrame(x).rolling(window, min_periods=rolling.required_count(window))
    np.testing.assert_allclose(rolling.rolling_quantile(x, window, q), frame.quantile(q), rtol=1e-12)


@pytest.mark.parametrize("window", WINDOWS)
def test_quantile_equals_numpy(window):
    x = sample(2)
    expected = by_loops(x, window, lambda _, values, __: np.quantile(values, 0.37))
    np.testing.assert_allclose(rolling.rolling_quantile(x, window, 0.37), expected, rtol=1e-12)


def test_several_quantiles_are_those_of_one_each():
    x = sample(3)
    several = rolling.rolling_quantiles(x, 20, (0.2, 0.8, 0.5))
    for got, q in zip(several, (0.2, 0.8, 0.5), strict=True):
        np.testing.assert_array_equal(got, rolling.rolling_quantile(x, 20, q))


@pytest.mark.parametrize("decimals", [None, 2, 1])
@pytest.mark.parametrize("window", [*WINDOWS, 3, 4, 7])
def test_rank_equals_pandas(window, decimals):
    x = sample(4, decimals)
    frame = pd.DataFrame(x).rolling(window, min_periods=rolling.required_count(window))
    np.testing.assert_allclose(rolling.rolling_rank(x, window), frame.rank(pct=True), rtol=1e-14)


@pytest.mark.parametrize("decimals", [None, 2])
@pytest.mark.parametrize("window", WINDOWS)
def test_places_are_those_of_the_first_extremes(window, decimals):
    x = sample(5, decimals)
    largest = by_loops(x, window, lambda places, values, _: places[np.argmax(values)] + 1)
    smallest = by_loops(x, window, lambda places, values, _: places[np.argmin(values)] + 1)
    np.testing.assert_array_equal(rolling.rolling_argmax(x, window), largest)
    np.testing.assert_array_equal(rolling.rolling_argmin(x, window), smallest)


def test_places_equal_pandas_without_holes():
    x = np.round(np.random.default_rng(6).normal(size=(80, 2)), 1)
    frame = pd.DataFrame(x).rolling(10)
    np.testing.assert_array_equal(
        rolling.rolling_argmax(x, 10)[9:], frame.apply(np.argmax, raw=True)[9:] + 1.0
    )
    np.testing.assert_array_equal(
        rolling.rolling_argmin(x, 10)[9:], frame.apply(np.argmin, raw=True)[9:] + 1.0
    )


@pytest.mark.parametrize("window", WINDOWS[1:])
def test_trend_equals_a_fit_of_each_window(window):
    x = sample(7)
    slope = by_loops(x, window, lambda k, y, _: np.polyfit(k, y, 1)[0])
    share = by_loops(x, window, lambda k, y, _: np.corrcoef(k, y)[0, 1] ** 2)
    left = by_loops(x, window, lambda k, y, newest: newest - np.polyval(np.polyfit(k, y, 1), window - 1))
    got = rolling.rolling_trend(x, window)
    for actual, expected in zip(got, (slope, share, left), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-10)
        assert np.isfinite(actual).any()
    np.testing.assert_array_equal(got[0], rolling.rolling_slope(x, window))
    np.testing.assert_array_equal(got[1], rolling.rolling_rsquare(x, window))
    np.testing.assert_array_equal(got[2], rolling.rolling_trend_residual(x, window))


@pytest.mark.parametrize("base", [0.0, 1e7])
def test_trend_of_a_level_keeps_its_digits(base):
    rng = np.random.default_rng(8)
    noise = rng.normal(0, 0.01, 400)
    x = base + np.arange(400) * 0.001 + noise
    slope, share, left = rolling.rolling_trend(x, 60)
    k = np.arange(60, dtype=np.longdouble) - np.longdouble(29.5)
    for t in range(59, 400, 5):
        gaps = x[t - 59 : t + 1].astype(np.longdouble) - x[t]
        gaps -= gaps.mean()
        beta = (k * gaps).sum() / (k * k).sum()
        assert slope[t] == pytest.approx(float(beta), rel=1e-11, abs=1e-16)
        explained = beta * beta * (k * k).sum() / (gaps * gaps).sum()
        assert share[t] == pytest.approx(float(explained), rel=1e-11, abs=1e-14)
        assert left[t] == pytest.approx(float(gaps[-1] - beta * k[-1]), rel=1e-11, abs=1e-14)


def test_straight_line_has_no_residual():
    x = 1e6 + 0.25 * np.arange(100.0)
    slope, share, left = rolling.rolling_trend(x, 20)
    np.testing.assert_array_equal(slope[19:], 0.25)
    np.testing.assert_allclose(share[19:], 1.0, rtol=1e-14)
    np.testing.assert_allclose(left[19:], 0.0, atol=1e-12)


def test_regression_is_its_three_statistics():
    y, x = sample(9), sample(10)[:, 0]
    beta, correlation, residual = rolling.rolling_regression(y, x, 20)
    np.testing.assert_array_equal(beta, rolling.rolling_beta(y, x, 20))
    np.testing.assert_array_equal(correlation, rolling.rolling_correlation(y, x, 20))
    np.testing.assert_array_equal(residual, rolling.rolling_residual_std(y, x, 20))


@pytest.mark.parametrize("q", [-0.1, 1.01, np.nan])
def test_quantile_must_be_a_share(q):
    with pytest.raises(ValueError, match="expected 0 to 1"):
        rolling.rolling_quantile(np.ones(5), 3, q)


@pytest.mark.parametrize(
    "kernel",
    [
        rolling.rolling_rank,
        rolling.rolling_argmax,
        rolling.rolling_slope,
        lambda x, window: rolling.rolling_quantile(x, window, 0.5),
    ],
)
def test_window_must_be_positive(kernel):
    with pytest.raises(ValueError, match="window is 0"):
        kernel(np.ones(5), 0)
