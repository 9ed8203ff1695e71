"""A covariance that is none is refused by everything that reads one; one that rounding made so is not."""

import numpy as np
import pandas as pd
import pytest

from allocation.cardinality.allocator import Cardinality
from allocation.covariance_checks import SEMIDEFINITE
from allocation.errors import InputError
from allocation.esg.allocator import EsgAllocator
from allocation.esg.frontier import best_score, esg_frontier
from allocation.esg.limited_frontier import limited_frontier
from allocation.estimators.allocate import allocate
from allocation.estimators.portfolios import FromAllocator, MeanVariancePortfolio, MinimumVariancePortfolio
from allocation.frontier.frontier_path import efficient_frontier
from allocation.frontier.maximum_sharpe import MaximumSharpe
from allocation.mean_variance.allocator import MeanVariance
from allocation.mean_variance.relaxed_allocator import RelaxedAllocator
from allocation.policies.overlays import VolatilityTarget
from allocation.problem.constraints import Constraints
from allocation.problem.polytope import make_polytope
from allocation.risk_based.hierarchical import HierarchicalRiskParity
from allocation.risk_based.maximum_diversification import MaximumDiversification
from allocation.risk_based.risk_budgeting import RiskBudgeting
from allocation.trading.garleanu_pedersen import AimPortfolio
from allocation.trading.trading_speed import Preferences
from allocation.views.black_litterman import BlackLitterman

ASSETS = ("a", "b", "c", "d")
MU = np.array([0.06963, 0.08454, 0.03578, 0.05144])
INDEFINITE = np.array(
    [
        [0.12176, -0.02705, -0.07633, 0.02378],
        [-0.02705, 0.14135, 0.04836, -0.00677],
        [-0.07633, 0.04836, 0.06609, 0.00632],
        [0.02378, -0.00677, 0.00632, 0.01508],
    ]
)
"""Variances and correlations are plausible; the least eigenvalue is -0.0084."""


def plain(limits=None):
    return MeanVariance(ASSETS, limits or Constraints(), risk_aversion=5.0)


ALLOCATORS = {
    "mean_variance": plain,
    "cardinality": lambda: Cardinality(plain(), 2),
    "relaxing": lambda: RelaxedAllocator(plain, Constraints()),
    "esg": lambda: EsgAllocator(plain(), lambda row: np.arange(4.0), floor=1.0),
    "black_litterman": lambda: BlackLitterman(plain(), risk_aversion=5.0),
    "black_litterman of a ratio": lambda: BlackLitterman(
        MaximumSharpe(ASSETS), risk_aversion=5.0, covariance="prior"
    ),
    "aim": lambda: AimPortfolio(plain(), Preferences(5.0), cost=0.1),
    "aim with impact": lambda: AimPortfolio(plain(), Preferences(5.0, 0.01), cost=0.1, impact=10.0),
    "aim with a matrix": lambda: AimPortfolio(plain(), Preferences(5.0, 0.01), cost=np.eye(4)),
    "maximum_sharpe": lambda: MaximumSharpe(ASSETS),
    "maximum_diversification": lambda: MaximumDiversification(ASSETS),
    "risk_budgeting": lambda: RiskBudgeting(ASSETS),
    "risk_budgeting in bounds": lambda: RiskBudgeting(ASSETS, Constraints(maximum=0.3)),
    "hierarchical": lambda: HierarchicalRiskParity(ASSETS),
}


def ask(make, sigma):
    return make().solve(7, MU, sigma, np.zeros(4), np.ones(4, dtype=bool))


@pytest.mark.parametrize("make", ALLOCATORS.values(), ids=ALLOCATORS)
def test_every_allocator_refuses(make):
    with pytest.raises(
        InputError, match=r"row 7: the covariance is not positive semidefinite \(smallest .* -0.008"
    ):
        ask(make, INDEFINITE)


@pytest.mark.parametrize("make", ALLOCATORS.values(), ids=ALLOCATORS)
def test_every_allocator_takes_what_rounding_made_of_a_singular_one(make):
    """Three factors for four assets, moved below 0 by half of the tolerance that is stated."""
    B = np.random.default_rng(0).normal(0.2, 0.1, (4, 3))
    sigma = B @ B.T
    eigenvalues, vectors = np.linalg.eigh(sigma)
    eigenvalues[0] = -0.5 * SEMIDEFINITE * np.trace(sigma) / 4
    sigma = vectors @ np.diag(eigenvalues) @ vectors.T
    found = ask(make, (sigma + sigma.T) / 2)
    assert np.isfinite(found.weights).all()


@pytest.mark.parametrize(
    "estimator",
    [
        MinimumVariancePortfolio(covariance=lambda returns: INDEFINITE),
        MeanVariancePortfolio(covariance=lambda returns: INDEFINITE, mu=MU),
        FromAllocator(HierarchicalRiskParity, covariance=lambda returns: INDEFINITE),
        FromAllocator(MaximumSharpe, covariance=lambda returns: INDEFINITE, mu=MU),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_every_estimator_refuses(estimator):
    with pytest.raises(InputError, match="not positive semidefinite"):
        estimator.fit(np.random.default_rng(0).normal(0, 0.01, (30, 4)))


def test_frontiers_exposures_and_notebooks_refuse():
    limits = make_polytope(Constraints(), ASSETS)
    scores, levels = np.arange(4.0), np.array([1.0])
    low, high = np.zeros(4), np.ones(4)
    calls = [
        lambda: efficient_frontier(MU, INDEFINITE, limits),
        lambda: esg_frontier(MU, INDEFINITE, scores, levels),
        lambda: best_score(MU, INDEFINITE, scores),
        lambda: limited_frontier(MU, INDEFINITE, scores, levels, low, high),
        lambda: VolatilityTarget(lambda row: (INDEFINITE, np.ones(4, dtype=bool)), 0.1)(
            0, None, np.linalg.eigh(INDEFINITE)[1][:, 0]
        ),
        lambda: allocate(pd.Series(MU, ASSETS), pd.DataFrame(INDEFINITE, ASSETS, ASSETS), risk_aversion=5.0),
    ]
    for call in calls:
        with pytest.raises(InputError, match="not positive semidefinite"):
            call()


def test_an_aim_without_discount_names_a_covariance_without_full_rank():
    sigma = np.outer(MU, MU)
    aim = AimPortfolio(plain(), Preferences(5.0), cost=np.eye(4))
    with pytest.raises(
        InputError, match=r"row 7: without a discount .* has rank 1, .*give a discount above 0"
    ):
        ask(lambda: aim, sigma)
