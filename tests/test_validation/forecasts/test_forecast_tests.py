"""Tests of forecasts against statsmodels, published formulas, loops, and their own size."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import signal, stats

from validation.errors import StatisticError
from validation.forecasts.calibration_tests import calibration, interval_coverage
from validation.forecasts.forecast_tests import (
    clark_west,
    cumulative_gain,
    diebold_mariano,
    mean_by_date,
    pesaran_timmermann,
)
from validation.forecasts.scores import hac_lags, null_lags, small_sample
from validation.forecasts.wald import wald_p_value

RUNS = 800
SPREAD = 3 * np.sqrt(0.05 * 0.95 / RUNS)
"""Three binomial errors of a rejection rate of 5 %: 2.3 points."""


def panels(seed, n_dates=240, n_assets=6, horizon=1, common=0.8, persistence=0.9):
    """Yield forecasts that persist and know nothing, and outcomes with a common factor and overlap."""
    rng = np.random.default_rng(seed)
    for _ in range(RUNS):
        shocks = rng.normal(size=(n_dates + horizon + 60, n_assets + 1))
        shocks = np.sqrt(common) * shocks[:, :1] + np.sqrt(1 - common) * shocks[:, 1:]
        realised = signal.lfilter(np.ones(horizon), [1.0], shocks, axis=0)[-n_dates:]
        noise = rng.normal(size=(n_dates + 60, n_assets + 1))
        noise = np.sqrt(common) * noise[:, :1] + np.sqrt(1 - common) * noise[:, 1:]
        yield signal.lfilter([1.0], [1.0, -persistence], noise, axis=0)[-n_dates:], realised


def with_holes(rng, *arrays):
    for a in arrays:
        a[rng.random(a.shape) < 0.15] = np.nan
        a[3] = np.nan


def test_mean_by_date_leaves_out_what_is_missing():
    values = np.array([[1.0, np.nan, 3.0], [np.nan] * 3])
    np.testing.assert_allclose(mean_by_date(values), [2.0, np.nan])
    np.testing.assert_allclose(mean_by_date(np.array([1.0, np.inf])), [1.0, np.nan])


def test_clark_west_equals_a_regression_of_the_adjusted_gain_on_a_constant():
    rng = np.random.default_rng(0)
    f, y, b = rng.normal(size=(3, 90, 4))
    with_holes(rng, f, y)
    gain = []
    for t in range(90):
        day = [
            (y[t, i] - b[t, i]) ** 2 - ((y[t, i] - f[t, i]) ** 2 - (b[t, i] - f[t, i]) ** 2)
            for i in range(4)
            if np.isfinite(y[t, i] * f[t, i])
        ]
        gain += [np.mean(day)] if day else []
    lags = null_lags(3)
    peer = sm.OLS(gain, np.ones(len(gain))).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    share, dof = small_sample(len(gain), lags)
    ours = clark_west(f, y, b, overlap=3)
    assert ours.t == pytest.approx(peer.tvalues[0] * np.sqrt(share))
    assert ours.p_greater == pytest.approx(stats.t.sf(ours.t, dof))


def test_clark_west_sees_a_signal_whose_scale_is_wrong():
    rng = np.random.default_rng(1)
    signal_, noise = rng.normal(size=(2, 400, 5))
    y = 0.2 * signal_ + noise
    assert ((y - signal_) ** 2).mean() > (y**2).mean(), "the forecast is worse than nothing"
    assert clark_west(signal_, y, np.zeros_like(y)).p_greater < 0.001


def test_diebold_mariano_by_the_published_formula():
    """Harvey, Leybourne and Newbold (1997), with loops."""
    rng = np.random.default_rng(2)
    a, b = signal.lfilter(np.ones(4), [1.0], rng.normal(size=(2, 80)) ** 2, axis=1)
    h, n, d = 4, 80, a - b
    gamma = [sum((d[t] - d.mean()) * (d[t - k] - d.mean()) for t in range(k, n)) / n for k in range(h)]
    s1 = d.mean() / np.sqrt((gamma[0] + 2 * sum(gamma[1:])) / n)
    expected = np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n) * s1
    ours = diebold_mariano(a, b, h)
    assert ours.t == pytest.approx(expected)
    assert ours.p_value == pytest.approx(2 * stats.t.sf(abs(expected), n - 1))
    one = diebold_mariano(a, b)
    assert one.t == pytest.approx(stats.ttest_rel(a, b).statistic), "one step ahead it is the paired t-test"
    assert one.p_value == pytest.approx(stats.ttest_rel(a, b).pvalue)


def test_diebold_mariano_with_a_negative_variance_takes_the_other_kernel():
    d = np.tile([1.0, -1.0], 20) + 0.01 * np.arange(40)
    gamma = [(d - d.mean())[k:] @ (d - d.mean())[: 40 - k] for k in range(2)]
    assert gamma[0] + 2 * gamma[1] < 0
    assert np.isfinite(diebold_mariano(d, np.zeros(40), 2).t)


def test_pesaran_timmermann_of_one_series_by_the_published_formula():
    rng = np.random.default_rng(3)
    x = rng.normal(0.2, 1, 150)
    y = 0.3 * x + rng.normal(0.1, 1, 150)
    n, px, py = 150, (x > 0).mean(), (y > 0).mean()
    p = ((x > 0) == (y > 0)).mean()
    star = py * px + (1 - py) * (1 - px)
    v = star * (1 - star) / n
    v_star = (
        (2 * py - 1) ** 2 * px * (1 - px) / n
        + (2 * px - 1) ** 2 * py * (1 - py) / n
        + 4 * py * px * (1 - py) * (1 - px) / n**2
    )
    ours = pesaran_timmermann(x, y)
    assert (ours.share, ours.expected, ours.n) == (pytest.approx(p), pytest.approx(star), n)
    assert ours.statistic == pytest.approx((p - star) / np.sqrt(v - v_star))
    assert pesaran_timmermann(x[:, None], y[:, None]) == ours
    # It is nearly the correlation of the two signs, a chi-square of their table.
    table = [[((x > 0) & (y > 0)).sum(), ((x > 0) & (y <= 0)).sum()]]
    table += [[((x <= 0) & (y > 0)).sum(), ((x <= 0) & (y <= 0)).sum()]]
    chi2 = stats.chi2_contingency(table, correction=False).statistic
    assert ours.statistic**2 == pytest.approx(chi2, rel=0.02)


def test_copies_of_an_asset_tell_nothing_new():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(300, 1))
    y = 0.1 * x + rng.normal(size=(300, 1))
    one, ten = (
        pesaran_timmermann(x, y, overlap=1),
        pesaran_timmermann(np.tile(x, 10), np.tile(y, 10), overlap=1),
    )
    assert ten.statistic == pytest.approx(one.statistic)
    assert one.statistic == pytest.approx(pesaran_timmermann(x, y).statistic, abs=0.6)
    copies = calibration(np.tile(x, 10), np.tile(y, 10))
    assert copies.slope_stderr == pytest.approx(calibration(x, y).slope_stderr)


def test_calibration_equals_statsmodels_with_errors_of_driscoll_and_kraay():
    rng = np.random.default_rng(5)
    f = 0.4 + rng.normal(size=(80, 5))
    y = 0.1 + 0.5 * f + rng.normal(size=(80, 1)) + rng.normal(size=(80, 5))
    with_holes(rng, f, y)
    ok = np.isfinite(f) & np.isfinite(y)
    date = np.repeat(np.arange(80), 5).reshape(80, 5)[ok]
    date = np.unique(date, return_inverse=True)[1]
    lags = hac_lags(79, 2)
    options = {"time": date, "maxlags": lags, "use_correction": False}
    peer = sm.OLS(y[ok], sm.add_constant(f[ok])).fit(cov_type="hac-groupsum", cov_kwds=options)
    share, dof = small_sample(79, lags)
    ours = calibration(f, y, overlap=2)
    assert (ours.intercept, ours.slope) == (pytest.approx(peer.params[0]), pytest.approx(peer.params[1]))
    assert ours.intercept_stderr == pytest.approx(peer.bse[0] / np.sqrt(share))
    assert ours.slope_stderr == pytest.approx(peer.bse[1] / np.sqrt(share))
    assert (ours.n, ours.dof) == (79, dof)
    wald = float(peer.wald_test("const = 0, x1 = 1", use_f=False, scalar=True).statistic) * share
    assert ours.p_calibrated == pytest.approx(stats.f.sf(wald * (dof - 1) / (2 * dof), 2, dof - 1))
    t = (peer.params[1] - 1) / peer.bse[1] * np.sqrt(share)
    assert ours.p_slope == pytest.approx(2 * stats.t.sf(abs(t), dof))


def test_wald_of_one_estimate_is_the_square_of_its_t():
    t, dof = 1.7, 23.5
    p = wald_p_value(np.array([t]), np.array([[1.0]]), dof)
    assert p == pytest.approx(2 * stats.t.sf(t, dof))
    assert np.isnan(wald_p_value(np.ones(2), np.ones((2, 2)), dof)), "singular"


def test_coverage_of_a_known_normal():
    rng = np.random.default_rng(6)
    mean, noise = rng.normal(size=(2, 2000, 4))
    right = interval_coverage(mean, np.ones_like(mean), mean + noise, 0.9)
    assert right.share == pytest.approx(0.9, abs=0.015)
    assert right.stderr == pytest.approx(np.sqrt(0.09 / 8000), rel=0.25)
    half = interval_coverage(mean, 0.5 * np.ones_like(mean), mean + noise, 0.9)
    assert half.share == pytest.approx(2 * stats.norm.cdf(0.5 * stats.norm.ppf(0.95)) - 1, abs=0.015)
    assert half.p_value < 1e-6
    mean[0] = np.nan
    assert interval_coverage(mean, np.ones_like(mean), mean + noise).n == 1999


@pytest.mark.parametrize("horizon", [1, 6])
def test_size_under_cross_correlated_overlapping_outcomes(horizon):
    """800 panels of 240 dates x 6 assets, factor share 0.8, forecasts with an autocorrelation of 0.9.

    Rejections must be within 3 binomial errors (2.3 points) of 5 %, and two points more where outcomes overlap.
    """
    over = horizon - 1
    rejected = {"clark west": 0, "signs": 0, "slope": 0, "coverage": 0, "loss": 0}
    for f, y in panels(7 + horizon, horizon=horizon):
        y = y / np.sqrt(horizon)
        rejected["signs"] += pesaran_timmermann(f, y, over).p_value < 0.05
        rejected["slope"] += calibration(f, y + f, over).p_slope < 0.05
        rejected["coverage"] += interval_coverage(0 * f, np.ones_like(f), y, 0.5, over).p_value < 0.05
        rejected["clark west"] += clark_west(0.1 * f, y, np.zeros_like(f), over).p_greater < 0.05
        rejected["loss"] += diebold_mariano((y - 0.1 * f) ** 2, (y + 0.1 * f) ** 2, horizon).p_value < 0.05
    shares = {name: count / RUNS for name, count in rejected.items()}
    assert all(0.05 - SPREAD - 0.01 < s < 0.05 + SPREAD + (0.02 if over else 0) for s in shares.values()), (
        shares
    )


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_little_is_unknown(n):
    f = np.ones((n, 3)) * np.arange(3)
    assert np.isnan(clark_west(f, f + 1, 0 * f).p_value)
    assert np.isnan(diebold_mariano(f, 2 * f).p_value)
    assert np.isnan(pesaran_timmermann(f - 1, f - 1).p_value) or n == 2
    assert np.isnan(calibration(f, f).slope)
    assert np.isnan(interval_coverage(f, f + 1, f).stderr)


def test_what_never_varies_is_unknown():
    y = np.random.default_rng(0).normal(size=(50, 3))
    constant = np.full((50, 3), 0.1)
    assert np.isnan(pesaran_timmermann(constant, y).p_value)
    assert np.isnan(calibration(constant, y).slope_stderr)
    assert np.isnan(diebold_mariano(y**2, y**2).p_value)
    assert np.isnan(clark_west(constant, y, constant).p_value)
    exact = calibration(y, y)
    assert exact.slope == pytest.approx(1)
    nothing = np.full((50, 3), np.nan)
    assert np.isnan(calibration(nothing, y).slope)
    assert pesaran_timmermann(nothing, y).n == 0


def test_a_benchmark_of_one_column_is_not_stretched():
    f = np.ones((20, 3))
    with pytest.raises(StatisticError, match=r"forecast \(20, 3\), realised \(20, 3\), benchmark \(20, 1\)"):
        clark_west(f, f, f[:, :1])
    for wrong in (calibration, pesaran_timmermann, diebold_mariano):
        with pytest.raises(StatisticError, match="same shape"):
            wrong(f, f[:, 0])
    with pytest.raises(StatisticError, match="same shape"):
        interval_coverage(f, f[:, 0], f)


def test_cumulative_gain_by_hand():
    y = np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, np.nan]])
    f, b = np.array([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]), np.zeros((3, 2))
    # Benchmark errors 1, 4 and 9; forecast errors 0, 1 and 4.
    np.testing.assert_allclose(cumulative_gain(f, y, b), [2.0, 2.0, 7.0])
    np.testing.assert_allclose(cumulative_gain(f[:, 0], y[:, 0], b[:, 0]), [1.0, 1.0, 6.0])
