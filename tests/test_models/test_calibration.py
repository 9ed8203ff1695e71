"""Calibration against a slow loop, on planted skill, and on none."""

import numpy as np
import pytest

from models.calibration import BOUND, _bound_slope, _past_slope, baseline_mean, calibrate
from models.calibration_metric import multiply_pairs
from models.target import Target, floor_risk
from models.walk_forward.results import WalkResult
from validation.folds.labels import Labels


def labels_of(value, horizon=1):
    n = len(value)
    return Labels(value, np.arange(n), np.arange(n) + horizon, horizon)


def slow_slope(predicted, realised, ends, prior, t):
    fy = ff = 0.0
    dates = 0
    for s in range(len(ends)):
        if ends[s] > t:
            continue
        ok = np.isfinite(predicted[s]) & np.isfinite(realised[s])
        fy += (predicted[s][ok] * realised[s][ok]).sum()
        ff += (predicted[s][ok] ** 2).sum()
        dates += bool(ok.any())
    energy = ff + prior * ff / dates if dates else 0.0
    return min(max(fy / energy, 0.0), 1.0) if energy > 0 else 0.0


@pytest.mark.parametrize("horizon", [1, 5])
def test_slope_equals_the_slow_loop(horizon):
    rng = np.random.default_rng(0)
    f = rng.normal(size=(80, 4))
    y = 0.4 * f + rng.normal(size=(80, 4))
    f[:20] = np.nan
    y[rng.random(y.shape) < 0.1] = np.nan
    ends = np.arange(80) + horizon
    slope, _, _ = _past_slope(multiply_pairs(f, y, 1), ends, 7.0)
    for t in range(80):
        assert slope[t] == pytest.approx(slow_slope(f, y, ends, 7.0, t), rel=1e-12, abs=1e-15)


def test_only_ended_labels_count():
    rng = np.random.default_rng(0)
    f, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 3))
    ends = np.arange(60) + 5
    slope, energy, noise = _past_slope(multiply_pairs(f, y, 1), ends, 3.0)
    changed = y.copy()
    changed[36:] = 99.0  # ends at row 41 or later
    again = _past_slope(multiply_pairs(f, changed, 1), ends, 3.0)
    for before, after in zip((slope, energy, noise), again, strict=True):
        np.testing.assert_array_equal(after[:41], before[:41])
    assert again[0][41] != slope[41]


def planted(skill, seed=0, n=400, relative=True):
    rng = np.random.default_rng(seed)
    f = rng.normal(size=(n, 6))
    f -= f.mean(axis=1, keepdims=True)
    value = skill * f + rng.normal(size=(n, 6))
    value -= value.mean(axis=1, keepdims=True)
    risk = np.tile([0.01, 0.02, 0.04, 0.01, 0.02, 0.04], (n, 1))
    labels = labels_of(value * risk + 0.005)
    none = np.zeros(risk.shape, dtype=bool)
    target = Target(value if relative else labels.value / risk, risk, relative, none)
    return WalkResult("m", f, (), {}), target, labels


def test_a_planted_slope_is_found():
    forecast = calibrate(*planted(0.5), prior_periods=10)
    assert forecast.slope[0] == 0, "nothing is known yet"
    assert forecast.slope[-1] == pytest.approx(0.5, abs=0.06)
    assert forecast.positions.tolist() == list(range(400))


def test_mean_is_baseline_plus_slope_times_raw_times_risk():
    walk, target, labels = planted(0.5)
    forecast = calibrate(walk, target, labels, prior_periods=10)
    base = baseline_mean(labels, 0.0)
    expected = base + forecast.slope[:, None] * walk.raw * target.risk
    np.testing.assert_allclose(forecast.mean, expected, rtol=1e-12)


def test_without_skill_it_becomes_the_baseline():
    walk, target, labels = planted(-0.3)
    forecast = calibrate(walk, target, labels, prior_periods=10)
    late = slice(100, None)
    np.testing.assert_array_equal(forecast.slope[late], 0)
    np.testing.assert_allclose(forecast.mean[late], baseline_mean(labels, 0.0)[late], rtol=1e-12)


def test_absolute_targets_shrink_toward_the_same_baseline():
    walk, target, labels = planted(-0.3, relative=False)
    level = baseline_mean(labels, 0.0) / target.risk
    shifted = WalkResult("m", walk.raw + np.nan_to_num(level), (), {})
    forecast = calibrate(shifted, target, labels, prior_periods=10)
    assert (forecast.slope[100:] < 0.02).all()
    np.testing.assert_allclose(forecast.mean[300:], baseline_mean(labels, 0.0)[300:], atol=1e-3)


def test_a_longer_horizon_asks_for_more_dates_of_proof():
    walk, target, labels = planted(0.5)
    monthly = calibrate(walk, target, labels, prior_periods=36)
    long = Labels(labels.value, labels.start, np.arange(400) + 21, 21)
    assert calibrate(walk, target, long, prior_periods=36).slope[200] < monthly.slope[200]


def test_the_standard_error_covers():
    """Over many worlds, the truth lies within two standard errors of the calibrated mean about as often as it says."""
    hits = []
    for seed in range(40):
        walk, target, labels = planted(0.5, seed=seed, n=120)
        forecast = calibrate(walk, target, labels, prior_periods=2)
        truth = 0.005 + 0.5 * walk.raw[-1] * target.risk[-1]
        hits.append((np.abs(forecast.mean[-1] - truth) <= 2 * forecast.stderr[-1]).mean())
    assert 0.85 < np.mean(hits) <= 1.0


def test_own_means_are_shrunk_toward_that_of_all():
    value = np.tile([0.01, 0.03], (10, 1))
    labels = labels_of(value)
    np.testing.assert_allclose(baseline_mean(labels, 0.0)[-1], [0.02, 0.02])
    np.testing.assert_allclose(baseline_mean(labels, 0.25)[-1], [0.0175, 0.0225])
    np.testing.assert_allclose(baseline_mean(labels, 1.0)[-1], [0.01, 0.03])


def test_an_asset_without_a_past_is_expected_to_be_like_the_others():
    value = np.array([[0.02, np.nan], [0.02, np.nan], [0.02, np.nan]])
    assert baseline_mean(labels_of(value), 1.0)[-1, 1] == pytest.approx(0.02)


def slow_bound(slope, f, y, labels, t):
    """Lower one slope until past forecasts were too large by no more than `BOUND` standard errors, by bisection."""
    days = [s for s in range(len(f)) if labels.end[s] <= t and (np.isfinite(f[s]) & np.isfinite(y[s])).any()]
    if not days:
        return slope
    gaps, energy = [], 0.0
    for s in days:
        ok = np.isfinite(f[s]) & np.isfinite(y[s])
        gaps.append((f[s][ok] * (slope * f[s][ok] - y[s][ok])).sum())
        energy += (f[s][ok] ** 2).sum()
    allowed = BOUND * np.sqrt(labels.horizon * np.square(gaps).sum())
    low, high = 0.0, slope
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if sum(gaps) - (slope - middle) * energy < allowed else (low, middle)
    return high


@pytest.mark.parametrize("horizon", [1, 4])
def test_a_slope_that_returns_do_not_support_is_lowered_as_by_a_slow_loop(horizon):
    rng = np.random.default_rng(1)
    f = 0.02 * rng.normal(size=(120, 5))
    y = -0.2 * f + 0.01 * rng.normal(size=f.shape)
    y[:60] += 0.9 * f[:60]
    y[rng.random(y.shape) < 0.1] = np.nan
    labels, slope = labels_of(y, horizon), rng.uniform(0.2, 0.9, 120)
    bounded = _bound_slope(slope, f, y, labels)
    slow = [slow_bound(slope[t], f, y, labels, t) for t in range(120)]
    np.testing.assert_allclose(bounded, slow, rtol=1e-9, atol=1e-12)
    assert (bounded < slope).any()
    assert (bounded == slope).any()


def test_a_slope_that_returns_support_stays_bit_for_bit():
    walk, target, labels = planted(0.5)
    plain, _, _ = _past_slope(multiply_pairs(walk.raw, target.value, 1), labels.end, 10)
    np.testing.assert_array_equal(calibrate(walk, target, labels, prior_periods=10).slope, plain)


@pytest.mark.parametrize("relative", [True, False])
def test_skill_for_quiet_assets_alone_is_not_traded_in_loud_ones(relative):
    """Two quiet assets are forecast well; two that are twenty times as loud the wrong way round."""
    rng = np.random.default_rng(0)
    f = rng.normal(size=(300, 4))
    risk = np.tile([0.002, 0.002, 0.04, 0.04], (300, 1))
    value = np.array([2.0, 2.0, -0.5, -0.5]) * f + rng.normal(size=f.shape)
    if relative:
        f, value = (a - a.mean(axis=1, keepdims=True) for a in (f, value))
    labels = labels_of(value * risk)
    target = Target(value, risk, relative, np.zeros(risk.shape, dtype=bool))
    plain, _, _ = _past_slope(multiply_pairs(f, value, 1), labels.end, 10)
    assert plain[-1] > 0.5
    assert calibrate(WalkResult("m", f, (), {}), target, labels, prior_periods=10).slope[-1] < 0.1


def test_a_nearly_riskless_asset_is_expected_to_earn_what_cash_earns_and_changes_no_other():
    walk, target, labels = planted(0.5)
    without = calibrate(walk, target, labels, prior_periods=10, own_weight=0.3)
    n = len(walk.raw)

    def beside(values, column):
        return np.column_stack([values, np.full(n, column)])

    more = labels_of(beside(labels.value, 0.02))
    wider = Target(
        beside(target.value, np.nan), beside(target.risk, 1e-6), True, np.tile(np.arange(7) == 6, (n, 1))
    )
    raw = beside(walk.raw, np.nan)
    forecast = calibrate(WalkResult("m", raw, (), {}), wider, more, prior_periods=10, own_weight=0.3)
    np.testing.assert_array_equal(forecast.mean[:, :6], without.mean)
    np.testing.assert_array_equal(forecast.stderr[:, :6], without.stderr)
    np.testing.assert_array_equal(forecast.slope, without.slope)
    assert (forecast.mean[:, 6] == 0).all()
    assert (forecast.stderr[:, 6] == 1e-6).all()


def test_risk_has_a_floor_at_a_share_of_the_median_asset():
    risk = np.array([[0.01, 0.02, 0.03, 0.0001, 0.0], [np.nan, 0.02, 0.04, 0.0001, np.nan], [np.nan] * 5])
    riskless = np.zeros((3, 5), dtype=bool)
    np.testing.assert_allclose(
        floor_risk(risk, riskless),
        [[0.01, 0.02, 0.03, 0.001, 0.001], [np.nan, 0.02, 0.04, 0.002, np.nan], [np.nan] * 5],
    )
    riskless[:, 3] = True
    np.testing.assert_allclose(
        floor_risk(risk, riskless),
        [[0.01, 0.02, 0.03, 0.0001, 0.0015], [np.nan, 0.02, 0.04, 0.0001, np.nan], [np.nan] * 5],
    )
