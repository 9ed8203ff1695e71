"""Scores against scipy, statsmodels and slow loops."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from validation.labels import Labels
from validation.scores import (
    calibration_slope,
    hac_lags,
    hac_mean,
    historical_mean,
    information_coefficient,
    r2_out_of_sample,
)


@pytest.mark.parametrize("overlap", [0, 5, 20])
def test_hac_mean_equals_statsmodels(overlap):
    rng = np.random.default_rng(0)
    x = np.convolve(rng.normal(size=320), np.ones(6), "valid") + 0.3
    result = hac_mean(x, overlap)
    options = {"maxlags": hac_lags(len(x), overlap), "use_correction": False}
    peer = sm.OLS(x, np.ones(len(x))).fit(cov_type="HAC", cov_kwds=options)
    assert result.mean == pytest.approx(peer.params[0], rel=1e-12)
    assert result.stderr == pytest.approx(peer.bse[0], rel=1e-10)
    assert result.t == pytest.approx(peer.tvalues[0], rel=1e-10)


def test_overlapping_labels_do_not_flatter_the_standard_error():
    rng = np.random.default_rng(1)
    moving_sums = [np.convolve(rng.normal(size=4020), np.ones(21), "valid") for _ in range(40)]
    truth = 21 / np.sqrt(4000)
    told = np.mean([hac_mean(x, 20).stderr for x in moving_sums])
    assert 0.87 * truth < told < 1.05 * truth
    assert np.mean([hac_mean(x, 0).stderr for x in moving_sums]) < 0.7 * truth


def test_hac_mean_of_too_little_is_unknown():
    assert np.isnan(hac_mean(np.array([])).mean)
    assert np.isnan(hac_mean(np.array([1.0, 2.0])).stderr)
    assert np.isnan(hac_mean(np.ones(10)).t)
    assert hac_mean(np.array([1.0, np.nan, 2.0, 3.0])).n == 3


@pytest.mark.parametrize("rank", [True, False])
def test_information_coefficient_equals_scipy(rank):
    rng = np.random.default_rng(2)
    f, y = rng.normal(size=(20, 9)), rng.normal(size=(20, 9))
    f[rng.random(f.shape) < 0.2] = np.nan
    f[3] = np.round(f[3])  # ties
    y[rng.random(y.shape) < 0.1] = np.nan
    ours = information_coefficient(f, y, rank=rank)
    for a, b, got in zip(f, y, ours, strict=True):
        ok = np.isfinite(a) & np.isfinite(b)
        peer = stats.spearmanr(a[ok], b[ok]) if rank else stats.pearsonr(a[ok], b[ok])
        assert got == pytest.approx(peer.statistic, abs=1e-12)


def test_a_constant_forecast_ranks_nothing():
    y = np.random.default_rng(0).normal(size=(3, 5))
    assert np.isnan(information_coefficient(np.full((3, 5), 0.1), y)).all()
    assert np.isnan(information_coefficient(y[:, :2], y[:, :2])).all(), "two assets are too few"


def test_historical_mean_uses_ended_labels_only():
    value = np.array([[0.1], [0.3], [0.8], [np.nan], [np.nan]])
    labels = Labels(value, np.arange(5), np.arange(5) + 2, 2)
    np.testing.assert_allclose(historical_mean(labels)[:, 0], [np.nan, np.nan, 0.1, 0.2, 0.4])


def test_r2_by_hand():
    y = np.array([1.0, 2.0, 3.0, np.nan])
    assert r2_out_of_sample(y, y, np.zeros(4)) == 1
    assert r2_out_of_sample(np.zeros(4), y, np.zeros(4)) == 0
    assert r2_out_of_sample(np.ones(4), y, np.zeros(4)) == pytest.approx(1 - 5 / 14)
    assert np.isnan(r2_out_of_sample(y, y, y))


def test_calibration_slope_of_an_overconfident_forecast():
    y = np.array([1.0, -2.0, 0.5])
    assert calibration_slope(2 * y, y) == pytest.approx(0.5)
    assert np.isnan(calibration_slope(np.zeros(3), y))
