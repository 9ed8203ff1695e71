"""Nasty inputs: the right weights, or an error that names what is wrong; never wrong weights in silence."""

import numpy as np
import pytest
from nasty_cases import ANSWER, CASES, LEAST, REFUSAL
from problems import Problem
from truth import by_cones, by_enumeration

from allocation.decision_status import DecisionStatus
from allocation.errors import AllocationError

GAP = 1e-6
"""Largest difference of objectives, as a share of the size of their terms; and largest breach of a limit."""


def named(expected):
    return [name for name, case in CASES.items() if case.expected == expected]


@pytest.mark.parametrize("name", named(ANSWER))
def test_the_best_weights_within_the_limits(name):
    case = CASES[name]
    problem = case.make()
    best = case.best(problem)
    found = problem.solve()
    assert found.status == DecisionStatus.SOLVED
    assert problem.breach(found.weights) <= GAP
    assert problem.breach(best) <= GAP, "the truth must keep the limits itself"
    gap = (problem.objective(best) - problem.objective(found.weights)) / problem.size(best)
    assert abs(gap) <= GAP
    assert found.certificate.holds
    assert found.certificate.gap <= 1e-8
    assert found.certificate.residual <= 1e-6


@pytest.mark.parametrize("name", named(REFUSAL))
def test_an_error_that_names_what_is_wrong(name):
    case = CASES[name]
    with pytest.raises(AllocationError) as caught:
        case.make().solve()
    message = str(caught.value)
    assert not [word for word in case.words if word not in message], message


@pytest.mark.parametrize("name", named(LEAST))
def test_a_turnover_that_cannot_be_kept_is_raised_as_little_as_can_be_and_said_so(name):
    problem = CASES[name].make()
    found = problem.solve()
    best = CASES[name].best(problem)
    assert "turnover" in found.note
    assert "raised" in found.note
    assert abs(found.weights - problem.held).sum() <= abs(best - problem.held).sum() + GAP
    assert abs(problem.objective(found.weights) - problem.objective(best)) <= GAP * problem.size(best)


def test_the_two_truths_agree():
    """The cone programme against exact fractions, where both can be had."""
    rng = np.random.default_rng(1)
    for _ in range(5):
        X = rng.normal(size=(30, 4)) * rng.uniform(0.02, 0.08, 4)
        problem = Problem(rng.normal(0.005, 0.01, 4), np.cov(X.T), np.full(4, 0.25))
        np.testing.assert_allclose(by_cones(problem), by_enumeration(problem), atol=1e-6)


def test_what_cannot_be_is_infeasible_in_truth_too():
    """No case asks for a refusal of limits that can be met."""
    words = ("fully invested", "'one'", "leverage", "tracking error", "volatility", "return")
    cases = [case for case in CASES.values() if set(case.words) & set(words)]
    assert len(cases) == len(words)
    assert all(by_cones(case.make()) is None for case in cases)


def test_the_ordinary_size_of_the_set():
    assert len(CASES) >= 24
