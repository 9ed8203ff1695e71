"""Views of single assets: the dense formulae, in the form that the covariance has."""

import numpy as np
import pytest

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InputError
from allocation.views.forecast_posterior import _posterior_by_asset, posterior_of_forecasts
from allocation.views.posterior import combine_views


def random_problem(seed, n=12, k=3):
    rng = np.random.default_rng(seed)
    sigma = FactorCovariance(rng.normal(size=(n, k)) * 0.1, rng.uniform(0.005, 0.03, n))
    return rng, sigma, rng.normal(size=n) * 0.02


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("certain", [False, True])
def test_views_of_single_assets_stay_in_factors_and_are_the_dense_answer(seed, certain):
    rng, sigma, pi = random_problem(seed)
    n = len(pi)
    omega = rng.uniform(1e-4, 1e-2, n)
    omega[rng.choice(n, 4, replace=False)] = np.inf
    if certain:
        omega[np.flatnonzero(np.isfinite(omega))[0]] = 0.0
    values = np.where(np.isfinite(omega), rng.normal(size=n) * 0.05, np.nan)
    found = _posterior_by_asset(pi, sigma, values, omega, tau=0.2)
    oracle = _posterior_by_asset(pi, to_dense(sigma), values, omega, tau=0.2)
    assert isinstance(found.sigma, FactorCovariance)
    np.testing.assert_allclose(found.mean, oracle.mean, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(to_dense(found.sigma), to_dense(oracle.sigma), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("form", [lambda sigma: sigma, to_dense])
def test_one_confidence_goes_that_share_of_the_way(form):
    rng, sigma, pi = random_problem(1)
    values = pi + rng.normal(size=len(pi)) * 0.03
    found = posterior_of_forecasts(
        pi, form(sigma), values, np.full(len(pi), 0.3), tau=0.1, errors="like_returns"
    )
    np.testing.assert_allclose(found.mean, 0.7 * pi + 0.3 * values, rtol=1e-14)
    assert isinstance(found.sigma, type(form(sigma)))
    full = to_dense(sigma)
    oracle = combine_views(pi, full, np.eye(len(pi)), values, 0.1 * full * 0.7 / 0.3, tau=0.1)
    np.testing.assert_allclose(found.mean, oracle.mean, rtol=1e-9)
    np.testing.assert_allclose(to_dense(found.sigma), to_dense(oracle.sigma), rtol=1e-9)


def test_confidences_that_differ_and_assets_without_a_forecast():
    rng, sigma, pi = random_problem(2)
    n = len(pi)
    confidence = rng.uniform(0.1, 0.9, n)
    confidence[0] = 0.0
    values = pi + rng.normal(size=n) * 0.03
    values[1] = np.nan
    found = posterior_of_forecasts(pi, sigma, values, confidence, tau=0.1, errors="like_returns")
    full, prior = to_dense(sigma), np.linalg.inv(0.1 * to_dense(sigma))
    P = np.eye(n)[2:]
    S = np.diag(np.sqrt(1 / confidence[2:] - 1))
    precision = P.T @ np.linalg.inv(0.1 * S @ full[2:, 2:] @ S) @ P
    doubt = np.linalg.inv(prior + precision)
    mean = doubt @ (prior @ pi + precision @ np.nan_to_num(values))
    np.testing.assert_allclose(found.mean, mean, rtol=1e-8)
    np.testing.assert_allclose(to_dense(found.sigma), full + doubt, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("errors", ["like_returns", "independent"])
@pytest.mark.parametrize("form", [lambda sigma: sigma, to_dense])
def test_no_confidence_leaves_the_prior_to_the_bit(errors, form):
    _, sigma, pi = random_problem(3)
    values = np.where(np.arange(len(pi)) % 3 == 0, np.nan, 9.0)
    found = posterior_of_forecasts(pi, form(sigma), values, np.zeros(len(pi)), tau=0.1, errors=errors)
    np.testing.assert_array_equal(found.mean, pi)
    assert isinstance(found.sigma, type(form(sigma)))
    np.testing.assert_allclose(to_dense(found.sigma), 1.1 * to_dense(sigma), rtol=1e-12)


def test_independent_errors_leave_little_doubt_about_a_common_factor():
    """Why they are not the default: 50 views of confidence 0.1 move what they share by more than nine tenths."""
    n = 50
    sigma = FactorCovariance(np.full((n, 1), 0.2), np.full(n, 0.001))
    pi, values, confidence = np.zeros(n), np.full(n, 0.01), np.full(n, 0.1)
    alone = posterior_of_forecasts(pi, sigma, values, confidence, tau=0.05, errors="independent")
    together = posterior_of_forecasts(pi, sigma, values, confidence, tau=0.05, errors="like_returns")
    assert alone.mean.mean() > 0.8 * 0.01
    np.testing.assert_allclose(together.mean, 0.1 * 0.01, rtol=1e-12)


def test_a_confidence_out_of_range_is_refused():
    _, sigma, pi = random_problem(4)
    with pytest.raises(InputError, match=r"confidences run from 1.5 to 1.5, expected 0 to 1"):
        posterior_of_forecasts(pi, sigma, pi, np.full(len(pi), 1.5), tau=0.1, errors="independent")
