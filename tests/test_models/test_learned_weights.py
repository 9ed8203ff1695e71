"""Learned weights of a combination, by loops, by published formulas and on planted members."""

import numpy as np
import pytest

from models.combination import combine_walks
from models.learned_weights import learned_weights
from models.target import Target
from models.walk_forward.results import FoldFit, WalkResult


def planted(noises, n_dates=60, n_assets=5, seed=0, horizon=2, common=0.0):
    """Return members that see a part of the target with noise, the target, and the ends of its labels."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n_dates, n_assets))
    y = signal + 2.0 * rng.normal(size=signal.shape) + common * rng.normal(size=(n_dates, 1))
    raw = np.stack([signal + noise * rng.normal(size=signal.shape) for noise in noises], axis=2)
    raw[:8] = np.nan
    raw[20, 1, 0] = np.nan
    y[-horizon:] = np.nan
    return raw, y, np.arange(n_dates) + horizon


def slow_weights(raw, y, ends, horizon, deviation, discount, t):
    """Return the weights at a date by least squares of stacked pairs, with one row more for each prior."""
    m = raw.shape[2]
    rows, errors, energy, noise = [], [], 0.0, 0.0
    for s in range(len(y)):
        if ends[s] > t:
            continue
        share = discount ** (t - ends[s])
        score = np.zeros(m)
        for i in range(y.shape[1]):
            forecasts = raw[s, i]
            if not (np.isfinite(forecasts).all() and np.isfinite(y[s, i])):
                continue
            d, e = forecasts - forecasts.mean(), y[s, i] - forecasts.mean()
            rows.append(np.sqrt(share) * d)
            errors.append(np.sqrt(share) * e)
            energy += share * (d @ d)
            score += d * e
        noise += share * (score @ score)
    if not rows:
        return np.full(m, 1 / m)
    k = horizon * noise / energy / (deviation / m) ** 2
    A = np.vstack([*rows, np.sqrt(k) * np.eye(m)])
    b = np.linalg.lstsq(A, np.array([*errors, *np.zeros(m)]), rcond=None)[0]
    w = np.maximum(1 / m + b, 0)
    return w / w.sum()


@pytest.mark.parametrize("discount", [1.0, 0.95])
@pytest.mark.parametrize("deviation", [0.5, 1.0, 4.0])
def test_weights_by_a_loop_over_matured_labels(deviation, discount):
    raw, y, ends = planted((0.5, 1.5, 4.0), horizon=3)
    weights = learned_weights(raw, y, ends, 3, prior_deviation=deviation, discount=discount)
    for t in (0, 9, 11, 15, 30, 59):
        slow = slow_weights(raw, y, ends, 3, deviation, discount, t)
        np.testing.assert_allclose(weights[t], slow, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(weights[:10], 1 / 3)
    assert (np.diff(weights[-1]) < 0).all(), "members are ordered from the best to the worst"


def test_without_a_prior_two_weights_are_those_of_bates_and_granger():
    raw, y, ends = planted((0.8, 1.6), n_dates=400)
    weights = learned_weights(raw, y, ends, 2, prior_deviation=1e5)
    known = np.arange(len(y)) + 2 <= len(y) - 1
    ok = known[:, None] & np.isfinite(raw).all(axis=2) & np.isfinite(y)
    errors = y[ok][:, None] - raw[ok]
    (a, c), (_, b) = errors.T @ errors  # their equation for the minimum variance of the combined error
    np.testing.assert_allclose(weights[-1, 0], (b - c) / (a + b - 2 * c), rtol=1e-6)


def test_no_deviation_and_equal_members_give_equal_weights():
    raw, y, ends = planted((0.5, 4.0))
    np.testing.assert_array_equal(learned_weights(raw, y, ends, 2, prior_deviation=0.0), 0.5)
    same = np.repeat(raw[:, :, :1], 3, axis=2)
    np.testing.assert_allclose(learned_weights(same, y, ends, 2), 1 / 3, atol=1e-9)
    one = learned_weights(raw[:, :, :1], y, ends, 2)
    np.testing.assert_array_equal(one, 1.0)


def test_members_without_an_error_stay_equal():
    raw, _, ends = planted((0.5, 4.0))
    weights = learned_weights(raw, raw.mean(axis=2), ends, 2)
    np.testing.assert_array_equal(weights, 0.5)


def test_outcomes_that_are_not_known_yet_change_nothing():
    raw, y, ends = planted((0.5, 1.5, 4.0), horizon=5)
    before = learned_weights(raw, y, ends, 5)
    changed = y.copy()
    changed[36:] = 50.0  # known from row 41 on
    after = learned_weights(raw, changed, ends, 5)
    np.testing.assert_array_equal(after[:41], before[:41])
    assert (after[41] != before[41]).any()


def test_dependent_assets_and_overlapping_labels_count_less():
    raw, y, ends = planted((0.5, 3.0), n_dates=120, n_assets=20)
    alone = np.abs(learned_weights(raw, y, ends, 1)[-1] - 0.5)
    overlapping = np.abs(learned_weights(raw, y, ends, 12)[-1] - 0.5)
    assert (overlapping < alone).all()
    copied = np.abs(
        learned_weights(np.repeat(raw[:, :5], 4, axis=1), np.repeat(y[:, :5], 4, axis=1), ends, 1) - 0.5
    )
    single = np.abs(learned_weights(raw[:, :5], y[:, :5], ends, 1) - 0.5)
    np.testing.assert_allclose(
        copied, single, rtol=1e-9, atol=1e-12, err_msg="copies of an asset are no evidence"
    )


def test_among_equal_members_little_is_lost_and_a_useless_one_is_dropped():
    """Over 40 panels: the squared error against that of equal weights, out of sample."""
    ratio = {}
    for name, noises in {"equal": (1.0, 1.0, 1.0), "one useless": (0.7, 0.7, 6.0)}.items():
        loss = np.zeros(2)
        for seed in range(40):
            raw, y, ends = planted(noises, n_dates=160, n_assets=6, seed=seed)
            learned = (raw * learned_weights(raw, y, ends, 2)[:, None]).sum(axis=2)
            for place, forecast in enumerate((learned, raw.mean(axis=2))):
                error = (y - forecast)[80:]
                loss[place] += np.nansum(error**2)
        ratio[name] = loss[0] / loss[1]
    assert ratio["equal"] < 1.005
    assert ratio["one useless"] < 0.9


@pytest.mark.parametrize("relative", [True, False])
def test_the_combination_uses_and_shows_them(relative):
    raw, y, ends = planted((0.5, 4.0), horizon=2)
    fits = tuple(FoldFit(t, 5, {}, np.array([1.0, 0.0]), 1.0) for t in (10, 40))
    walks = [WalkResult(f"m{k}", raw[:, :, k], fits, {}) for k in range(2)]
    target = Target(y, np.ones_like(y), relative, np.zeros(y.shape, dtype=bool))
    result = combine_walks("c", walks, "learned", target, ends, horizon=2)
    weights = learned_weights(raw, y, ends, 2)
    expected = (raw[50] * weights[50]).sum(axis=1)
    np.testing.assert_allclose(result.raw[50], expected - (expected.mean() if relative else 0))
    assert result.fits[1].chosen == {"weight_m0": weights[40, 0], "weight_m1": weights[40, 1]}
    assert result.fits[0].chosen["weight_m0"] < result.fits[1].chosen["weight_m0"]
