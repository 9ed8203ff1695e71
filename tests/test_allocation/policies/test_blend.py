"""Blends: against money that is kept in separate accounts."""

from dataclasses import replace

import numpy as np
import pytest
from policy_worlds import fixed, market, run

from allocation.decision_status import DecisionStatus
from allocation.errors import InputError
from allocation.policies.blend import Blend
from allocation.policies.overlays import DrawdownControl, Overlay
from allocation.policies.policy import BuyAndHold, EqualWeight
from allocation.policies.portfolio_state import PortfolioState
from allocation.policies.strategic import Strategic
from allocation.trading.rebalancing import Rebalancing
from allocation.weights import NoTrade

DECISIONS = np.arange(0, 90, 3)
NEVER = Rebalancing(every=10_000)


def parts(path):
    core = Strategic(
        np.array([0.5, 0.5, 0, 0]), path, DECISIONS, Rebalancing(every=4), {"x": np.ones(4, dtype=bool)}
    )
    return {"core": core, "satellite": EqualWeight(path)}


@pytest.mark.parametrize("lag", [0, 1])
def test_parts_that_are_never_brought_back_are_separate_accounts(lag):
    returns, cash = market(4, late=False)
    path = fixed(DECISIONS, 4)
    alone = {name: run(part, returns, cash, DECISIONS, lag=lag) for name, part in parts(path).items()}
    blend = Blend(parts(path), lambda row: np.array([0.7, 0.3]), NEVER, DECISIONS)
    both = run(blend, returns, cash, DECISIONS, lag=lag)
    apart = 0.7 * alone["core"].wealth + 0.3 * alone["satellite"].wealth
    if lag == 0:
        np.testing.assert_allclose(both.wealth, apart, rtol=1e-12)
    else:  # targets that wait are shares of the wealth at the decision, not at the trade
        np.testing.assert_allclose(both.wealth, apart, rtol=1e-2)
    assert both.sleeves.names == ("core/x", "satellite")
    np.testing.assert_allclose(both.sleeves.net.sum(axis=1), both.net, rtol=0, atol=1e-12)
    if lag == 0:
        np.testing.assert_allclose(
            both.sleeves.select_sleeve("core").wealth()[1:], alone["core"].wealth, rtol=1e-12
        )
        np.testing.assert_allclose(
            both.sleeves.share[:, 1], 0.3 * _begin(alone["satellite"].wealth) / _begin(apart)
        )


def _begin(wealth):
    return np.concatenate([[1.0], wealth[:-1]])


def test_shares_come_back_by_bands_of_their_own():
    returns, cash = market(5, late=False)
    path = fixed(DECISIONS, 4)
    hold = {"a": Strategic(np.array([1.0, 0, 0, 0]), path, DECISIONS, NEVER), "b": BuyAndHold(path)}
    blend = Blend(hold, lambda row: np.array([0.5, 0.5]), Rebalancing(absolute=0.01), DECISIONS)
    result = run(blend, returns, cash, DECISIONS)
    assert 1 < len(result.decisions) < len(DECISIONS)
    # A plain loop over two accounts.
    money, units = np.array([0.5, 0.5]), np.ones(4) / 4
    for t in range(1, 90):
        grown = units * (1 + returns[t])
        money = money * np.array([1 + returns[t, 0], grown.sum() / units.sum()])
        units = grown
        share = money[0] / money.sum()
        if t in DECISIONS and abs(share - 0.5) > 0.01:
            assert t in result.decisions
            money = np.full(2, money.sum() / 2)
        elif t in DECISIONS:
            assert t not in result.decisions
    assert result.wealth[-1] == pytest.approx(money.sum(), rel=1e-12)


def test_regimes_hand_all_of_wealth_over():
    returns, cash = market(6, late=False)
    path = fixed(DECISIONS, 4)
    first = Strategic(np.array([1.0, 0, 0, 0]), path, DECISIONS, Rebalancing(every=7))
    second = Strategic(np.array([0, 0, 1.0, 0]), path, DECISIONS, Rebalancing(every=7))
    regime = np.repeat([0, 1, 0], 30)
    blend = Blend({"up": first, "down": second}, lambda row: np.eye(2)[regime[row]], Rebalancing(), DECISIONS)
    result = run(blend, returns, cash, DECISIONS)
    by = dict(zip(result.decisions.tolist(), result.targets.tolist(), strict=True))
    assert by[0] == [1, 0, 0, 0]
    assert by[30] == [0, 0, 1, 0]  # begins at once, whatever its calendar says
    assert by[60] == [1, 0, 0, 0]
    assert result.sleeves.share[:30, 0].tolist() == pytest.approx([1.0] * 30)
    assert result.sleeves.share[30:60, 1] == pytest.approx(np.ones(30))


def test_probabilities_mix():
    path = fixed(DECISIONS, 4)
    low = Strategic(np.array([0.5, 0, 0, 0]), path, DECISIONS, Rebalancing())
    high = Strategic(np.array([0, 1.0, 0, 0]), path, DECISIONS, Rebalancing())
    result = Blend({"a": low, "b": high}, lambda row: np.array([0.25, 0.75]), Rebalancing(), DECISIONS)(
        0, PortfolioState.empty(4)
    )
    assert result.weights.tolist() == [0.125, 0.75, 0, 0]
    assert result.cash == 0.125


def test_a_reason_not_to_trade_is_handed_on_or_reported():
    path = fixed(DECISIONS, 4)

    def stuck(position, state):
        return NoTrade(position, "held: a limit")

    even = Blend({"a": stuck, "b": stuck}, lambda row: np.array([0.5, 0.5]), NEVER, DECISIONS)
    held = PortfolioState(np.ones(4) / 4, 0.0, sleeves={})
    assert even(3, held).note.count("held: a limit") == 2  # begins, in cash
    mixed = Blend({"a": stuck, "b": EqualWeight(path)}, lambda row: np.array([0.5, 0.5]), NEVER, DECISIONS)
    begun = mixed(0, PortfolioState.empty(4))
    assert begun.cash == 0.5
    assert begun.note == "a: held: a limit"
    assert begun.status == DecisionStatus.HELD | DecisionStatus.FIXED
    still = Blend({"a": stuck, "b": lambda p, b: None}, lambda row: np.array([0.5, 0.5]), NEVER, DECISIONS)
    assert still(3, PortfolioState(begun.weights, begun.cash, sleeves=begun.sleeves)) == NoTrade(
        3, "held: a limit"
    )


def test_shares_that_are_none():
    blend = Blend({"a": EqualWeight(fixed([0], 2))}, lambda row: np.array([np.nan]), NEVER, DECISIONS)
    with pytest.raises(InputError, match="row 0: shares must be 0 or more and sum to 1"):
        blend(0, PortfolioState.empty(2))


def test_classes_with_bands_of_fifteen_to_thirty_five_against_a_loop():
    """The permanent portfolio: two assets in the first class, cash in the last, all traded when one quarter is out."""
    returns, cash = market(16, assets=4, late=False)
    returns = 2 * returns
    decisions = np.arange(0, 90, 2)
    path = fixed(decisions, 4)
    members = [[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    classes = {
        name: Strategic(np.array(m) / max(1, sum(m)), path, decisions, Rebalancing())
        for name, m in zip(("stocks", "bonds", "gold", "cash"), members, strict=True)
    }
    rule = Rebalancing(absolute=0.10)
    blend = Blend(classes, lambda row: np.full(4, 0.25), rule, decisions, together=True)
    result = run(blend, returns, cash, decisions)
    quarters = np.array([0.125, 0.125, 0.25, 0.25, 0.25])
    money, traded = quarters.copy(), [0]
    for t in range(1, 90):
        money = money * np.append(1 + returns[t], 1 + cash[t])
        share = money / money.sum()
        by_class = [share[0] + share[1], share[2], share[3], share[4]]
        if t in decisions and not all(0.15 <= part <= 0.35 for part in by_class):
            money = quarters * money.sum()
            traded.append(t)
    assert result.decisions.tolist() == traded
    assert 1 < len(traded) < 20
    np.testing.assert_allclose(result.wealth[-1], money.sum(), rtol=1e-12)
    np.testing.assert_allclose(result.targets, np.tile(quarters[:4], (len(traded), 1)), atol=1e-15)
    assert result.sleeves.names == ("stocks", "bonds", "gold", "cash")


def test_names_of_parts_count_nothing():
    """A part's name may hold any word: what a decision counts as is its status, never its text."""
    returns, cash = market(4, late=False)
    path = fixed(DECISIONS, 4)

    def slow(position, state):
        found = EqualWeight(path)(position, state)
        return replace(found, note="still moving: turnover raised, limits relaxed, held: none")

    blend = Blend(
        {"core relaxed": slow, "held: by name": EqualWeight(path)},
        lambda row: np.array([0.5, 0.5]),
        NEVER,
        DECISIONS,
    )
    whole = run(blend, returns, cash, DECISIONS)
    assert all("core relaxed" in note for note in whole.notes)
    assert (whole.relaxed, whole.held) == (0, 0)


def test_statuses_of_parts_count_once_however_deep_they_are():
    """The oracle counts the decisions itself, from when each part was made to fall back."""
    returns, cash = market(4, late=False)
    path = fixed(DECISIONS, 4)

    def relaxed_at(rows):
        def decide(position, state):
            found = EqualWeight(path)(position, state)
            extra = DecisionStatus.RELAXED if position in rows else DecisionStatus(0)
            return replace(found, status=found.status | extra)

        return decide

    def held_at(rows):
        return lambda position, state: (
            NoTrade(position, "no reason") if position in rows else EqualWeight(path)(position, state)
        )

    one, other, held = {0, 3, 6}, {6, 9}, {12, 15}
    even = lambda row: np.array([0.5, 0.5])  # noqa: E731
    inner = Blend({"x": relaxed_at(one), "y": relaxed_at(other)}, even, NEVER, DECISIONS)
    outer = Overlay(Blend({"a": inner, "b": held_at(held)}, even, NEVER, DECISIONS), DrawdownControl(0.5))
    whole = run(outer, returns, cash, DECISIONS)
    assert whole.relaxed == len(one | other)
    assert whole.held == len(held)
