"""The calibration in returns and in the inverse covariance: by loops, by least squares, and by its utility."""

from dataclasses import replace

import numpy as np
import pytest

from models.calibration import baseline_mean, calibrate
from models.calibration_metric import CovarianceMetric, multiply_in_covariance
from models.target import Target
from models.walk_forward.results import WalkResult
from validation.folds.labels import Labels


def market(skill=0.6, n=240, seed=0, relative=True, horizon=1, holes=True):
    """Return a walk, its target and labels, and the true covariances: near-duplicates, and different volatilities."""
    rng = np.random.default_rng(seed)
    risk = np.array([0.01, 0.02, 0.04, 0.02, 0.03])
    correlation = np.full((5, 5), 0.5) + 0.5 * np.eye(5)
    correlation[1, 3] = correlation[3, 1] = 0.98
    sigma = correlation * np.outer(risk, risk)
    f = 0.3 * rng.normal(size=(n, 5))
    f -= f.mean(axis=1, keepdims=True) if relative else 0.0
    noise = rng.multivariate_normal(np.zeros(5), sigma, size=n)
    value = skill * f * risk + noise + 0.002
    if holes:
        f[40, 2] = value[50, 1] = np.nan
    f[:12] = np.nan
    labels = Labels(value, np.arange(n), np.arange(n) + horizon, horizon)
    scaled = value / risk
    if relative:
        scaled = scaled - np.nanmean(scaled, axis=1, keepdims=True)
    target = Target(scaled, np.tile(risk, (n, 1)), relative, np.zeros((n, 5), dtype=bool))
    return WalkResult("m", f, (), {}), target, labels, sigma


def metric_of(sigma, rows, step=1, holes=()):
    """Return a metric with the same covariance at all rows, unknown for some (row, asset)."""

    def at(row):
        out = sigma * (1 + row / 100)
        for hole, asset in holes:
            if row == hole:
                out[asset] = out[:, asset] = np.nan
        return out

    return CovarianceMetric(np.asarray(rows), step, at)


def whitened_fit(forecast, outcome, metric, t, ends, prior, relative):
    """Return the slope by least squares of whitened returns, with a column for each date if relative."""
    total = np.zeros(2)
    dates = 0
    for row in metric.rows:
        sigma = metric.covariance_at(int(row))
        ok = np.isfinite(forecast[row]) & np.isfinite(outcome[row]) & np.isfinite(np.diag(sigma))
        if ends[row] > t or ok.sum() < 2:
            continue
        white = np.linalg.inv(np.linalg.cholesky(sigma[np.ix_(ok, ok)]))
        f, y, one = white @ forecast[row, ok], white @ outcome[row, ok], white @ np.ones(ok.sum())
        if relative:
            f = f - one * np.linalg.lstsq(one[:, None], f, rcond=None)[0]
            y = y - one * np.linalg.lstsq(one[:, None], y, rcond=None)[0]
        total += f @ y, f @ f
        dates += 1
    if not dates:
        return 0.0
    return float(np.clip(total[0] / (total[1] * (1 + prior / dates)), 0, 1))


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize(("horizon", "step"), [(1, 1), (6, 2)])
def test_slope_in_the_inverse_covariance_by_a_loop_of_whitened_least_squares(relative, horizon, step):
    walk, target, labels, sigma = market(relative=relative, horizon=horizon)
    metric = metric_of(sigma, range(12, 240, step), step, holes=[(60, 0), (62, 4)])
    forecast = calibrate(
        walk, target, labels, prior_periods=5, metric="inverse_covariance", covariances=metric
    )
    base = baseline_mean(labels, 0.0)
    mu = walk.raw * target.risk - (0 if relative else base)
    outcome = labels.value - base
    for t in (20, 41, 63, 120, 239):
        slow = whitened_fit(mu, outcome, metric, t, labels.end, 5 * horizon / step, relative)
        at = np.searchsorted(forecast.positions, t)
        assert forecast.slope[at] == pytest.approx(slow, rel=1e-5, abs=1e-12)
    assert 0 < forecast.slope[-1] < 1


def test_slope_in_returns_by_a_loop():
    walk, target, labels, _ = market(relative=False)
    base = baseline_mean(labels, 0.0)
    forecast = calibrate(walk, target, labels, prior_periods=5, metric="return")
    fy = ff = dates = 0.0
    for s in range(240):
        mu, y = walk.raw[s] * target.risk[s] - base[s], labels.value[s] - base[s]
        ok = np.isfinite(mu) & np.isfinite(y)
        if labels.end[s] <= 150 and ok.any():
            fy, ff, dates = fy + mu[ok] @ y[ok], ff + mu[ok] @ mu[ok], dates + 1
    at = np.searchsorted(forecast.positions, 150)
    assert forecast.slope[at] == pytest.approx(min(max(fy / (ff * (1 + 5 / dates)), 0), 1), rel=1e-12)
    with_risk = calibrate(walk, target, labels, prior_periods=5)
    assert forecast.slope[at] != with_risk.slope[at]


def test_it_is_the_scale_of_forecasts_with_the_largest_past_utility():
    """Without a prior: of all scales of the traded forecast, mean less half the variance is largest at the slope."""
    walk, target, labels, sigma = market(holes=False, n=600)
    metric = CovarianceMetric(np.arange(12, 600), 1, lambda row: sigma)
    forecast = calibrate(
        walk, target, labels, prior_periods=0, metric="inverse_covariance", covariances=metric
    )
    inverse = np.linalg.inv(sigma)
    one = inverse.sum(axis=1)
    zero_sum = inverse - np.outer(one, one) / one.sum()
    known = slice(12, 599)
    weights = (walk.raw * target.risk)[known] @ zero_sum
    earned = (weights * (labels.value - baseline_mean(labels, 0.0))[known]).sum(axis=1)
    risk = ((weights @ sigma) * weights).sum(axis=1)
    scales = np.linspace(0, 1, 2001)
    utility = scales * earned.sum() - scales**2 / 2 * risk.sum()
    assert 0.2 < forecast.slope[-1] < 0.95
    assert scales[utility.argmax()] == pytest.approx(forecast.slope[-1], abs=5e-4)


def test_a_bet_on_near_duplicates_counts_in_the_covariance_and_not_in_units_of_risk():
    """Forecasts are right but for the difference of two assets that move together, where they are noise."""
    walk, target, labels, sigma = market(skill=1.0, n=600, holes=False)
    raw = walk.raw.copy()
    wrong = np.random.default_rng(5).normal(size=600) * 0.5
    raw[:, 1] += wrong
    raw[:, 3] -= wrong
    noisy = replace(walk, raw=raw)
    metric = CovarianceMetric(np.arange(12, 600), 1, lambda row: sigma)
    slope = {
        name: calibrate(noisy, target, labels, prior_periods=5, metric=name, covariances=metric).slope[-1]
        for name in ("risk", "return", "inverse_covariance")
    }
    assert slope["inverse_covariance"] < 0.2 < 0.35 < slope["risk"]


def test_a_common_part_of_relative_forecasts_counts_nothing():
    walk, target, labels, sigma = market()
    metric = metric_of(sigma, range(12, 240))
    mu, outcome = walk.raw * target.risk, labels.value
    plain = multiply_in_covariance(mu, outcome, metric, horizon=1, relative=True)
    shifted = multiply_in_covariance(mu + 0.3, outcome - 0.1, metric, horizon=1, relative=True)
    np.testing.assert_allclose(shifted.by_date, plain.by_date, rtol=1e-6, atol=1e-6)
    absolute = multiply_in_covariance(mu + 0.3, outcome - 0.1, metric, horizon=1, relative=False)
    assert not np.allclose(absolute.by_date, plain.by_date)


def test_what_is_not_known_changes_no_bit():
    walk, target, labels, sigma = market(horizon=3)
    options = {"prior_periods": 5, "metric": "inverse_covariance"}
    whole = calibrate(walk, target, labels, covariances=metric_of(sigma, range(12, 240)), **options)
    value = labels.value.copy()
    value[98:] = 0.5  # known from row 101 on
    later = replace(labels, value=value)
    scaled = replace(target, value=np.where(np.arange(240)[:, None] >= 98, 9.0, target.value))
    again = calibrate(walk, scaled, later, covariances=metric_of(sigma, range(12, 101)), **options)
    at = whole.positions <= 100
    np.testing.assert_array_equal(again.slope[at], whole.slope[at])
    np.testing.assert_array_equal(again.mean[at], whole.mean[at])


def test_a_singular_covariance_and_one_asset_are_no_failure():
    walk, target, labels, sigma = market()
    twin = sigma.copy()
    twin[3] = twin[1]
    twin[:, 3] = twin[:, 1]
    metric = CovarianceMetric(np.arange(12, 240), 1, lambda row: twin)
    forecast = calibrate(
        walk, target, labels, prior_periods=5, metric="inverse_covariance", covariances=metric
    )
    # All that counts is the difference of the twins, on which the optimiser would bet without limit.
    f = (walk.raw * target.risk)[12:239, [1, 3]] @ [1, -1]
    y = labels.value[12:239, [1, 3]] @ [1, -1]
    ok = np.isfinite(f) & np.isfinite(y)
    expected = f[ok] @ y[ok] / (f[ok] @ f[ok]) / (1 + 5 / 227)
    assert forecast.slope[-1] == pytest.approx(expected, rel=0.01)
    assert np.isfinite(forecast.stderr[30:]).any()
    alone = np.full_like(sigma, np.nan)
    alone[0, 0] = 1e-4
    nothing = CovarianceMetric(np.arange(12, 240), 1, lambda row: alone)
    forecast = calibrate(
        walk, target, labels, prior_periods=5, metric="inverse_covariance", covariances=nothing
    )
    np.testing.assert_array_equal(forecast.slope, 0.0)


def test_without_covariances_it_is_refused():
    walk, target, labels, _ = market()
    with pytest.raises(ValueError, match="needs covariances"):
        calibrate(walk, target, labels, prior_periods=5, metric="inverse_covariance")
