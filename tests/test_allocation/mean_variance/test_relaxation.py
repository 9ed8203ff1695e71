"""Limits that give way: in their order, and by as little as it takes."""

import numpy as np
import pytest

from allocation.covariance.path import CovariancePath
from allocation.decision_status import DecisionStatus
from allocation.errors import InfeasibleError
from allocation.mean_variance.allocator import MeanVariance
from allocation.mean_variance.relaxed_allocator import RelaxedAllocator, relax_constraints
from allocation.policies.policy import AllocatorPolicy, HoldIfInfeasible
from allocation.policies.portfolio_state import PortfolioState
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group
from allocation.weights import NoTrade

ASSETS = tuple("abcd")
ALL = np.ones(4, bool)


def make(limits):
    return MeanVariance(ASSETS, limits, risk_aversion=5.0)


def test_a_maximum_gives_way_by_the_least():
    limits, result = relax_constraints(Constraints(maximum=0.2), ("maximum",), ASSETS, ALL)
    assert limits.maximum == pytest.approx(0.25, abs=2e-4)
    assert result == "relaxed: maximum by 6.26%"


def test_families_give_way_in_the_order_stated():
    groups = {"ab": Group(("a", "b"), 0.0, 0.3), "cd": Group(("c", "d"), 0.0, 0.3)}
    stated = Constraints(maximum=0.2, groups=groups)
    first, result = relax_constraints(stated, ("groups", "maximum"), ASSETS, ALL)
    assert result.startswith("relaxed: groups entirely, maximum by 6.26%")
    assert first.groups["ab"].maximum == 1.0
    other, result = relax_constraints(Constraints(groups=groups), ("groups", "maximum"), ASSETS, ALL)
    assert other.groups["ab"].maximum == pytest.approx(0.5, abs=2e-4)
    assert other.maximum == 1.0
    assert "maximum" not in result


@pytest.mark.parametrize(
    ("stated", "family", "expected"),
    [
        (Constraints(minimum=0.4), "minimum", lambda c: c.minimum == pytest.approx(0.25, abs=2e-4)),
        (
            Constraints(overrides={"a": (0.7, 0.8), "b": (0.7, 0.8)}),
            "overrides",
            lambda c: c.overrides["a"][0] == pytest.approx(0.5, abs=2e-4),
        ),
        (Constraints(maximum=0.2), "cash", lambda c: c.cash_maximum == pytest.approx(0.2, abs=2e-4)),
    ],
)
def test_each_family_by_hand(stated, family, expected):
    limits, _ = relax_constraints(stated, (family,), ASSETS, ALL)
    assert expected(limits)


def test_an_order_that_is_not_enough():
    with pytest.raises(InfeasibleError, match="cannot be met together"):
        relax_constraints(Constraints(maximum=0.2), ("groups", "minimum"), ASSETS, ALL)


def test_an_allocator_that_relaxes_and_says_so():
    relaxing = RelaxedAllocator(make, Constraints(maximum=0.3), ("maximum",))
    sigma = np.eye(4) * 0.01
    whole = relaxing.solve(0, np.zeros(4), sigma, np.zeros(4), ALL)
    assert whole.status == DecisionStatus.SOLVED
    few = relaxing.solve(0, np.zeros(4), sigma, np.zeros(4), np.array([True, True, False, False]))
    np.testing.assert_allclose(few.weights, [0.5, 0.5, 0, 0], atol=2e-4)
    assert few.status == DecisionStatus.SOLVED | DecisionStatus.RELAXED
    assert few.note.startswith("relaxed: maximum by 28.58%")


def test_holding_instead_is_reported():
    path = CovariancePath(np.array([0]), 0.01 * np.eye(4)[None], np.ones((1, 4), bool))
    stuck = AllocatorPolicy(make(Constraints(maximum=0.2)), path)
    with pytest.raises(InfeasibleError):
        stuck(0, PortfolioState.empty(4))
    result = HoldIfInfeasible(stuck)(0, PortfolioState.empty(4))
    assert isinstance(result, NoTrade)
    assert result.reason == "held: maximum weight 0.2; fully invested cannot be met together"
