"""Equal risk, and risk by environment: against scipy and closed forms."""

import numpy as np
import pytest
from policy_worlds import estimated, market, run
from scipy.optimize import minimize

from allocation.book import Book
from allocation.environments import RiskByEnvironment
from allocation.equal_risk import EqualRisk
from allocation.errors import InputError, SolverError
from allocation.structure import FactorCovariance, dense


def covariance(n, seed):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, n + 2)) * rng.uniform(0.2, 3, (n, 1))
    return A @ A.T / n * 0.01


def solve(sigma, universe=None):
    n = len(sigma)
    universe = np.ones(n, bool) if universe is None else universe
    return EqualRisk([str(i) for i in range(n)]).solve(0, np.zeros(n), sigma, np.zeros(n), universe).weights


def slow(sigma):
    """Minimise x'Sx / 2 - sum log x by another method."""
    n = len(sigma)
    S = sigma / sigma.diagonal().mean()
    found = minimize(
        lambda y: np.exp(y) @ S @ np.exp(y) / 2 - y.sum(),
        np.zeros(n),
        jac=lambda y: np.exp(y) * (S @ np.exp(y)) - 1,
        method="BFGS",
        options={"gtol": 1e-11, "maxiter": 10_000},
    )
    x = np.exp(found.x)
    return x / x.sum()


@pytest.mark.parametrize("n", [1, 2, 5, 12])
@pytest.mark.parametrize("seed", range(4))
def test_equal_contributions_as_by_another_method(n, seed):
    sigma = covariance(n, seed)
    w = solve(sigma)
    np.testing.assert_allclose(w * (sigma @ w) / (w @ sigma @ w), 1 / n, atol=1e-10)
    np.testing.assert_allclose(w, slow(sigma), atol=1e-6)


def test_closed_forms():
    """Uncorrelated, and two assets: inverse volatilities (Maillard, Roncalli and Teiletche, 2010, section 2)."""
    np.testing.assert_allclose(solve(np.diag([0.01, 0.04, 0.16])), np.array([4, 2, 1]) / 7)
    for rho in (-0.9, 0.0, 0.95):
        sigma = np.array([[0.01, rho * 0.03], [rho * 0.03, 0.09]])
        np.testing.assert_allclose(solve(sigma), [0.75, 0.25])


def test_a_universe_and_factors():
    rng = np.random.default_rng(0)
    factors = FactorCovariance(rng.normal(size=(6, 2)) * 0.1, rng.uniform(0.01, 0.1, 6))
    universe = np.array([True, True, False, True, True, False])
    w = solve(factors, universe)
    assert not w[~universe].any()
    inside = dense(factors)[np.ix_(universe, universe)]
    np.testing.assert_allclose(w[universe], solve(inside), atol=1e-9)


def test_what_cannot_be_solved():
    with pytest.raises(InputError, match="not finite"):
        solve(np.full((2, 2), np.nan))
    with pytest.raises(InputError, match="universe is empty"):
        solve(np.eye(2), np.zeros(2, bool))
    with pytest.raises(SolverError, match="positive definite"):
        solve(np.array([[1.0, -1.0], [-1.0, 1.0]]))


ENVIRONMENTS = {
    "rising growth": np.array([1, 1, 0, 0, 0], dtype=bool),
    "falling growth": np.array([0, 0, 1, 0, 0], dtype=bool),
    "rising inflation": np.array([0, 0, 0, 1, 1], dtype=bool),
    "falling inflation": np.array([1, 0, 1, 0, 0], dtype=bool),
}


def make(path):
    return RiskByEnvironment(
        ENVIRONMENTS, path, EqualRisk(tuple("abcde")), lambda n: EqualRisk([str(i) for i in range(n)])
    )


@pytest.mark.parametrize("seed", range(4))
def test_each_environment_brings_the_same_risk_and_each_asset_inside_it(seed):
    sigma = covariance(5, seed)
    told = make(lambda row: (sigma, np.ones(5, bool)))(0, Book.empty(5))
    assert told.weights.sum() == pytest.approx(1)
    total = told.weights @ sigma @ told.weights
    for name, members in ENVIRONMENTS.items():
        w = told.sleeves[name].weights
        assert w @ sigma @ told.weights / total == pytest.approx(0.25, abs=1e-9)
        inside = (w * (sigma @ w))[members]
        np.testing.assert_allclose(inside, inside.mean(), rtol=1e-8)
    # The oracle: nested, by another method.
    inner = np.zeros((4, 5))
    for k, members in enumerate(ENVIRONMENTS.values()):
        inner[k, members] = slow(sigma[np.ix_(members, members)])
    shares = slow(inner @ sigma @ inner.T)
    np.testing.assert_allclose(told.weights, shares @ inner, atol=1e-6)


def test_environments_through_time_with_late_and_dead_assets():
    returns, cash = market(13, assets=5)
    decisions = np.arange(25, 90, 4)
    path = estimated(returns, cash, decisions)
    result = run(make(path.at), returns, cash, decisions, rate=0.001)
    np.testing.assert_allclose(result.sleeves.net.sum(axis=1), result.net, rtol=0, atol=1e-12)
    assert set(result.sleeves.names) == set(ENVIRONMENTS)
    assert not result.targets[result.decisions < 45, 1].any()
    with pytest.raises(InputError, match="no asset of any environment"):
        make(lambda row: (np.eye(5), np.zeros(5, bool)))(3, Book.empty(5))
