"""Endowment: trades by hand, and against a plain loop."""

import numpy as np
import pytest
from policy_worlds import estimated, fixed, market, run

from allocation.errors import InputError
from allocation.policies.endowment import AssetClass, Endowment, _limit_trades
from allocation.policies.portfolio_state import PortfolioState
from allocation.trading.rebalancing import Rebalancing

LIMITS = np.array([np.inf, np.inf, 0.02, np.inf])


@pytest.mark.parametrize(
    ("held", "target", "expected"),
    [
        ([0.4, 0.3, 0.3, 0.0], [0.5, 0.25, 0.25, 0.0], [0.48, 0.24, 0.28, 0.0]),
        ([0.6, 0.3, 0.1, 0.0], [0.4, 0.3, 0.3, 0.0], [0.88 * 4 / 7, 0.88 * 3 / 7, 0.12, 0.0]),
        ([0.5, 0.25, 0.25, 0.0], [0.5, 0.25, 0.25, 0.0], [0.5, 0.25, 0.25, 0.0]),
        ([0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.98, 0.02]),
    ],
)
def test_one_rebalance_by_hand(held, target, expected):
    np.testing.assert_allclose(_limit_trades(np.array(held), np.array(target), LIMITS), expected, atol=1e-12)


def test_purchases_are_cut_back_where_nothing_is_left_for_liquid_classes():
    limits = np.array([np.inf, 0.5, 0.01])
    new = _limit_trades(np.array([0.1, 0.2, 0.7]), np.array([0.2, 0.6, 0.2]), limits)
    # The second wants 0.4 more and the third gives 0.01: 0.11 is all there is, and nothing is left for the first.
    np.testing.assert_allclose(new, [0.0, 0.31, 0.69], atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_no_class_moves_by_more_than_its_limit(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    limits = np.where(rng.random(n) < 0.5, rng.uniform(0, 0.1, n), np.inf)
    limits[-1] = np.inf
    held, target = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))
    new = _limit_trades(held, target, limits)
    assert new.sum() == pytest.approx(1, abs=1e-12)
    assert (new >= -1e-12).all()
    slow = np.isfinite(limits)
    assert (np.abs(new - held)[slow] <= limits[slow] + 1e-12).all()
    toward = (new - held) * np.sign(target - held)
    assert (toward[slow] >= -1e-12).all()


def classes():
    members = np.eye(5, dtype=bool)
    return {
        "stocks": AssetClass(0.3, members[0] | members[1]),
        "bonds": AssetClass(0.2, members[2]),
        "private": AssetClass(0.4, members[3] | members[4], 0.01),
    }


def test_through_time_against_a_loop():
    returns, cash = market(14, assets=5, late=False)
    returns[30:50, 3:] -= 0.02  # private falls behind
    decisions = np.arange(0, 90, 3)
    policy = Endowment(classes(), fixed(decisions, 5), decisions, Rebalancing())
    result = run(policy, returns, cash, decisions)
    money = np.array([0.15, 0.15, 0.2, 0.2, 0.2, 0.1])
    late = 0
    for t in range(1, 90):
        money = money * np.append(1 + returns[t], 1 + cash[t])
        if t in decisions:
            share = money / money.sum()
            private = share[3] + share[4]
            new = private + min(0.01, max(-0.01, 0.4 - private))
            late += abs(new - 0.4) > 1e-9
            rest = 1 - new
            goal = np.array(
                [
                    rest * 0.25,
                    rest * 0.25,
                    rest / 3,
                    share[3] * new / private,
                    share[4] * new / private,
                    rest / 6,
                ]
            )
            money = goal * money.sum()
            at = result.decisions.tolist().index(t)
            np.testing.assert_allclose(result.targets[at], goal[:5], atol=1e-12)
            note = result.notes[at]
            assert note == ("still moving: private" if abs(new - 0.4) > 1e-9 else "")
    assert late > 3
    np.testing.assert_allclose(result.wealth[-1], money.sum(), rtol=1e-10)
    np.testing.assert_allclose(result.sleeves.net.sum(axis=1), result.net, rtol=0, atol=1e-12)
    assert result.sleeves.names == ("stocks", "bonds", "private", "cash")


def test_late_and_dead_assets():
    returns, cash = market(15, assets=5)
    decisions = np.arange(25, 90, 4)
    path = estimated(returns, cash, decisions)
    result = run(Endowment(classes(), path, decisions, Rebalancing(absolute=0.02)), returns, cash, decisions)
    for row, w in zip(result.decisions.tolist(), result.targets, strict=True):
        assert not w[~path.at(row)[1]].any()
    dead = result.targets[result.decisions > 73]
    assert not dead[:, 2].any()  # bonds died: their class is shared by the others
    np.testing.assert_allclose(dead.sum(axis=1) + result.target_cash[result.decisions > 73], 1)


def test_classes_that_make_no_sense():
    path = fixed([0], 2)
    both = np.ones(2, bool)
    with pytest.raises(InputError, match="belongs to two classes"):
        Endowment(
            {"a": AssetClass(0.5, both), "b": AssetClass(0.5, both)}, path, np.array([0]), Rebalancing()
        )
    with pytest.raises(InputError, match="sum to 1 at most"):
        Endowment({"a": AssetClass(1.5, both)}, path, np.array([0]), Rebalancing())
    none = Endowment({"a": AssetClass(1.0, np.zeros(2, bool))}, path, np.array([0]), Rebalancing())
    with pytest.raises(InputError, match="no class has an eligible asset"):
        none(0, PortfolioState.empty(2))
