"""Tests of the best of several: uniform under the null, powerful with a true best, sane where nothing varies."""

import numpy as np
import pytest
from arch.bootstrap import SPA, StationaryBootstrap, StepM
from scipy import signal, stats

from validation.errors import StatisticError
from validation.portfolios.best_of_many import reality_check, stepm, superior_predictive_ability
from validation.portfolios.stationary_bootstrap import stationary_means, stationary_variance


def market(seed, n=300, m=8, runs=1):
    """Strategies and a benchmark with a common factor and first-order autocorrelation, none better."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_t(5, size=(runs, n + 20, m + 2))
    x = signal.lfilter([1.0], [1.0, -0.15], 0.7 * shocks[..., :1] + 0.7 * shocks[..., 1:], axis=1)[:, 20:]
    return x[..., 1:], x[..., 0]


def slow(gain, block, n_resamples, seed):
    """Hansen (2005), one resample at a time, with the consistent centring."""
    n = len(gain)
    omega = gain.std(axis=0, ddof=1)
    statistic = (np.sqrt(n) * gain.mean(axis=0) / omega).max()
    kept = np.sqrt(n) * gain.mean(axis=0) / omega >= -np.sqrt(2 * np.log(np.log(n)))
    centre = gain.mean(axis=0) * kept
    drawn = []
    for (sample,), _ in StationaryBootstrap(block, gain, seed=seed).bootstrap(n_resamples):
        drawn.append((np.sqrt(n) * (sample.mean(axis=0) - centre) / omega).max())
    return (1 + (np.array(drawn) > statistic).sum()) / (1 + n_resamples)


def test_spa_is_the_studentised_test_of_the_paper():
    returns, benchmark = (x[0] for x in market(0, m=6))
    returns = returns * [0.2, 1, 1, 1, 1, 5] + [0.03, 0, 0, -0.3, -2, 0]
    ours = superior_predictive_ability(returns, benchmark, n_resamples=400, seed=9)
    expected = slow(returns - benchmark[:, None], ours.block, 400, 9)
    assert ours.consistent == pytest.approx(
        expected, abs=2.5 / 400
    )  # arch's variance in its threshold differs
    assert ours.lower <= ours.consistent <= ours.upper


@pytest.mark.parametrize(("n", "block"), [(20, 1), (60, 3), (241, 9)])
def test_resampled_means_are_those_of_arch(n, block):
    x = np.random.default_rng(n).normal(size=(n, 3))
    expected = [sample.mean(axis=0) for (sample,), _ in StationaryBootstrap(block, x, seed=4).bootstrap(230)]
    np.testing.assert_allclose(stationary_means(x, block, 230, 4), expected, rtol=0, atol=1e-14)
    # What the bootstrap itself says the variance is, of many resamples.
    many = n * stationary_means(x, block, 20_000, 5).var(axis=0)
    np.testing.assert_allclose(stationary_variance(x, block), many, rtol=0.05)


@pytest.mark.parametrize("seed", range(12))
def test_p_values_are_those_of_arch(seed):
    returns, benchmark = (x[0] for x in market(seed))
    returns = returns + 0.1 * np.random.default_rng(seed).normal(size=8)  # some better, some much worse
    gain = returns - benchmark[:, None]
    for test, scale in ((reality_check, 1.0), (superior_predictive_ability, gain.std(axis=0, ddof=1))):
        ours = test(returns, benchmark, n_resamples=300, seed=2)
        peer = SPA(np.zeros(len(gain)), -gain / scale, ours.block, 300, seed=2)
        peer.compute()
        expected = (peer.pvalues[["lower", "consistent", "upper"]] * 300 + 1) / 301
        assert (ours.lower, ours.consistent, ours.upper) == pytest.approx(tuple(expected), abs=1e-12)


def test_a_volatile_strategy_hides_a_good_one_from_the_reality_check_only():
    rng = np.random.default_rng(3)
    returns = rng.normal(size=(400, 5)) * [0.1, 5, 5, 5, 5]
    returns += [0.02, 0, 0, 0, 0] - returns.mean(axis=0)
    names = ["good", "b", "c", "d", "e"]
    spa = superior_predictive_ability(returns, np.zeros(400), names)
    assert spa.consistent < 0.02
    assert spa.best == "good"
    assert reality_check(returns, np.zeros(400), names).upper > 0.2


def test_p_values_are_uniform_when_none_is_better():
    """200 markets of 8 correlated strategies; 3 binomial errors of 5 % are 4.6 points."""
    returns, benchmark = market(4, n=200, runs=200)
    p = [
        superior_predictive_ability(r, b, n_resamples=99).consistent
        for r, b in zip(returns, benchmark, strict=True)
    ]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.05 - 0.046 < np.mean(np.array(p) <= 0.05) < 0.05 + 0.046


def test_stepm_finds_the_planted_and_rarely_another():
    returns, benchmark = market(5, n=300, runs=60)
    names = [f"s{k}" for k in range(8)]
    found, false = 0, 0
    for r, b in zip(returns, benchmark, strict=True):
        result = stepm(r + 0.5 * (np.arange(8) == 3) + 0.6 * (np.arange(8) == 6), b, names, n_resamples=199)
        found += {"s3", "s6"} <= set(result.superior)
        false += bool(set(result.superior) - {"s3", "s6"})
    assert found >= 57
    assert false <= 60 * 0.05 + 3 * np.sqrt(60 * 0.05 * 0.95)


@pytest.mark.parametrize("test", [reality_check, superior_predictive_ability])
def test_degenerate_columns_change_nothing(test):
    returns, benchmark = (x[0] for x in market(6, m=3))
    plain = test(returns, benchmark, n_resamples=200, seed=1)
    odd = np.column_stack([benchmark, returns, benchmark + 0.01])
    assert test(odd, benchmark, n_resamples=200, seed=1).consistent == plain.consistent
    assert test(odd, benchmark, n_resamples=200).tested == 3
    twice = test(np.column_stack([returns, returns]), benchmark, n_resamples=200, seed=1)
    assert twice.consistent == plain.consistent, "copies are not more trials"
    cash = np.column_stack([returns, np.zeros(len(benchmark))])
    assert 0 < test(cash, benchmark, n_resamples=200).consistent <= 1


def test_one_strategy_is_a_one_sided_t_test():
    rng = np.random.default_rng(7)
    r = rng.normal(0.12, 1, size=(400, 1))
    p = superior_predictive_ability(r, np.zeros(400), n_resamples=2000).consistent
    assert p == pytest.approx(stats.ttest_1samp(r[:, 0], 0, alternative="greater").pvalue, abs=0.015)
    assert stepm(r + 1, np.zeros(400)).superior == ("0",)


@pytest.mark.parametrize(("n", "m"), [(300, 0), (5, 3), (0, 2)])
def test_nothing_to_test_is_nan(n, m):
    returns = np.random.default_rng(8).normal(size=(n, m))
    result = superior_predictive_ability(returns, np.zeros(n))
    assert np.isnan([result.lower, result.consistent, result.upper]).all()
    assert (result.best, result.tested) == ("", 0)
    assert stepm(returns, np.zeros(n)).superior == ()
    same = np.tile(np.linspace(0, 1, 300)[:, None], 2)
    assert np.isnan(superior_predictive_ability(same, same[:, 0]).consistent)


def test_stepm_equals_that_of_arch_where_arch_succeeds_and_finds_all_where_it_fails():
    failed = 0
    for seed in range(40):
        returns = np.random.default_rng(seed).normal([0.6, 0.15], 1, size=(150, 2))
        ours = stepm(returns, np.zeros(150), n_resamples=99, seed=seed)
        scaled = returns / returns.std(axis=0, ddof=1)
        peer = StepM(np.zeros(150), -scaled, 0.05, ours.block, 99, seed=seed)
        try:
            peer.compute()
        except ValueError:
            failed += 1
            assert ours.superior == ("0", "1")
        else:
            assert ours.superior == tuple(str(k) for k in peer.superior_models)
    assert failed < 20


def test_a_hole_in_one_record_does_not_hide_the_trial():
    returns, benchmark = (x[0] for x in market(10, m=3))
    returns[5, 1] = np.nan
    assert np.isnan(superior_predictive_ability(returns, benchmark).consistent)
    assert np.isnan(reality_check(returns, benchmark).upper)
    assert stepm(returns, benchmark).tested == 0


def test_what_does_not_fit_is_refused():
    with pytest.raises(StatisticError, match=r"returns \(30, 2\) and benchmark \(29,\)"):
        reality_check(np.ones((30, 2)), np.ones(29))
    with pytest.raises(StatisticError, match="1 names for 2 strategies"):
        stepm(np.ones((30, 2)), np.ones(30), ["a"])
