"""A mixture of regimes against the law of total variance."""

import numpy as np
import pytest
from test_covariance_estimators import returns

from allocation.covariance.path_estimation import covariance_path
from allocation.covariance.regime_mixture import RegimeMixture, mixture_path
from allocation.covariance.sample import SampleCovariance
from allocation.covariance.shrinkage import LedoitWolf
from allocation.errors import InputError


def memberships(n, states=3, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(states, 0.5), size=n)


def test_the_mixture_in_the_windows_own_proportions_is_its_sample_covariance():
    """The law of total variance: within plus between is all, when the proportions are those of the rows."""
    x, p = returns(150, 7), memberships(150)
    sigma = RegimeMixture(p, p.mean(axis=0), prior_rows=0.0).estimate(x)
    np.testing.assert_allclose(sigma, SampleCovariance().estimate(x), rtol=1e-10, atol=1e-17)


def test_equals_the_formula_written_out():
    x, p = returns(80, 4), memberships(80)
    now = np.array([0.7, 0.1, 0.2])
    means = [sum(p[t, s] * x[t] for t in range(80)) / p[:, s].sum() for s in range(3)]
    middle = sum(now[s] * means[s] for s in range(3))
    expected = np.zeros((4, 4))
    for s in range(3):
        within = sum(p[t, s] * np.outer(x[t] - means[s], x[t] - means[s]) for t in range(80)) / p[:, s].sum()
        expected += now[s] * (within + np.outer(means[s] - middle, means[s] - middle))
    np.testing.assert_allclose(RegimeMixture(p, now, prior_rows=0.0).estimate(x), expected, rtol=1e-10)
    # With nothing said of now, it is the last row.
    at_last = RegimeMixture(p, p[-1], prior_rows=0.0).estimate(x)
    np.testing.assert_array_equal(RegimeMixture(p, prior_rows=0.0).estimate(x), at_last)


def test_the_prior_counts_as_so_many_rows():
    x, p = returns(80, 4), memberships(80)
    now = np.array([0.0, 1.0, 0.0])
    rows = p[:, 1].sum() ** 2 / (p[:, 1] ** 2).sum()
    own = RegimeMixture(p, now, prior_rows=0.0).estimate(x)
    whole = LedoitWolf().estimate(x)
    for prior in (5.0, 4.0):
        expected = (rows * own + prior * whole) / (rows + prior)
        result = RegimeMixture(p, now, prior_rows=None if prior == 4.0 else prior).estimate(x)
        np.testing.assert_allclose(result, expected, rtol=1e-10)
    np.testing.assert_allclose(RegimeMixture(p, now, prior_rows=1e12).estimate(x), whole, rtol=1e-6)


def test_a_storm_is_recognised_by_the_probabilities_of_now():
    rng = np.random.default_rng(2)
    stormy = np.arange(400) % 100 < 25
    x = rng.normal(size=(400, 5)) * np.where(stormy, 0.04, 0.01)[:, None]
    p = np.column_stack([~stormy, stormy]).astype(float)
    calm = RegimeMixture(p, np.array([1.0, 0.0])).estimate(x)
    storm = RegimeMixture(p, np.array([0.0, 1.0])).estimate(x)
    assert np.sqrt(np.diag(calm)).mean() == pytest.approx(0.01, rel=0.15)
    assert np.sqrt(np.diag(storm)).mean() == pytest.approx(0.04, rel=0.15)


def test_rows_without_probabilities_and_regimes_never_seen():
    x, p = returns(60, 4), memberships(60)
    whole = LedoitWolf().estimate(x)
    np.testing.assert_array_equal(RegimeMixture(np.full((60, 3), np.nan)).estimate(x), whole)
    p[:20] = np.nan
    with_gap = RegimeMixture(p, np.array([0.2, 0.3, 0.5]), prior_rows=0.0).estimate(x)
    without = RegimeMixture(p[20:], np.array([0.2, 0.3, 0.5]), prior_rows=0.0).estimate(x[20:])
    np.testing.assert_allclose(with_gap, without, rtol=1e-10)
    never = np.column_stack([np.ones(60), np.zeros(60)])
    np.testing.assert_array_equal(RegimeMixture(never, np.array([0.0, 1.0])).estimate(x), whole)


def test_a_path_takes_the_probabilities_of_each_windows_rows():
    x, p = returns(200, 5), memberships(200)
    path = covariance_path(
        x, np.array([80, 140]), window=60, min_history=20, horizon=2, estimator=RegimeMixture(p)
    )
    for sigma, position in zip(path.sigma, (80, 140), strict=True):
        rows = slice(position - 59, position + 1)
        np.testing.assert_allclose(sigma, 2 * RegimeMixture(p[rows]).estimate(x[rows]), rtol=1e-12)


@pytest.mark.parametrize("wrong", [np.full((9, 2), 0.4), np.tile([1.2, -0.2], (9, 1))])
def test_what_are_no_probabilities_is_refused(wrong):
    with pytest.raises(InputError, match="not negative and sum to 1"):
        RegimeMixture(wrong)


def test_mistakes_are_refused():
    with pytest.raises(InputError, match="50 rows of returns and 60 of probabilities"):
        RegimeMixture(memberships(60)).estimate(returns(50, 3))
    with pytest.raises(InputError, match="prior_rows -1"):
        RegimeMixture(memberships(60), prior_rows=-1)


def test_forecasts_of_the_regime_weight_the_mixture():
    x, p, ahead = returns(80, 4), memberships(80), memberships(80, seed=5)
    given = RegimeMixture(p, ahead)
    window = slice(20, 60)
    expected = RegimeMixture(p[window], ahead[59]).estimate(x[window])
    np.testing.assert_array_equal(given.select_rows(window).estimate(x[window]), expected)
    with pytest.raises(InputError, match="79 rows of current for 80 of probabilities"):
        RegimeMixture(p, ahead[1:])
    unknown = np.where(np.arange(80)[:, None] == 79, np.nan, ahead)
    np.testing.assert_array_equal(RegimeMixture(p, unknown).estimate(x), LedoitWolf().estimate(x))


def test_the_mean_of_the_mixture():
    x, p = returns(80, 4), memberships(80)
    now = np.array([0.7, 0.1, 0.2])
    means = np.array([sum(p[t, s] * x[t] for t in range(80)) / p[:, s].sum() for s in range(3)])
    mean, sigma = RegimeMixture(p, now, prior_rows=0.0).estimate_moments(x)
    np.testing.assert_allclose(mean, now @ means, rtol=1e-10)
    np.testing.assert_array_equal(sigma, RegimeMixture(p, now, prior_rows=0.0).estimate(x))
    shrunk, _ = RegimeMixture(p, now, prior_rows=1e12).estimate_moments(x)
    np.testing.assert_allclose(shrunk, x.mean(axis=0), rtol=1e-6)


def test_a_path_of_mixtures_is_that_of_each_window():
    x, p, ahead = returns(120, 4), memberships(120), memberships(120, seed=5)
    x[:60, 2] = np.nan
    rows = np.array([50, 80, 119])
    mixture = RegimeMixture(p, ahead)
    path = covariance_path(x, rows, window=40, min_history=30, horizon=3, estimator=mixture)
    mean, mixed = mixture_path(x, path, mixture, window=40, horizon=3)
    np.testing.assert_array_equal(mixed.sigma, path.sigma)
    for d, row in enumerate(rows):
        inside, window = path.eligible[d], slice(row - 39, row + 1)
        one = RegimeMixture(p[window], ahead[row]).estimate_moments(x[window][:, inside])[0]
        np.testing.assert_allclose(mean[d, inside], 3 * one)
        assert np.isnan(mean[d, ~inside]).all()
    assert not path.eligible[0].all()
