"""The way out of a conflict works as printed, and single assets can have limits of their own."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation.errors import InfeasibleError, InputError, LimitError
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.feasibility import check_feasible
from allocation.problem.sum_limits import Group

ASSETS = tuple(f"a{i}" for i in range(12))
KEYS = {
    "raise the maximum weight to": "maximum",
    "lower the minimum weight to": "minimum",
    "allow cash of": "cash_maximum",
    "lower the minimum of cash to": "cash_minimum",
}


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 12),
    maximum=st.floats(0.01, 0.3),
    minimum=st.floats(0.0, 0.3),
    cash=st.floats(0.0, 0.5),
)
def test_every_number_offered_resolves_the_conflict_as_printed(n, maximum, minimum, cash):
    limits = {"maximum": max(maximum, minimum), "minimum": minimum, "cash_maximum": cash}
    universe = np.arange(12) < n
    try:
        check_feasible(Constraints(**limits), ASSETS, universe)
    except InfeasibleError as error:
        offers = re.findall(
            r"(raise the max\w+ weight to|lower [\w ]+ to|allow cash of) (-?[\d.e-]+)", str(error)
        )
        assert offers
        for words, number in offers:
            if words == "lower the minimum of cash to":
                continue  # below 0 it would be borrowing, which is offered and allowed, but moves another pair
            changed = limits | {KEYS[words]: float(number)}
            check_feasible(Constraints(**changed), ASSETS, universe)


def test_a_number_that_would_not_do_alone_is_not_offered():
    """The budget cannot be met either: lowering the group's minimum to 0.05 leaves 12 x 0.05 = 0.6."""
    constraints = Constraints(maximum=0.05, groups={"g": Group(("a0",), 0.2, 0.5)})
    with pytest.raises(InfeasibleError) as error:
        check_feasible(constraints, ASSETS, np.ones(12, dtype=bool))
    assert "lower the minimum of group" not in str(error.value)
    assert "raise the maximum weight to 0.2" in str(error.value)


def test_the_sum_of_a_limit_is_reported():
    with pytest.raises(InfeasibleError, match=r"maximum weight 0.05 x 12 assets = 0.6; fully invested"):
        check_feasible(Constraints(maximum=0.05), ASSETS, np.ones(12, dtype=bool))


def test_two_independent_conflicts_are_not_said_to_have_one_way_out():
    groups = {"g": Group(("a0",), 0.9, 1.0), "h": Group(("a0",), 0.0, 0.1), "i": Group(("a1",), 0.9, 1.0)}
    groups["j"] = Group(("a1",), 0.0, 0.1)
    with pytest.raises(InfeasibleError, match="No one of them alone would do"):
        check_feasible(Constraints(groups=groups), ASSETS, np.ones(12, dtype=bool))


def test_overrides_replace_the_common_limits():
    constraints = Constraints(maximum=0.4, overrides={"a0": (0.0, 0.1), "a1": (0.25, 0.6), "a2": (0.0, 0.0)})
    solver = MeanVariance(ASSETS[:5], constraints, risk_aversion=5.0)
    mu, everything = np.array([0.9, -0.5, 0.9, 0.5, 0.0]), np.ones(5, dtype=bool)
    result = solver.solve(0, mu, np.eye(5) * 0.1, np.zeros(5), everything)
    assert result.weights[:4].tolist() == [0.1, 0.25, 0.0, 0.4]
    assert result.certificate.slack["weight of 'a0' at most 0.1"] == 0
    assert result.weights.sum() == pytest.approx(1, abs=1e-12)


def test_overrides_in_conflict_are_named():
    constraints = Constraints(overrides={"a0": (0.6, 1.0), "a1": (0.6, 1.0)})
    with pytest.raises(InfeasibleError) as error:
        check_feasible(constraints, ASSETS, np.ones(12, dtype=bool))
    assert "weight of 'a0' at least 0.6" in error.value.limits
    with pytest.raises(InfeasibleError, match=r"raise the maximum weight of 'a0' to 0\.5"):
        check_feasible(
            Constraints(maximum=0.5, overrides={"a0": (0, 0.1)}), ASSETS[:2], np.ones(2, dtype=bool)
        )


def test_wrong_overrides_and_a_maximum_of_nothing():
    with pytest.raises(LimitError, match=r"weight of 'a0': the minimum 0\.5"):
        Constraints(overrides={"a0": (0.5, 0.1)})
    with pytest.raises(LimitError, match="weight limits names 'zz', which the data does not have"):
        MeanVariance(ASSETS, Constraints(overrides={"zz": (0.0, 0.1)}), risk_aversion=1.0)
    with pytest.raises(LimitError, match="maximum 0 must be more than 0"):
        Constraints(maximum=0.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"held": np.array([np.nan, 0.0])}, "weight held of 'a0' is nan"),
        ({"sigma": np.array([[1.0, 0.5], [0.2, 1.0]])}, "not symmetric"),
        ({"mu": np.zeros(3)}, r"expected returns has shape \(3,\), expected \(2,\)"),
    ],
)
def test_more_unusable_inputs_are_named(change, message):
    inputs = {"mu": np.zeros(2), "sigma": np.eye(2), "held": np.zeros(2), "universe": np.ones(2, dtype=bool)}
    with pytest.raises(InputError, match=message):
        MeanVariance(ASSETS[:2], Constraints(), risk_aversion=1.0).solve(3, **(inputs | change))
