"""Combinations of forecasts, by loops."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import trim_mean

from models.combination import combine_walks, dmspe_weights, pool_forecasts
from models.errors import TrainingError
from models.target import Target
from models.walk_forward.results import FoldFit, WalkResult


def members(n_dates=30, n_assets=4, m=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n_dates, n_assets))
    walks = []
    for k in range(m):
        raw = 0.5 * y + (0.2 + k) * rng.normal(size=y.shape)
        raw[:10] = np.nan
        raw[12, k % n_assets] = np.nan
        fits = tuple(FoldFit(t, 5, {}, np.eye(m)[k], 1.0) for t in (10, 20))
        walks.append(WalkResult(f"m{k}", raw, fits, {}))
    y[-2:] = np.nan
    return walks, Target(y, np.ones_like(y), False, np.zeros(y.shape, dtype=bool)), np.arange(n_dates) + 2


@pytest.mark.parametrize("method", ["mean", "median", "trimmed"])
def test_pooling_by_pair(method):
    walks, target, ends = members()
    result = combine_walks("c", walks, method, target, ends)
    peer = {"mean": np.mean, "median": np.median, "trimmed": lambda a: trim_mean(a, 0.25)}[method]
    for t in range(30):
        for i in range(4):
            values = [walk.raw[t, i] for walk in walks]
            if np.isnan(values).any():
                assert np.isnan(result.raw[t, i]), "what one member does not forecast"
            else:
                assert result.raw[t, i] == pytest.approx(peer(values))
    np.testing.assert_allclose(result.fits[0].importance, 0.25)


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_dmspe_weights_by_a_loop_over_matured_labels(discount):
    walks, target, ends = members()
    raw = np.stack([walk.raw for walk in walks], axis=2)
    weights = dmspe_weights(raw, target.value, ends, discount)
    for t in (5, 11, 12, 17, 29):
        losses = np.zeros(4)
        for d in range(30):
            if ends[d] > t:
                continue
            for i in range(4):
                errors = (target.value[d, i] - raw[d, i]) ** 2
                if np.isfinite(errors).all():
                    losses += discount ** (t - ends[d]) * errors
        wanted = (1 / losses) / (1 / losses).sum() if losses.all() else np.full(4, 0.25)
        np.testing.assert_allclose(weights[t], wanted)
    assert (np.diff(weights[29]) < 0).all(), "members are ordered from the best to the worst"
    result = combine_walks("c", walks, "dmspe", target, ends, discount)
    np.testing.assert_allclose(result.raw[25], raw[25] @ weights[25])
    np.testing.assert_allclose(result.fits[1].importance, weights[20])


def test_a_relative_combination_stays_relative():
    walks, target, ends = members()
    result = combine_walks("c", walks, "median", replace(target, relative=True), ends)
    np.testing.assert_allclose(np.nanmean(result.raw[20:], axis=1), 0, atol=1e-12)


def test_two_forecasts_cannot_be_trimmed():
    np.testing.assert_allclose(pool_forecasts(np.array([[1.0, 3.0]]), "trimmed"), [2.0])


def test_no_member_is_an_error():
    _, target, ends = members()
    with pytest.raises(TrainingError, match="no members"):
        combine_walks("none", [], "mean", target, ends)


def test_members_may_be_refitted_on_schedules_of_their_own():
    walks, target, ends = members(m=2)
    often = tuple(FoldFit(t, t, {}, np.array([0.0, 1.0]), 1.0) for t in (10, 15, 20, 25))
    walks[1] = WalkResult("often", walks[1].raw, often, {})
    result = combine_walks("c", walks, "mean", target, ends)
    assert [fit.first_test for fit in result.fits] == [10, 15, 20, 25]
    np.testing.assert_allclose(result.fits[1].importance, [0.5, 0.5])
    assert result.fits[1].n_rows == 15
