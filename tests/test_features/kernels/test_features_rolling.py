"""Rolling kernels against pandas and plain loops, and bit by bit under a changed future."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from features.kernels import rolling
from features.kernels.carried_state import Continuation, use_continuation

WINDOWS = [1, 2, 3, 5, 8, 11, 12, 31, 36]


def sample(seed=0, shape=(90, 4)):
    """Return values with holes, a late start, a death, a long gap and a column that is never there."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.01, 0.05, shape)
    x[rng.uniform(size=shape) < 0.08] = np.nan
    x[:20, 1] = np.nan
    x[70:, 2] = np.nan
    x[40:60, 0] = np.nan
    x[:, 3] = np.nan
    return x


def enough(window):
    return min(window, max(2, int(np.ceil(0.8 * window - 1e-9))))


PANDAS = {
    "rolling_sum": lambda r: r.sum(),
    "rolling_mean": lambda r: r.mean(),
    "rolling_min": lambda r: r.min(),
    "rolling_max": lambda r: r.max(),
    "rolling_std": lambda r: r.std(),
    "rolling_skew": lambda r: r.skew(),
    "rolling_kurtosis": lambda r: r.kurt(),
}
LEAST = {"rolling_std": 2, "rolling_skew": 3, "rolling_kurtosis": 4}


KERNELS = {
    **{name: getattr(rolling, name) for name in PANDAS},
    **{
        f"rolling_{name}": getattr(rolling, f"rolling_{name}")
        for name in ("count", "rank", "argmax", "argmin", "slope", "rsquare", "trend_residual")
    },
    "rolling_covariance": lambda x, w: rolling.rolling_covariance(x, x[:, 0], w),
    "rolling_correlation": lambda x, w: rolling.rolling_correlation(x, x[:, 0], w),
    "rolling_beta": lambda x, w: rolling.rolling_beta(x, x[:, 0], w),
    "rolling_residual_std": lambda x, w: rolling.rolling_residual_std(x, x[:, 0], w),
    "rolling_quantile": lambda x, w: rolling.rolling_quantile(x, w, 0.3),
    "ewm_mean": lambda x, w: rolling.ewm_mean(x, float(w)),
    "running_max": lambda x, w: rolling.running_max(x),
}


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", PANDAS)
def test_kernel_equals_pandas_with_holes(name, window):
    x = sample()
    actual = getattr(rolling, name)(x, window)
    expected = PANDAS[name](pd.DataFrame(x).rolling(window, min_periods=enough(window)))
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-12)
    assert np.isfinite(actual).any() == (window >= LEAST.get(name, 1))


@pytest.mark.parametrize("name", PANDAS)
def test_kernel_takes_a_single_series(name):
    x = sample()
    np.testing.assert_array_equal(getattr(rolling, name)(x[:, 0], 12), getattr(rolling, name)(x, 12)[:, 0])


@pytest.mark.parametrize("window", WINDOWS[1:])
def test_comoments_equal_plain_loops(window):
    y, x = sample(1), sample(2)[:, 0]
    actual = {
        "rolling_covariance": lambda a, b: np.cov(a, b)[0, 1],
        "rolling_correlation": lambda a, b: np.corrcoef(a, b)[0, 1],
        "rolling_beta": lambda a, b: np.polyfit(b, a, 1)[0],
        "rolling_residual_std": lambda a, b: np.sqrt(
            np.sum((a - np.polyval(np.polyfit(b, a, 1), b)) ** 2) / (len(a) - 2)
        ),
    }
    for name, oracle in actual.items():
        got = getattr(rolling, name)(y, x, window)
        expected = np.full_like(y, np.nan)
        for t in range(len(y)):
            for j in range(y.shape[1]):
                a, b = y[max(t - window + 1, 0) : t + 1, j], x[max(t - window + 1, 0) : t + 1]
                both = np.isfinite(a) & np.isfinite(b)
                if both.sum() >= enough(window) and (both.sum() > 2 or name != "rolling_residual_std"):
                    expected[t, j] = oracle(a[both], b[both])
        np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-10, err_msg=name)


def test_comoments_take_either_side_as_a_single_series():
    y, x = sample(1), sample(2)[:, 0]
    np.testing.assert_array_equal(rolling.rolling_covariance(y, x, 12), rolling.rolling_covariance(x, y, 12))
    np.testing.assert_array_equal(
        rolling.rolling_covariance(y[:, 0], x, 12), rolling.rolling_covariance(y, x, 12)[:, 0]
    )


def test_required_share():
    assert [rolling.required_count(w) for w in (1, 2, 3, 5, 10, 12, 36, 252, 756)] == [
        1,
        2,
        3,
        4,
        8,
        10,
        29,
        202,
        605,
    ]


def test_count_and_lag():
    x = np.array([1.0, np.nan, 3.0, np.inf])
    np.testing.assert_array_equal(rolling.rolling_count(x, 3), [1, 1, 2, 1])
    np.testing.assert_array_equal(rolling.lag(x, 1), [np.nan, 1, np.nan, 3])
    np.testing.assert_array_equal(rolling.lag(x, 9), [np.nan] * 4)
    np.testing.assert_array_equal(rolling.lag(x, 0), x)


def test_divide_by_rounding_is_undefined():
    out = rolling.divide(np.array([1.0, 1.0, 1.0, np.nan]), np.array([2.0, 0.0, 1e-13, 1.0]))
    np.testing.assert_array_equal(out, [0.5, np.nan, np.nan, np.nan])


def test_window_must_be_positive():
    with pytest.raises(ValueError, match="window is 0"):
        rolling.rolling_sum(np.ones(3), 0)


def test_huge_value_leaves_no_trace_when_it_leaves_the_window():
    x = sample(5)[:, 1]
    for huge in (1e8, -1e15):
        spiked = x.copy()
        spiked[30] = huge
        for name, kernel in KERNELS.items():
            if name.startswith("rolling"):
                calm, after = kernel(x[:, None], 12), kernel(spiked[:, None], 12)
                assert calm[42:].tobytes() == after[42:].tobytes(), name


def by_two_passes(x, window, least, statistic):
    """Return a statistic of each window's deviations from their mean, all in extended precision."""
    out = np.full(len(x), np.nan)
    for t in range(len(x)):
        values = x[max(t - window + 1, 0) : t + 1]
        values = values[np.isfinite(values)].astype(np.longdouble)
        if len(values) >= max(least, enough(window)):
            # Differences of doubles are exact here, and their mean is near enough to zero to keep its digits.
            gaps = values - values[0]
            out[t] = statistic(gaps - gaps.mean(), np.longdouble(len(values)))
    return out


def skewness(d, n):
    std = np.sqrt((d**2).sum() / (n - 1))
    return n / ((n - 1) * (n - 2)) * (d**3).sum() / std**3


def kurtosis(d, n):
    tail = n * (n + 1) * (n - 1) * (d**4).sum() / (d**2).sum() ** 2
    return (tail - 3 * (n - 1) ** 2) / ((n - 2) * (n - 3))


TWO_PASSES = {
    "rolling_std": (2, lambda d, n: np.sqrt((d**2).sum() / (n - 1))),
    "rolling_skew": (3, skewness),
    "rolling_kurtosis": (4, kurtosis),
}


def hard_series(kind):
    rng = np.random.default_rng(11)
    noise = rng.normal(0, 0.01, 700)
    series = {
        "returns": noise,
        "level": 100.0 * np.exp(np.cumsum(noise)),
        "far from zero": 1e7 + noise,
        "huge value": np.where(np.arange(700) == 333, 1e8, noise),
        "growing": np.exp(np.linspace(0, 20, 700)),
        "jump": np.where(np.arange(700) < 400, 0.0, 1e5) + noise,
    }[kind].copy()
    series[rng.uniform(size=700) < 0.03] = np.nan
    return series


@pytest.mark.parametrize("window", [21, 252])
@pytest.mark.parametrize("name", TWO_PASSES)
@pytest.mark.parametrize("kind", ["returns", "level", "far from zero", "huge value", "growing", "jump"])
def test_moments_keep_their_digits(kind, name, window):
    x = hard_series(kind)
    expected = by_two_passes(x, window, *TWO_PASSES[name])
    actual = getattr(rolling, name)(x, window)
    # Skewness and excess kurtosis pass through zero: their error is relative to the largest they could be.
    scale = np.full(len(x), {"rolling_std": 0.0, "rolling_skew": 1.0, "rolling_kurtosis": 3.0}[name])
    error = np.abs(actual - expected) / np.maximum(np.abs(expected), scale)
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    assert np.nanmax(error) < 2e-12


@pytest.mark.parametrize("kind", ["returns", "level", "far from zero", "huge value", "growing", "jump"])
def test_sums_and_comoments_keep_their_digits(kind):
    y, window = hard_series(kind), 63
    x = hard_series("level")[::-1].copy()
    got_sum, got_mean = rolling.rolling_sum(y, window), rolling.rolling_mean(y, window)
    beta, correlation, residual = rolling.rolling_regression(y, x, window)
    for t in range(window, 700, 7):
        values = y[t - window + 1 : t + 1]
        values = values[np.isfinite(values)].astype(np.longdouble)
        assert got_sum[t] == pytest.approx(
            float(values.sum()), rel=1e-13, abs=float(1e-14 * np.abs(values).max())
        )
        assert got_mean[t] * len(values) == pytest.approx(got_sum[t], rel=1e-13)
        a, b = y[t - window + 1 : t + 1], x[t - window + 1 : t + 1]
        both = np.isfinite(a) & np.isfinite(b)
        a, b = a[both].astype(np.longdouble), b[both].astype(np.longdouble)
        a, b, n = a - a[0], b - b[0], len(a)
        a, b = a - a.mean(), b - b.mean()
        slope = (a * b).sum() / (b * b).sum()
        # Relative to what it would be at a correlation of 1: a sum of products may cancel by nature.
        assert abs(beta[t] - slope) < 2e-12 * np.sqrt((a * a).sum() / (b * b).sum())
        assert abs(correlation[t] - (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())) < 2e-12
        left = a - slope * b
        assert residual[t] == pytest.approx(float(np.sqrt((left * left).sum() / (n - 2))), rel=1e-10)


@pytest.mark.parametrize("value", [0.1, 1e7, -3e-9])
def test_equal_values_have_no_spread_and_no_shape(value):
    x = np.full((40, 1), value)
    x[17] = np.nan
    np.testing.assert_array_equal(rolling.rolling_std(x, 12)[11:], 0.0)
    assert np.isnan(rolling.rolling_skew(x, 12)).all()
    assert np.isnan(rolling.rolling_kurtosis(x, 12)).all()
    assert np.isnan(rolling.rolling_beta(x, x, 12)).all()
    assert np.isnan(rolling.rolling_correlation(x, x, 12)).all()
    np.testing.assert_array_equal(rolling.rolling_covariance(x, x, 12)[11:], 0.0)
    np.testing.assert_array_equal(rolling.rolling_slope(x, 12)[11:], 0.0)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("n_assets", [1, 4, 9])
def test_every_length_gives_the_same_bits(name, n_assets):
    rng = np.random.default_rng(7)
    x = rng.normal(size=(75, n_assets))
    x[rng.uniform(size=x.shape) < 0.05] = np.nan
    whole = KERNELS[name](x, 21)
    for n in range(76):
        part = KERNELS[name](np.ascontiguousarray(x[:n]), 21)
        assert part.tobytes() == np.ascontiguousarray(whole[:n]).tobytes(), n
    noise = x.copy()
    noise[40:] = rng.normal(size=(35, n_assets)) * 1e6
    assert KERNELS[name](noise, 21)[:40].tobytes() == whole[:40].tobytes()


@pytest.mark.parametrize("name", KERNELS)
def test_no_date_at_all(name):
    assert KERNELS[name](np.empty((0, 3)), 12).shape == (0, 3)


@pytest.mark.parametrize("name", KERNELS)
def test_assets_do_not_depend_on_their_neighbours(name):
    rng = np.random.default_rng(8)
    x = rng.normal(size=(60, 150))
    x[rng.uniform(size=x.shape) < 0.05] = np.nan
    x[:, 0] = rng.normal(size=60)
    whole = KERNELS[name](x, 12)
    for stop in (1, 63, 64, 65, 128, 129):
        part = KERNELS[name](np.ascontiguousarray(x[:, :stop]), 12)
        assert part.tobytes() == np.ascontiguousarray(whole[:, :stop]).tobytes(), stop
    later = np.ascontiguousarray(np.column_stack([x[:, 0], x[:, 100:]]))
    assert KERNELS[name](later, 12)[:, 1:].tobytes() == np.ascontiguousarray(whole[:, 100:]).tobytes()


@pytest.mark.parametrize("name", [name for name in KERNELS if name.startswith("rolling")])
@pytest.mark.parametrize("window", [1, 5, 21, 30])
def test_shorter_history_gives_the_same_bits(name, window):
    rng = np.random.default_rng(9)
    x = rng.choice([-0.0, 0.0, 1.0, 100.0], size=(100, 3)) + np.where(
        np.arange(100)[:, None] < 50, 0.0, rng.normal(size=(100, 3))
    )
    x[rng.uniform(size=x.shape) < 0.05] = np.nan
    x[33] = 1e8
    whole = KERNELS[name](x, window)
    for first in range(100):
        with use_continuation(Continuation(first_row=first)):
            part = KERNELS[name](x[first:].copy(), window)
        assert part[window - 1 :].tobytes() == whole[first + window - 1 :].tobytes(), first
        # What began before the arrays is not guessed at.
        assert first == 0 or np.isnan(part[: window - 1]).all(), first


@pytest.mark.parametrize("name", KERNELS)
def test_threads_read_only_and_oddly_stored_inputs_give_the_same_bits(name):
    x = np.random.default_rng(10).normal(size=(300, 70))
    expected = KERNELS[name](x, 21).tobytes()
    fixed = x.copy()
    fixed.flags.writeable = False
    assert KERNELS[name](fixed, 21).tobytes() == expected
    assert KERNELS[name](np.asfortranarray(x), 21).tobytes() == expected
    with ThreadPoolExecutor(4) as pool:
        assert {out.tobytes() for out in pool.map(lambda _: KERNELS[name](x, 21), range(8))} == {expected}
    assert x.tobytes() == fixed.tobytes()


@pytest.mark.parametrize("name", KERNELS)
def test_infinite_is_missing(name):
    x = sample(12)
    holes = ~np.isfinite(x)
    x[holes & (np.arange(90) % 2 == 0)[:, None]] = np.inf
    x[holes & (np.arange(90) % 3 == 0)[:, None]] = -np.inf
    np.testing.assert_array_equal(KERNELS[name](x, 12), KERNELS[name](np.where(holes, np.nan, x), 12))
