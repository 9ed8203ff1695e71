"""Policies: who trades what, and when not."""

import numpy as np
import pytest

from allocation.covariance.path import CovariancePath
from allocation.covariance.path_estimation import covariance_path
from allocation.errors import InputError
from allocation.mean_variance.allocator import MeanVariance
from allocation.policies.policy import AllocatorPolicy, BuyAndHold, EqualWeight
from allocation.policies.portfolio_state import PortfolioState
from allocation.problem.constraints import Constraints

NOTHING = PortfolioState.empty(3)


@pytest.fixture
def path():
    sigma = np.stack([np.diag([1.0, 2.0, 4.0]) * 0.01] * 2)
    eligible = np.array([[True, True, True], [True, True, False]])
    return CovariancePath(np.array([10, 20]), sigma, eligible)


@pytest.fixture
def solver():
    return MeanVariance(("x", "y", "z"), Constraints(), risk_aversion=5.0, cost=0.02)


def test_equal_weight_over_the_universe(path):
    np.testing.assert_allclose(EqualWeight(path)(10, NOTHING).weights, 1 / 3)
    np.testing.assert_allclose(EqualWeight(path)(20, NOTHING).weights, [0.5, 0.5, 0])


def test_buy_and_hold_trades_once(path):
    policy = BuyAndHold(path)
    np.testing.assert_allclose(policy(10, NOTHING).weights, 1 / 3)
    assert policy(20, PortfolioState(np.array([0.2, 0.3, 0.5]), 0.0)) is None


def test_without_forecasts_and_costs_the_variance_is_smallest(path):
    solver = MeanVariance(("x", "y", "z"), Constraints(), risk_aversion=1.0)
    weights = AllocatorPolicy(solver, path)(10, PortfolioState(np.array([1.0, 0.0, 0.0]), 0.0)).weights
    np.testing.assert_allclose(weights, np.array([4, 2, 1]) / 7, atol=1e-6)


def test_mean_variance_holds_only_what_has_a_forecast_and_is_eligible(path, solver):
    mean = np.array([[0.0, np.nan, 0.5], [0.0, 0.0, 9.0]])
    policy = AllocatorPolicy(solver, path, np.array([10, 20]), mean)
    assert policy(10, NOTHING).weights[1] == 0
    assert policy(20, NOTHING).weights[2] == 0
    with pytest.raises(InputError, match="row 15: there is no forecast"):
        policy(15, NOTHING)


def test_nobody_eligible_is_an_error():
    empty = CovariancePath(np.array([1]), np.full((1, 2, 2), np.nan), np.zeros((1, 2), dtype=bool))
    with pytest.raises(InputError, match="row 1: no asset is eligible"):
        EqualWeight(empty)(1, PortfolioState.empty(2))


class Listening:
    """An allocator that notes whether it is asked to validate the covariance."""

    assets = ("x", "y", "z")

    def __init__(self, solver):
        self.solver, self.validated = solver, []

    def solve(self, position, mu, sigma, held, universe, *, validate=True):
        self.validated.append(validate)
        return self.solver.solve(position, mu, sigma, held, universe, validate=validate)


def test_covariances_that_were_sound_when_made_are_not_checked_again(path, solver):
    excess = np.random.default_rng(0).normal(size=(40, 3)) * 0.05
    made = covariance_path(excess, np.array([10, 20]), window=10, min_history=5, horizon=1)
    allocator = Listening(solver)
    for covariances in (made, path):
        AllocatorPolicy(allocator, covariances)(10, NOTHING)
    assert allocator.validated == [False, True]


def test_a_path_that_somebody_else_made_is_checked(solver):
    indefinite = np.array([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    path = CovariancePath(np.array([10]), indefinite[None], np.ones((1, 3), dtype=bool))
    with pytest.raises(InputError, match=r"row 10: the covariance is not positive semidefinite"):
        AllocatorPolicy(solver, path)(10, NOTHING)
