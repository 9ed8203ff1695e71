"""Policies: who trades what, and when not."""

import numpy as np
import pytest

from allocation.book import Book
from allocation.constraints import Constraints
from allocation.errors import InputError
from allocation.mean_variance import MeanVariance
from allocation.policies import AllocatorPolicy, BuyAndHold, EqualWeight
from allocation.risk import CovariancePath

NOTHING = Book.empty(3)


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
    assert policy(20, Book(np.array([0.2, 0.3, 0.5]), 0.0)) is None


def test_without_forecasts_and_costs_the_variance_is_smallest(path):
    solver = MeanVariance(("x", "y", "z"), Constraints(), risk_aversion=1.0)
    weights = AllocatorPolicy(solver, path)(10, Book(np.array([1.0, 0.0, 0.0]), 0.0)).weights
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
        EqualWeight(empty)(1, Book.empty(2))
