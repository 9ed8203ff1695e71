"""What leaves the universe is sold at the next decision, whatever the policy would keep."""

import numpy as np
import pytest

from allocation.decision_status import DecisionStatus
from allocation.policies.outsiders import SellOutsiders
from allocation.policies.portfolio_state import PortfolioState
from allocation.weights import NoTrade, OptimalityCertificate, Sleeve, Weights

ASSETS = ("A", "B", "C")
NONE = OptimalityCertificate({}, 0.0)


def decide(decided, held, cash, member, sleeves=None):
    state = PortfolioState(np.array(held), cash, np.ones(1), sleeves or {}, True, None)
    return SellOutsiders(lambda position, state: decided, np.array([member]), ASSETS)(0, state)


def target(weights, cash, sleeves=None):
    return Weights(0, np.array(weights), cash, DecisionStatus.FIXED, NONE, sleeves or {})


def test_a_policy_that_keeps_what_it_has_sells_who_left():
    sold = decide(None, [0.5, 0.2, 0.2], 0.1, [True, False, True])
    np.testing.assert_allclose(sold.weights, [0.5 * 0.9 / 0.7, 0.0, 0.2 * 0.9 / 0.7])
    assert sold.cash == pytest.approx(0.1)
    assert sold.note == "sold, no longer in the universe: B"
    assert sold.status == DecisionStatus.UNCHANGED


def test_a_policy_whose_limits_cannot_be_met_sells_them_too():
    sold = decide(NoTrade(0, "held: turnover"), [0.5, 0.5, 0.0], 0.0, [True, False, True])
    np.testing.assert_allclose(sold.weights, [1.0, 0.0, 0.0])
    assert DecisionStatus.HELD in sold.status
    assert sold.note == "held: turnover; sold, no longer in the universe: B"


def test_nothing_changes_where_all_are_members():
    for decided in (None, NoTrade(0, "why"), target([0.5, 0.5, 0.0], 0.0)):
        assert decide(decided, [0.5, 0.5, 0.0], 0.0, [True, True, False]) is decided


def test_the_money_of_the_last_member_goes_to_cash():
    sold = decide(None, [0.0, 0.6, 0.0], 0.4, [True, False, True])
    np.testing.assert_allclose(sold.weights, 0.0)
    assert sold.cash == pytest.approx(1.0)


def test_each_sleeve_keeps_its_share():
    sleeves = {
        "one": Sleeve(np.array([0.3, 0.2, 0.0]), 0.1),
        "two": Sleeve(np.array([0.0, 0.3, 0.0]), 0.0),
        "three": Sleeve(np.array([0.0, 0.0, 0.1]), 0.0),
    }
    sold = decide(target([0.3, 0.5, 0.1], 0.1, sleeves), [0.0] * 3, 1.0, [True, False, True])
    np.testing.assert_allclose(sold.weights, [0.5, 0.0, 0.1])
    assert sold.cash == pytest.approx(0.4)
    for name, part in sold.sleeves.items():
        assert part.share == pytest.approx(sleeves[name].share)
    np.testing.assert_allclose(sum(part.weights for part in sold.sleeves.values()), sold.weights)
