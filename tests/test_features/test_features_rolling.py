"""Rolling kernels against pandas and plain loops, and bit by bit under a changed future."""

import numpy as np
import pandas as pd
import pytest

from features import rolling

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
}


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", PANDAS)
def test_kernel_equals_pandas_with_holes(name, window):
    x = sample()
    actual = getattr(rolling, name)(x, window)
    expected = PANDAS[name](pd.DataFrame(x).rolling(window, min_periods=enough(window)))
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-12)
    if not (name == "rolling_skew" and window < 3) and not (name == "rolling_std" and window < 2):
        assert np.isfinite(actual).any()


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


@pytest.mark.parametrize("halflife", [1.0, 3.0, 10.0])
def test_ewm_mean_equals_pandas_once_half_the_weight_is_there(halflife):
    x = sample()
    decay = 0.5 ** (1 / halflife)
    actual = rolling.ewm_mean(x, halflife)
    expected = pd.DataFrame(x).ewm(halflife=halflife).mean().to_numpy().copy()
    weight = np.array(
        [
            [sum(decay ** (t - s) for s in range(t + 1) if np.isfinite(x[s, j])) for j in range(4)]
            for t in range(90)
        ]
    )
    expected[weight * (1 - decay) < 0.5 - 1e-9] = np.nan
    np.testing.assert_allclose(actual, expected, rtol=1e-10)
    assert np.isfinite(actual).any()


def test_ewm_mean_starts_after_one_halflife():
    out = rolling.ewm_mean(np.ones(6), 3.0)
    assert np.isnan(out[:2]).all()
    np.testing.assert_allclose(out[2:], 1.0)


def test_required_share():
    assert [rolling.required(w) for w in (1, 2, 3, 5, 10, 12, 36, 252, 756)] == [
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
    spiked = x.copy()
    spiked[30] = 1e15
    for name in PANDAS:
        calm, after = getattr(rolling, name)(x, 12), getattr(rolling, name)(spiked, 12)
        np.testing.assert_array_equal(calm[42:], after[42:], err_msg=name)


def test_std_of_a_level_far_from_zero_keeps_its_digits():
    rng = np.random.default_rng(3)
    x = 1e7 + rng.normal(0, 1e-2, 300)
    expected = [np.std(x[t - 251 : t + 1], ddof=1) for t in range(251, 300)]
    np.testing.assert_allclose(rolling.rolling_std(x, 252)[251:], expected, rtol=1e-6)


def test_equal_values_have_no_spread_and_no_skew():
    x = np.full((40, 1), 0.1)
    np.testing.assert_array_equal(rolling.rolling_std(x, 12)[11:], 0.0)
    assert np.isnan(rolling.rolling_skew(x, 12)).all()
    assert np.isnan(rolling.rolling_beta(x, x, 12)).all()
    assert np.isnan(rolling.rolling_correlation(x, x, 12)).all()


KERNELS = {
    **{name: getattr(rolling, name) for name in PANDAS},
    "rolling_covariance": lambda x, w: rolling.rolling_covariance(x, x[:, 0], w),
    "rolling_correlation": lambda x, w: rolling.rolling_correlation(x, x[:, 0], w),
    "rolling_beta": lambda x, w: rolling.rolling_beta(x, x[:, 0], w),
    "rolling_residual_std": lambda x, w: rolling.rolling_residual_std(x, x[:, 0], w),
    "ewm_mean": lambda x, w: rolling.ewm_mean(x, float(w)),
}


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
