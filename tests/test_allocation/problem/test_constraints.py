"""Limits that contradict one another are named, and the way out that is offered works."""

import pickle
import re

import numpy as np
import pytest

from allocation.errors import InfeasibleError, LimitError
from allocation.problem.constraints import Constraints
from allocation.problem.feasibility import check_feasible
from allocation.problem.sum_limits import Group

ASSETS = tuple(f"a{i}" for i in range(12))
ALL = np.ones(12, dtype=bool)
FEW = np.arange(12) < 3


def message(constraints, universe=ALL):
    with pytest.raises(InfeasibleError) as error:
        check_feasible(constraints, ASSETS, universe)
    return str(error.value), error.value.limits


def test_the_error_comes_back_from_another_process_as_it_was():
    with pytest.raises(InfeasibleError) as error:
        check_feasible(Constraints(maximum=0.05), ASSETS, ALL)
    again = pickle.loads(pickle.dumps(error.value.at(3)))
    assert str(again) == f"row 3: {error.value}"
    assert again.limits == error.value.limits != ()


def test_limits_that_can_be_met_pass():
    check_feasible(Constraints(), ASSETS, ALL)
    check_feasible(Constraints(maximum=1 / 12), ASSETS, ALL)
    check_feasible(Constraints(minimum=1 / 12), ASSETS, ALL)
    check_feasible(Constraints(minimum=-1, maximum=0.01, cash_maximum=1), ASSETS, ALL)
    check_feasible(Constraints(maximum=0.05, cash_maximum=0.4), ASSETS, ALL)


def test_a_maximum_too_small_for_the_universe():
    text, limits = message(Constraints(maximum=0.05))
    assert limits == ("maximum weight 0.05", "fully invested")
    assert "12 assets" in text
    assert "raise the maximum weight to 0.08334" in text
    assert "allow cash of 0.4" in text
    check_feasible(Constraints(maximum=0.08334), ASSETS, ALL)
    check_feasible(Constraints(maximum=0.05, cash_maximum=0.4), ASSETS, ALL)


def test_a_smaller_universe_makes_it_infeasible():
    check_feasible(Constraints(maximum=0.3), ASSETS, ALL)
    text, _ = message(Constraints(maximum=0.3), FEW)
    assert "3 assets" in text
    assert "raise the maximum weight to 0.3334" in text


def test_minima_that_sum_to_more_than_one():
    text, limits = message(Constraints(minimum=0.1))
    assert limits == ("minimum weight 0.1", "cash at least 0")
    assert "lower the minimum weight to 0.08333" in text


def test_a_group_that_wants_more_than_its_assets_may_have():
    constraints = Constraints(maximum=0.2, groups={"tech": Group(("a0", "a1"), 0.5, 0.9)})
    text, limits = message(constraints)
    assert limits == ("maximum weight 0.2", "group 'tech' at least 0.5")
    relief = float(re.search(r"lower the minimum of group 'tech' to ([\d.]+)", text)[1])
    check_feasible(Constraints(maximum=0.2, groups={"tech": Group(("a0", "a1"), relief, 0.9)}), ASSETS, ALL)


def test_groups_that_leave_too_little():
    groups = {"all": Group(ASSETS, 0.0, 0.7)}
    _, limits = message(Constraints(groups=groups))
    assert limits == ("fully invested", "group 'all' at most 0.7")
    check_feasible(Constraints(groups=groups, cash_maximum=0.3), ASSETS, ALL)


def test_a_group_whose_assets_are_not_listed():
    text, limits = message(Constraints(groups={"late": Group(("a11",), 0.1, 1.0)}), FEW)
    assert limits == ("group 'late' at least 0.1",)
    assert "lower the minimum of group 'late' to 0" in text


def test_the_conflict_is_a_smallest_set():
    constraints = Constraints(
        maximum=0.05,
        groups={"harmless": Group(("a0", "a1"), 0.0, 0.9), "too": Group(("a2",), 0.01, 0.5)},
    )
    _, limits = message(constraints)
    assert limits == ("maximum weight 0.05", "fully invested")


def test_unknown_assets_in_a_group():
    with pytest.raises(LimitError, match="group 'g' names 'zz', which the data does not have; it has a0"):
        check_feasible(Constraints(groups={"g": Group(("a0", "zz"))}), ASSETS, ALL)


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"minimum": 0.5, "maximum": 0.1}, "weight: the minimum 0.5"),
        ({"maximum": float("nan")}, "weight: .*nan"),
        ({"cash_minimum": 0.2, "cash_maximum": 0.1}, "cash: the minimum 0.2"),
        ({"turnover": -0.1}, "turnover: the limit -0.1 must be 0 or more"),
        ({"turnover": float("nan")}, "turnover"),
        ({"groups": {"g": Group(("a0",), 0.4, 0.2)}}, "group 'g': the minimum 0.4"),
        ({"groups": {"g": Group(())}}, "group 'g' has no assets"),
    ],
)
def test_limits_that_make_no_sense_by_themselves(limits, text):
    with pytest.raises(LimitError, match=text):
        Constraints(**limits)
