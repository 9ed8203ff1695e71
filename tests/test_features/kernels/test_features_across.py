"""Statistics across assets against pandas and scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from features.kernels import across


def sample(seed=0, shape=(60, 7)):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=shape), 1)
    x[rng.uniform(size=shape) < 0.3] = np.nan
    x[0] = np.nan
    x[1, 1:] = np.nan
    x[1, 0] = 4.0
    x[2] = 0.1
    return x


def test_moments_equal_pandas():
    frame = pd.DataFrame(sample())
    np.testing.assert_array_equal(across.count(sample()), frame.count(axis=1))
    np.testing.assert_allclose(across.mean(sample()), frame.mean(axis=1))
    np.testing.assert_allclose(across.std(sample()), frame.std(axis=1), atol=1e-15)


def test_zscore_equals_pandas_where_assets_differ():
    x = sample()
    frame = pd.DataFrame(x[3:])
    expected = frame.sub(frame.mean(axis=1), axis=0).div(frame.std(axis=1, ddof=0), axis=0)
    np.testing.assert_allclose(across.zscore(x)[3:], expected, atol=1e-12)


def test_rank_equals_scipy_with_ties():
    x = sample()
    actual = across.rank(x)
    for t in range(3, len(x)):
        there = np.isfinite(x[t])
        ranks = rankdata(x[t, there])
        np.testing.assert_allclose(actual[t, there], (ranks - 1) / (there.sum() - 1) - 0.5)
        assert np.isnan(actual[t, ~there]).all()


@pytest.mark.parametrize("statistic", [across.zscore, across.rank])
def test_no_difference_is_neutral_and_missing_stays_missing(statistic):
    out = statistic(sample())
    assert np.isnan(out[0]).all()
    np.testing.assert_array_equal(out[1], [0.0] + [np.nan] * 6)
    np.testing.assert_array_equal(out[2], np.zeros(7))


def test_equal_up_to_rounding_is_equal():
    x = np.array([[0.1 + 0.2, 0.3, 0.3, 0.3]])
    np.testing.assert_array_equal(across.zscore(x), np.zeros((1, 4)))


def test_two_assets_differ():
    np.testing.assert_allclose(across.zscore(np.array([[1.0, 3.0]])), [[-1, 1]])
    np.testing.assert_allclose(across.rank(np.array([[1.0, 3.0]])), [[-0.5, 0.5]])


@pytest.mark.parametrize("statistic", [across.zscore, across.rank, across.std, across.mean])
@pytest.mark.parametrize("n_assets", [1, 8, 23])
def test_a_row_does_not_depend_on_other_rows(statistic, n_assets):
    x = sample(1, (30, n_assets))
    whole = statistic(x)
    for n in range(31):
        assert statistic(x[:n].copy()).tobytes() == np.ascontiguousarray(whole[:n]).tobytes()
