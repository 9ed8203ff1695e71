"""Shifts of dependent dates: a true null is rejected no more often than it says, and planted shifts are found."""

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from validation.drift.shift import measure_shift
from validation.errors import StatisticError


def autoregression(rng, n_dates, n_assets, rho, common):
    """Return a stationary AR(1) of each asset, variance 1, with a share of its variance in common to all."""
    burn = 20 + int(10 / (1 - rho))
    own = rng.normal(size=(n_dates + burn, n_assets)) * np.sqrt(1 - common)
    shared = rng.normal(size=(n_dates + burn, 1)) * np.sqrt(common)
    return lfilter([np.sqrt(1 - rho**2)], [1, -rho], own + shared, axis=0)[burn:]


def p_values(draws, n_dates, n_recent, n_assets, rho, move=0.0):
    rng, out = np.random.default_rng(11), []
    for _ in range(draws):
        x = autoregression(rng, n_dates + n_recent, n_assets, rho, 0.5 if n_assets > 1 else 0.0)
        x[n_dates:] += move
        out.append(measure_shift(x[:n_dates], x[n_dates:]).p_value)
    return np.array(out)


@pytest.mark.parametrize("n_assets", [1, 8])
@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9, 0.98])
def test_a_true_null_is_rejected_no_more_often_than_it_says(rho, n_assets):
    found = p_values(200, 400, 24, n_assets, rho)
    assert (found <= 0.05).mean() <= 0.075  # 0.05 and less; three standard errors of 200 draws are 0.046
    assert (found <= 0.005).mean() <= 0.02


def test_dates_taken_as_independent_would_reject_most_of_the_time():
    """What this is there to mend: scipy's test on the same null."""
    rng, naive = np.random.default_rng(11), []
    for _ in range(200):
        x = autoregression(rng, 424, 1, 0.9, 0.0)[:, 0]
        naive.append(stats.ks_2samp(x[:400], x[400:]).pvalue)
    assert (np.array(naive) <= 0.05).mean() > 0.5


@pytest.mark.parametrize(
    ("rho", "move", "power"), [(0.0, 1.0, 0.95), (0.6, 1.5, 0.7), (0.0, 0.0, 0.0), (0.9, 6.0, 0.4)]
)
def test_planted_shifts_are_found(rho, move, power):
    found = (p_values(60, 600, 24, 1, rho, move) <= 0.05).mean()
    assert found >= power


def test_a_change_of_scale_and_values_that_go_missing_are_found_too():
    rng = np.random.default_rng(4)
    before, after = rng.normal(size=(600, 10)), rng.normal(size=(24, 10))
    assert measure_shift(before, after).p_value > 0.05
    assert measure_shift(before, 3 * after).p_value < 1e-6
    gone = np.where(rng.random(after.shape) < 0.5, np.nan, after)
    lost = measure_shift(before, gone)
    assert lost.p_value < 1e-6
    assert lost.psi > 0.25
    assert (lost.missing_before, lost.missing_after) == (0.0, np.isnan(gone).mean())


def test_independent_dates_are_worth_themselves_and_alike_assets_are_worth_one():
    rng = np.random.default_rng(5)
    alone = rng.normal(size=(2000, 1))
    one = measure_shift(alone[:1900], alone[1900:])
    assert one.before == pytest.approx(1900, rel=0.25)
    assert one.after == pytest.approx(100, rel=0.15)
    copies = np.repeat(alone, 10, axis=1)
    ten = measure_shift(copies[:1900], copies[1900:])
    assert ten.distance == pytest.approx(one.distance, abs=0.01)
    assert ten.p_value == pytest.approx(one.p_value, abs=0.05)
    assert ten.after == pytest.approx(one.after, rel=0.05)
    apart = rng.normal(size=(2000, 30))
    assert measure_shift(apart[:1900], apart[1900:]).after == pytest.approx(3000, rel=0.15)


def test_an_autoregression_is_worth_what_theory_says():
    """The long-run variance of the indicator of each level follows from the normal distribution of two dates."""
    rho, levels = 0.8, stats.norm.ppf(np.arange(1, 20) / 20)
    u = stats.norm.cdf(levels)
    own = u * (1 - u)
    lags = sum(
        stats.multivariate_normal(cov=[[1, rho**k], [rho**k, 1]]).cdf(np.column_stack([levels, levels]))
        - u**2
        for k in range(1, 40)
    )
    theory = own.sum() / (own + 2 * lags).sum()
    x = autoregression(np.random.default_rng(6), 100_200, 1, rho, 0.0)
    worth = measure_shift(x[:100_000], x[100_000:]).after / 200
    assert worth == pytest.approx(theory, rel=0.12)
    assert (1 - rho) / (1 + rho) < theory < 0.2  # that of the mean, and not far above it


def test_ranks_within_a_date_never_shift():
    """Each date has the same ranks: nothing varies, nothing differs, and no infinity comes of it."""
    rng = np.random.default_rng(7)
    ranks = rng.permuted(np.tile(np.linspace(-1, 1, 12), (300, 1)), axis=1)
    found = measure_shift(ranks[:270], ranks[270:])
    assert found.distance == pytest.approx(0, abs=1e-12)
    assert found.p_value == 1.0
    assert (found.before, found.after) == (270 * 12, 30 * 12)
    assert found.psi < 1e-3


def test_what_is_not_listed_does_not_count():
    rng = np.random.default_rng(8)
    x, listed = rng.normal(size=(400, 6)), np.ones((400, 6), dtype=bool)
    listed[:, 4:] = False
    x[:, 4:] = 1e9
    found = measure_shift(x[:370], x[370:], listed[:370], listed[370:])
    assert found == measure_shift(x[:370, :4], x[370:, :4])


def test_too_few_dates_say_nothing():
    x = np.random.default_rng(9).normal(size=(40, 3))
    assert np.isnan(measure_shift(x[:20], x[20:]).p_value)
    assert np.isnan(measure_shift(x[:30], x[40:]).psi)


def test_other_assets_are_refused():
    with pytest.raises(StatisticError, match="the assets differ"):
        measure_shift(np.ones((30, 3)), np.ones((5, 2)))
