"""Scores against scipy, statsmodels and slow loops."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import signal, stats

from validation.folds.labels import Labels
from validation.forecasts.scores import (
    MeanTest,
    hac_lags,
    hac_mean,
    hac_stderr,
    historical_mean,
    information_coefficient,
    r2_out_of_sample,
    small_sample,
)


@pytest.mark.parametrize("overlap", [0, 5, 20])
def test_hac_mean_equals_statsmodels(overlap):
    rng = np.random.default_rng(0)
    x = np.convolve(rng.normal(size=320), np.ones(6), "valid") + 0.3
    result = hac_mean(x, overlap)
    options = {"maxlags": hac_lags(len(x), overlap), "use_correction": False}
    peer = sm.OLS(x, np.ones(len(x))).fit(cov_type="HAC", cov_kwds=options)
    assert result.mean == pytest.approx(peer.params[0], rel=1e-12)
    share, _ = small_sample(len(x), hac_lags(len(x), overlap))
    assert result.stderr == pytest.approx(peer.bse[0] / np.sqrt(share), rel=1e-10)
    assert result.t == pytest.approx(peer.tvalues[0] * np.sqrt(share), rel=1e-10)


def test_without_lags_the_test_is_that_of_student():
    x = np.random.default_rng(3).normal(0.3, 1, 30)
    peer = stats.ttest_1samp(x, 0)
    share, dof = small_sample(30, 0)
    stderr = hac_stderr(x - x.mean(), 0)
    assert (share, dof) == (pytest.approx(29 / 30), 29)
    ours = MeanTest(x.mean(), stderr, x.mean() / stderr, 30, dof)
    assert ours.t == pytest.approx(peer.statistic)
    assert ours.p_value == pytest.approx(peer.pvalue)
    assert ours.p_greater == pytest.approx(stats.ttest_1samp(x, 0, alternative="greater").pvalue)
    assert ours.interval == pytest.approx(tuple(peer.confidence_interval(0.95)))


@pytest.mark.parametrize("lags", [1, 7, 20])
def test_the_variance_of_white_noise_is_unbiased(lags):
    """The quadratic form's expectation, by its matrix, is 1/n whatever the number of lags."""
    n = 40
    centre = np.eye(n) - 1 / n
    gap = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    kernel = np.maximum(1 - gap / (lags + 1), 0)
    assert np.trace(centre @ kernel @ centre) / n == pytest.approx(small_sample(n, lags)[0])


@pytest.mark.parametrize("b", [0.02, 0.05, 0.1, 0.2, 0.3])
def test_critical_values_are_those_of_fixed_b_asymptotics(b):
    """Kiefer and Vogelsang (2005), table 1, Bartlett kernel."""
    share, dof = small_sample(2000, int(2000 * b) - 1)
    for level, (a0, a1, a2, a3) in {
        0.95: (1.6449, 2.1859, 0.3142, -0.3427),
        0.975: (1.9600, 2.9694, 0.4160, -0.5324),
    }.items():
        published = a0 + a1 * b + a2 * b**2 + a3 * b**3
        assert stats.t.ppf(level, dof) / np.sqrt(share) == pytest.approx(published, rel=0.05)


@pytest.mark.parametrize(("n", "horizon", "phi"), [(120, 1, 0.5), (300, 5, 0.0), (600, 21, 0.0)])
def test_a_true_null_is_rejected_about_as_often_as_said(n, horizon, phi):
    """1500 series: the binomial error of 5 % is 0.56 %, of which 3, and a point for the kernel's bias."""
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(1500, n + horizon + 50))
    x = signal.lfilter([1.0], [1.0, -phi], noise, axis=1)
    x = signal.lfilter(np.ones(horizon), [1.0], x, axis=1)[:, -n:]
    p = np.array([hac_mean(row, horizon - 1).p_value for row in x])
    assert 0.05 - 3 * 0.0056 < (p < 0.05).mean() < 0.05 + 3 * 0.0056 + 0.01


def test_overlapping_labels_do_not_flatter_the_standard_error():
    rng = np.random.default_rng(1)
    moving_sums = [np.convolve(rng.normal(size=4020), np.ones(21), "valid") for _ in range(40)]
    truth = 21 / np.sqrt(4000)
    actual = np.mean([hac_mean(x, 20).stderr for x in moving_sums])
    assert 0.9 * truth < actual < 1.05 * truth
    plain = [np.sqrt(x.var() / len(x)) for x in moving_sums]
    assert np.mean(plain) < 0.3 * truth


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
