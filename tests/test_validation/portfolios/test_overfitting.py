"""Probability of backtest overfitting against a loop over splits, noise, and a true best."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from validation.errors import StatisticError
from validation.portfolios.overfitting import probability_of_backtest_overfitting


def slow(returns, n_blocks):
    """Bailey et al. (2017), section 2.2, one split at a time."""
    size = len(returns) // n_blocks
    blocks = returns[len(returns) - size * n_blocks :].reshape(n_blocks, size, -1)
    logits, result, earned = [], [], []
    for chosen in combinations(range(n_blocks), n_blocks // 2):
        rest = [k for k in range(n_blocks) if k not in chosen]
        inside, outside = (np.concatenate([blocks[k] for k in part]) for part in (chosen, rest))
        a, b = inside.mean(axis=0) / inside.std(axis=0), outside.mean(axis=0) / outside.std(axis=0)
        best = a.argmax()
        rank = stats.rankdata(b)[best] / (len(a) + 1)
        logits.append(np.log(rank / (1 - rank)))
        result.append(a[best])
        earned.append(b[best])
    return np.array(logits), np.polyfit(result, earned, 1)[0], np.mean(np.array(earned) < 0)


@pytest.mark.parametrize(("n_blocks", "m"), [(4, 2), (8, 7), (10, 30)])
def test_equals_the_loop(n_blocks, m):
    x = np.random.default_rng(m).standard_t(4, size=(203, m)) * np.linspace(1e-4, 3, m) + 0.05
    logits, slope, loss = slow(x, n_blocks)
    ours = probability_of_backtest_overfitting(x, n_blocks)
    np.testing.assert_allclose(ours.logits, logits, atol=1e-12)
    assert ours.slope == pytest.approx(slope)
    assert ours.probability_of_loss == loss
    assert ours.probability == pytest.approx((logits < -1e-9).mean() + (abs(logits) < 1e-9).mean() / 2)
    assert ours.n_splits == len(logits)


def test_noise_is_overfitted_half_of_the_time():
    """Over 60 samples of correlated strategies: the mean's own error says how near."""
    rng = np.random.default_rng(0)
    p = []
    for _ in range(60):
        x = rng.normal(size=(300, 1)) + rng.normal(size=(300, 20))
        p.append(probability_of_backtest_overfitting(x, 10).probability)
    assert abs(np.mean(p) - 0.5) < 3 * np.std(p) / np.sqrt(60)
    assert np.std(p) / np.sqrt(60) < 0.04


def test_a_true_best_is_hardly_overfitted():
    x = np.random.default_rng(1).normal(size=(700, 50))
    x[:, 17] += 0.3
    result = probability_of_backtest_overfitting(x)
    assert result.probability < 0.001
    assert result.probability_of_loss < 0.001
    assert result.n_splits == 12_870


def test_degenerate_columns_are_left_out_and_copies_tie():
    x = np.random.default_rng(2).normal(size=(160, 5))
    plain = probability_of_backtest_overfitting(x, 8)
    odd = probability_of_backtest_overfitting(np.column_stack([x, np.zeros(160), np.full(160, 0.1)]), 8)
    assert odd.probability == plain.probability
    assert odd.n_strategies == 5
    copies = probability_of_backtest_overfitting(np.tile(x[:, :1], 6), 8)
    assert copies.probability == 0.5
    rare = np.zeros((160, 2))
    rare[3], rare[100] = [1, 0], [0, 1]
    assert 0 <= probability_of_backtest_overfitting(rare, 8).probability <= 1


@pytest.mark.parametrize(("n", "m"), [(0, 3), (20, 3), (300, 1), (300, 0)])
def test_too_little_is_unknown(n, m):
    result = probability_of_backtest_overfitting(np.random.default_rng(3).normal(size=(n, m)))
    assert np.isnan([result.probability, result.slope, result.probability_of_loss]).all()
    assert len(result.logits) == 0


@pytest.mark.parametrize("n_blocks", [0, 7])
def test_halves_need_an_even_number_of_blocks(n_blocks):
    with pytest.raises(StatisticError, match=f"n_blocks is {n_blocks}, expected an even number"):
        probability_of_backtest_overfitting(np.ones((100, 3)), n_blocks)
