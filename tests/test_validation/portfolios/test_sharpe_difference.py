"""The bootstrap of the difference against a slow one with loops, and its size."""

import warnings

import numpy as np
import pytest
from arch.bootstrap import optimal_block_length
from scipy import signal

from validation.errors import StatisticError
from validation.forecasts.scores import hac_stderr
from validation.portfolios.block_length import _optimal_lengths, block_length
from validation.portfolios.sharpe import sharpe_influence, sharpe_ratio
from validation.portfolios.sharpe_difference import sharpe_difference


def slow_p_value(a, b, block, n_resamples, seed):
    """Ledoit and Wolf (2008), section 3.2.2, one resample at a time."""
    n, gap = len(a), a.mean() / a.std() - b.mean() / b.std()
    drawn = n // block
    influence = sharpe_influence(a) - sharpe_influence(b)
    result = abs(sharpe_ratio(a) - sharpe_ratio(b)) / hac_stderr(influence, block)
    rng, count = np.random.default_rng(seed), 0
    for start in range(0, n_resamples, 500):
        for starts in rng.integers(n, size=(min(500, n_resamples - start), drawn)):
            rows = np.concatenate([(s + np.arange(block)) % n for s in starts])
            x, y = a[rows], b[rows]
            ratio = x.mean() / x.std() - y.mean() / y.std()
            moments = np.column_stack([x, y, x * x, y * y])
            centred = moments - moments.mean(axis=0)
            zeta = centred.reshape(drawn, block, 4).sum(axis=1) / np.sqrt(block)
            psi = zeta.T @ zeta / drawn
            m = moments.mean(axis=0)
            va, vb = x.var(), y.var()
            gradient = np.array([m[2] / va**1.5, -m[3] / vb**1.5, -m[0] / va**1.5 / 2, m[1] / vb**1.5 / 2])
            error = np.sqrt(gradient @ psi @ gradient / (drawn * block))
            count += abs(ratio - gap) / error >= result
    return (1 + count) / (1 + n_resamples)


@pytest.mark.parametrize("block", [1, 4, 7])
def test_equals_the_slow_bootstrap(block):
    rng = np.random.default_rng(block)
    common = rng.normal(size=150)
    a, b = 0.25 + common + rng.normal(size=150), common + rng.standard_t(4, size=150)
    fast = sharpe_difference(a, b, n_resamples=700, seed=3, block=block)
    assert fast.p_value == pytest.approx(slow_p_value(a, b, block, 700, 3), abs=1e-12)
    assert fast.difference == sharpe_ratio(a) - sharpe_ratio(b)
    assert (fast.p_value < 0.05) == (not fast.interval[0] < 0 < fast.interval[1])


def test_it_knows_no_scale_and_is_symmetric():
    a, b = np.random.default_rng(0).normal(0.1, 1, size=(2, 200))
    one, other = sharpe_difference(a, b), sharpe_difference(0.01 * a, 0.02 * b)
    assert other.p_value == one.p_value
    assert sharpe_difference(b, a).p_value == one.p_value
    assert sharpe_difference(b, a).difference == -one.difference


def test_it_finds_a_difference():
    rng = np.random.default_rng(1)
    common = rng.normal(size=600)
    a, b = common + 0.3 * rng.normal(size=600) + 0.15, common + 0.3 * rng.normal(size=600)
    assert sharpe_difference(a, b).p_value < 0.01


def test_size_with_garch_autocorrelation_and_a_common_factor():
    """600 pairs of 200 dates: 3 binomial errors are 2.7 points."""
    rng, runs, n = np.random.default_rng(2), 600, 200
    shocks = rng.standard_t(6, size=(n + 100, runs, 3)) / np.sqrt(1.5)
    x, variance = np.zeros_like(shocks), np.ones((runs, 3))
    for t in range(n + 100):
        variance = 0.05 + 0.1 * x[t - 1] ** 2 + 0.85 * variance
        x[t] = np.sqrt(variance) * shocks[t]
    x = 0.1 + signal.lfilter([1.0, 0.2], [1.0], x, axis=0)[100:]
    p = [
        sharpe_difference(x[:, k, 0] + x[:, k, 2], x[:, k, 1] + x[:, k, 2], n_resamples=199).p_value
        for k in range(runs)
    ]
    assert 0.05 - 0.027 < np.mean(np.array(p) <= 0.05) < 0.05 + 0.027


def test_block_length_grows_with_dependence():
    noise = np.random.default_rng(3).normal(size=(600, 5))
    slow = signal.lfilter([1.0], [1.0, -0.8], noise, axis=0)
    assert block_length(noise) == (8, 8), "the cube root of 600"
    assert min(block_length(slow)) > 15
    assert block_length(slow[:, 0])[0] > 8
    assert block_length(np.column_stack([slow, np.ones((600, 4))])) == block_length(slow)
    assert block_length(np.ones(30)) == (3, 3)
    assert block_length(np.empty(0)) == (1, 1)
    # Its variance in the long run is 0: the longest block there is.
    assert block_length(np.array([-1.0, -1, -1, 0, 0, 1, 1, 0, -1, 0])) == (4, 4)


@pytest.mark.parametrize("n", [11, 30, 241, 3000])
def test_block_lengths_are_those_of_arch(n):
    noise = np.random.default_rng(n).standard_t(4, size=(n, 20))
    for rho in (-0.5, 0.0, 0.3, 0.9, 0.99):
        x = signal.lfilter([1.0], [1.0, -rho], noise, axis=0)
        np.testing.assert_allclose(_optimal_lengths(x).T, optimal_block_length(x), rtol=1e-11)


def test_what_cannot_be_told_apart_is_nan():
    a, b = np.random.default_rng(4).normal(size=(2, 60))
    for x, y in [(a, a), (a, 3 * a), (a, 0 * a), (a[:9], b[:9]), (a[:0], b[:0])]:
        assert np.isnan(sharpe_difference(x, y).p_value)
    # Half the dates the same value: some resamples do not vary, and nothing warns.
    rare = np.where(np.arange(12) < 10, 0.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 0 < sharpe_difference(rare, a[:12], block=1).p_value <= 1


def test_what_does_not_fit_is_refused():
    a = np.random.default_rng(5).normal(size=(20, 2))
    with pytest.raises(StatisticError, match="block is 11, expected 1 to 10"):
        sharpe_difference(a[:, 0], a[:, 1], block=11)
    with pytest.raises(StatisticError, match=r"a \(20,\), b \(19,\)"):
        sharpe_difference(a[:, 0], a[1:, 1])
