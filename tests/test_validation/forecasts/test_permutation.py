"""Permutation against every permutation there is, a loop, and its own size."""

from itertools import permutations

import numpy as np
import pytest
from scipy import signal

from validation.errors import StatisticError
from validation.forecasts.permutation import _draw_orders, permutation_test, permutation_test_ic
from validation.forecasts.scores import information_coefficient


def test_close_to_all_permutations_of_the_exact_test():
    rng = np.random.default_rng(0)
    w, r = rng.normal(size=(2, 10, 3))
    order = np.array(list(permutations(range(10)))[::50])
    every = np.einsum("dn,pdn->p", w, r[order]) / 10
    observed = (w * r).sum() / 10
    result = permutation_test(w, r, n_permutations=4000)
    assert result.mean == pytest.approx(observed)
    assert result.p_value == pytest.approx((every >= observed).mean(), abs=0.025)
    assert result.by_chance == pytest.approx((w.mean(axis=0) * r.mean(axis=0)).sum(), abs=0.03)
    assert result.spread == pytest.approx(every.std(), rel=0.05)


@pytest.mark.parametrize("block", [1, 7])
def test_blocks_stay_together_and_chunks_change_nothing(block, monkeypatch):
    rng = np.random.default_rng(1)
    returns = rng.normal(size=(50, 1))
    weights = rng.normal(size=(50, 1))
    whole = permutation_test(weights, returns, block=block, n_permutations=50)
    monkeypatch.setattr("validation.forecasts.permutation.ROWS", 8)
    assert permutation_test(weights, returns, block=block, n_permutations=50).p_value == whole.p_value
    for order in _draw_orders(50, block, 20, rng):
        assert sorted(order) == list(range(50))
        together = (np.diff(order) % 50 == 1).sum()
        assert together >= 50 - 2 * -(-50 // block) if block > 1 else together < 15


def test_constant_weights_have_no_timing():
    r = np.random.default_rng(2).normal(0.5, 1, size=(60, 4))
    result = permutation_test(np.full((60, 4), 0.25), r)
    assert result.p_value == 1
    assert result.mean == pytest.approx(result.by_chance)
    assert result.spread < 1e-12


def test_timing_is_found():
    rng = np.random.default_rng(3)
    r = rng.normal(size=(200, 4))
    assert permutation_test(np.sign(r + 3 * rng.normal(size=r.shape)), r).p_value == pytest.approx(
        1 / 1001, abs=0.003
    )
    assert permutation_test_ic(r + 3 * rng.normal(size=r.shape), r).p_value < 0.005


@pytest.mark.parametrize("rank", [True, False])
def test_the_mean_is_the_information_coefficient(rank):
    rng = np.random.default_rng(4)
    f, y = rng.normal(size=(2, 40, 8))
    f[:, :3] = np.round(f[:, :3])
    f[5], y[7, 2:4], f[9, 2:] = 0.3, np.nan, np.nan
    result = permutation_test_ic(f, y, rank=rank)
    ic = information_coefficient(f, y, rank=rank)
    assert result.mean == pytest.approx(np.nanmean(ic))
    assert result.n == np.isfinite(ic).sum() == 38


def test_missing_assets_hold_nothing():
    rng = np.random.default_rng(5)
    w, r = rng.normal(size=(2, 30, 3))
    w[2, 1], r[4] = np.nan, np.nan
    product = np.where(np.isfinite(w * r), w * r, 0).sum(axis=1)
    result = permutation_test(w, r)
    assert result.mean == pytest.approx(product.sum() / 29)
    assert result.n == 29


def test_size_with_overlap_common_factor_and_persistent_positions():
    """300 samples of 160 dates, returns over 5 periods, blocks of 20: 3 binomial errors are 3.8 points."""
    rng = np.random.default_rng(6)
    p, alone, ic = [], [], []
    for k in range(300):
        shocks = rng.normal(size=(164, 1)) + rng.normal(size=(164, 4))
        r = signal.lfilter(np.ones(5), [1.0], shocks, axis=0)[4:]
        w = signal.lfilter([1.0], [1.0, -0.9], rng.normal(size=(220, 4)), axis=0)[60:]
        p.append(permutation_test(w, r, block=20, n_permutations=99, seed=k).p_value)
        alone.append(permutation_test(w, r, block=1, n_permutations=99, seed=k).p_value)
        ic.append(permutation_test_ic(w, r, block=20, n_permutations=99, seed=k).p_value)
    share, without, ranks = (float(np.mean(np.array(x) <= 0.05)) for x in (p, alone, ic))
    assert 0.05 - 0.038 < share < 0.05 + 0.038
    assert 0.05 - 0.038 < ranks < 0.05 + 0.038
    assert without > 0.12, "without blocks the test flatters"


@pytest.mark.parametrize("n", [0, 1, 9])
def test_too_little_is_unknown(n):
    w = np.random.default_rng(7).normal(size=(n, 4))
    assert np.isnan(permutation_test(w, w).p_value)
    assert np.isnan(permutation_test_ic(w, w).p_value)
    assert np.isnan(permutation_test(np.tile(w, (4, 1)), np.tile(w, (4, 1)), block=30).p_value)


def test_what_does_not_fit_is_refused():
    w = np.ones((20, 3))
    with pytest.raises(StatisticError, match=r"weights \(20, 3\), returns \(20, 1\)"):
        permutation_test(w, w[:, :1])
    with pytest.raises(StatisticError, match="block is 0, expected at least 1"):
        permutation_test_ic(w, w, block=0)
