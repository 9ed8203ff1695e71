"""Sample covariances against numpy and pandas."""

import numpy as np
import pandas as pd
import pytest
from test_covariance_estimators import returns

from allocation.covariance.moments import FLOOR, window_moments
from allocation.covariance.sample import Ewma, SampleCovariance
from allocation.errors import InputError


def test_the_sample_covariance_divides_by_the_number_of_rows():
    x = returns(70, 9)
    np.testing.assert_allclose(SampleCovariance().estimate(x), np.cov(x.T, bias=True), rtol=1e-12)


@pytest.mark.parametrize("half_life", [3.0, 20.0, 500.0])
def test_ewma_is_that_of_pandas_with_its_bias(half_life):
    x = returns(90, 5)
    pandas = pd.DataFrame(x).ewm(halflife=half_life, adjust=True).cov(bias=True).loc[89].to_numpy()
    np.testing.assert_allclose(Ewma(half_life).estimate(x), pandas, rtol=1e-10, atol=1e-18)


def test_ewma_without_fading_is_the_sample_covariance():
    x = returns(50, 4)
    np.testing.assert_allclose(Ewma(1e9).estimate(x), SampleCovariance().estimate(x), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan"), float("inf")])
def test_a_half_life_is_a_positive_number(half_life):
    with pytest.raises(InputError, match="half_life"):
        Ewma(half_life)


def with_holes():
    x = returns(40, 4)
    x[np.random.default_rng(2).random(x.shape) < 0.3] = np.nan
    x[:10, 2] = np.nan
    return x


@pytest.mark.parametrize("weighted", [False, True])
def test_entries_with_holes_come_from_common_rows(weighted):
    x = with_holes()
    w = np.random.default_rng(4).random(40) if weighted else np.ones(40)
    there = np.isfinite(x)
    mean = [np.average(x[there[:, i], i], weights=w[there[:, i]]) for i in range(4)]
    moments = window_moments(x, w if weighted else None)
    common = 0.0
    for i in range(4):
        for j in range(4):
            both = there[:, i] & there[:, j]
            entry = (w[both] * (x[both, i] - mean[i]) * (x[both, j] - mean[j])).sum() / w[both].sum()
            assert moments.sample[i, j] == pytest.approx(entry, rel=1e-12, abs=1e-20)
            common += w[both].sum() / 16
    assert moments.rows == pytest.approx(common * w.sum() / (w**2).sum())
    deviations = np.where(there, x - mean, 0.0)
    assert moments.spread == pytest.approx(np.average((deviations**2).sum(axis=1) ** 2, weights=w))


def test_a_patchwork_is_lifted_no_more_than_it_has_to():
    rng = np.random.default_rng(0)
    lifted = 0
    for seed in range(40):
        x = returns(8, 6, seed)
        x[rng.random(x.shape) < 0.4] = np.nan
        if (np.isfinite(x).sum(axis=0) == 0).any():
            continue
        moments = window_moments(x)
        floor = FLOOR * np.trace(moments.sample) / 6
        before, after = np.linalg.eigvalsh(moments.sample), np.linalg.eigvalsh(moments.to_definite())
        np.testing.assert_allclose(after, np.maximum(before, floor), rtol=1e-6, atol=1e-3 * floor)
        lifted += before[0] < floor
    assert lifted > 10
