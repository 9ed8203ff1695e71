"""Statuses of decisions: flags that composites combine, and one word for tables."""

import numpy as np
import pytest

from allocation.decision_status import DecisionStatus
from backtest.costs import TradingCost
from backtest.errors import SimulationError
from backtest.simulate import simulate

FIXED, SOLVED, UNCHANGED, RELAXED, HELD, MARKET_CLOSED, UNPROVEN = DecisionStatus


@pytest.mark.parametrize(
    ("status", "label"),
    [
        (FIXED, "fixed"),
        (SOLVED, "solved"),
        (UNCHANGED, "unchanged"),
        (FIXED | SOLVED | UNCHANGED, "solved"),
        (SOLVED | RELAXED, "relaxed"),
        (FIXED | HELD, "held"),
        (SOLVED | RELAXED | HELD, "relaxed and held"),
        (SOLVED | UNPROVEN, "unproven"),
        (SOLVED | RELAXED | MARKET_CLOSED, "relaxed and market closed"),
    ],
)
def test_the_label_gives_exceptions_before_what_is_usual(status, label):
    assert status.label == label


def test_a_composite_has_the_flags_of_all_parts():
    assert DecisionStatus.combine([SOLVED | RELAXED, FIXED, HELD]) == SOLVED | RELAXED | FIXED | HELD
    assert DecisionStatus.combine([]) == DecisionStatus(0)


def test_a_policy_that_gives_a_text_for_a_status_is_refused():
    from allocation.weights import OptimalityCertificate, Weights

    def policy(position, state):
        return Weights(position, np.ones(1), 0.0, "solved", OptimalityCertificate({}, 0.0))

    with pytest.raises(
        SimulationError, match="the status of the target at row 0 is 'solved', expected a Dec"
    ):
        simulate(
            "mine", np.zeros((3, 1)), np.zeros(3), np.array([0]), policy, cost=TradingCost(0), execution_lag=0
        )
