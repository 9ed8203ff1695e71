"""The simulator against an oracle that keeps money and units."""

import numpy as np
import pytest

from allocation.decision_status import DecisionStatus
from allocation.weights import OptimalityCertificate, Weights
from backtest.costs import TradingCost
from backtest.simulate import simulate


def scripted(targets):
    """Return a policy that wants given weights, and the record of what it was shown."""
    seen = {}

    def policy(position, state):
        seen[position] = state.weights.copy()
        wanted = targets.get(position)
        if wanted is None:
            return None
        wanted = np.asarray(wanted, dtype=float)
        return Weights(
            position, wanted, 1 - wanted.sum(), DecisionStatus.FIXED, OptimalityCertificate({}, 0.0)
        )

    return policy, seen


def run(returns, cash, decisions, policy, *, rate=0.0, lag=0):
    cost = TradingCost(rate)
    return simulate("x", returns, cash, decisions, policy, cost=cost, execution_lag=lag)


def slow(returns, cash, decisions, targets, rate, lag):
    """Keep a price, units and money for everything; return wealth at each close, after trades."""
    n, assets = returns.shape
    price = np.ones(assets)
    units, money = np.zeros(assets), 1.0
    wealth = {}
    orders = {}
    for t in range(int(decisions[0]), n):
        if t > decisions[0]:
            for i in range(assets):
                if np.isfinite(returns[t, i]):
                    price[i] *= 1 + returns[t, i]
            money *= 1 + cash[t]
        before = money + (units * price).sum()
        if t in decisions and targets.get(t) is not None:
            orders[t + lag] = targets[t]
        if t in orders and t < n - 1:
            wanted = np.asarray(orders[t])
            paid = rate * np.abs(wanted - units * price / before).sum() * before
            after = before - paid
            units, money = wanted * after / price, (1 - wanted.sum()) * after
            before = after
        wealth[t] = before
    return wealth


def world(seed, n=60, assets=4):
    rng = np.random.default_rng(seed)
    returns = rng.normal(0.01, 0.05, (n, assets))
    returns[:20, 1] = np.nan
    returns[45:, 2] = np.nan
    returns[rng.random(returns.shape) < 0.03] = np.nan
    return returns, rng.uniform(0, 0.004, n)


@pytest.mark.parametrize("lag", [0, 1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_wealth_equals_that_of_the_slow_oracle(seed, lag):
    returns, cash = world(seed)
    rng = np.random.default_rng(100 + seed)
    decisions = np.arange(5, 60, 6)
    targets = {int(t): rng.dirichlet(np.ones(5))[:4] for t in decisions}
    targets[int(decisions[3])] = None
    policy, _ = scripted(targets)
    result = run(returns, cash, decisions, policy, rate=0.003, lag=lag)
    truth = slow(returns, cash, decisions, targets, 0.003, lag)
    assert result.positions.tolist() == list(range(5 + lag + 1, 60))
    # The first net return begins with the cost of the first trade, paid at the close before it. Money waits in
    # cash until then, which is not part of the portfolio's record.
    start = np.prod(1 + cash[6 : 5 + lag + 1])
    wealth = start * np.cumprod(1 + result.net)
    trades = {int(t) + lag for t in decisions if targets[int(t)] is not None}
    for value, t in zip(wealth, result.positions, strict=True):
        if t not in trades:
            assert value == pytest.approx(truth[int(t)], rel=1e-12)
    np.testing.assert_allclose(result.weights.sum(axis=1) + result.cash_weight, 1, atol=1e-14)


def test_one_asset_by_hand():
    returns = np.array([[0.0], [0.1], [-0.5], [0.2]])
    policy, seen = scripted({0: [0.5], 2: [1.0]})
    result = run(returns, np.array([0, 0.01, 0.01, 0.01]), np.array([0, 2]), policy, rate=0.01, lag=0)
    first = 0.5 * 0.1 + 0.5 * 0.01
    np.testing.assert_allclose(result.gross[0], first)
    np.testing.assert_allclose(result.net[0], (1 - 0.01 * 0.5) * (1 + first) - 1)
    drifted = 0.55 / (0.55 + 0.505)
    np.testing.assert_allclose(result.weights[1], drifted)
    held = drifted * 0.5 / (drifted * 0.5 + (1 - drifted) * 1.01)
    np.testing.assert_allclose(seen[2], held)
    np.testing.assert_allclose(result.turnover, [0.5, 1 - held])
    np.testing.assert_allclose(result.cost, 0.01 * result.turnover)
    np.testing.assert_allclose(result.net[2], (1 - 0.01 * (1 - held)) * 1.2 - 1)
    np.testing.assert_allclose(result.final_weights, 1)


def test_a_decision_knows_its_close_and_trades_at_the_next():
    returns = np.array([[0.0], [1.0], [0.5], [0.25]])
    policy, seen = scripted({0: [1.0]})
    result = run(returns, np.zeros(4), np.array([0]), policy, lag=1)
    assert seen[0].tolist() == [0.0]
    assert result.positions.tolist() == [2, 3]
    np.testing.assert_allclose(result.net, [0.5, 0.25])  # the return of row 1 was missed


def test_the_target_of_a_lagged_trade_is_not_changed_by_the_wait():
    returns = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.0], [3.0, 0.0], [0.0, 0.0]])
    policy, _ = scripted({0: [0.5, 0.5], 2: [0.2, 0.8]})
    result = run(returns, np.zeros(5), np.array([0, 2]), policy, lag=1)
    np.testing.assert_allclose(result.weights[-1], [0.2, 0.8])
    drift = 0.5 * 4 / (0.5 * 4 + 0.5)
    np.testing.assert_allclose(result.turnover[1], 2 * abs(drift - 0.2))


def test_a_decision_without_a_future_is_recorded_and_not_traded():
    returns = np.zeros((4, 1))
    policy, _ = scripted({0: [1.0], 3: [0.0]})
    result = run(returns, np.zeros(4), np.array([0, 3]), policy, rate=0.01, lag=0)
    assert result.decisions.tolist() == [0, 3]
    assert np.isnan(result.turnover[1])
    assert result.targets[1].tolist() == [0.0]
    assert result.final_weights.tolist() == [1.0]


def test_a_first_decision_at_the_last_date_earns_nothing():
    policy, _ = scripted({3: [1.0]})
    result = run(np.zeros((4, 1)), np.zeros(4), np.array([3]), policy)
    assert len(result.net) == 0
    assert result.weights.shape == (0, 1)
    assert result.targets.tolist() == [[1.0]]


def test_a_policy_that_never_trades_stays_in_cash():
    policy, _ = scripted({})
    cash = np.array([0.0, 0.01, 0.02])
    result = run(np.full((3, 1), 0.5), cash, np.array([0]), policy)
    np.testing.assert_allclose(result.net, cash[1:])
    assert result.targets.shape == (0, 1)


def test_relaxed_limits_are_counted():
    def policy(position, state):
        status = DecisionStatus.SOLVED
        if position == 1:
            status |= DecisionStatus.RELAXED
        return Weights(position, np.array([1.0]), 0.0, status, OptimalityCertificate({}, 0.0))

    result = run(np.zeros((4, 1)), np.zeros(4), np.arange(3), policy)
    assert result.relaxed == 1


def test_what_follows_changes_nothing_before():
    returns, cash = world(9)
    decisions = np.arange(5, 60, 6)
    targets = {int(t): np.full(4, 0.2) for t in decisions}
    whole = run(returns, cash, decisions, scripted(targets)[0], rate=0.01, lag=1)
    changed, other = returns.copy(), cash.copy()
    changed[40:], other[40:] = 0.3, 0.1
    again = run(changed, other, decisions, scripted(targets)[0], rate=0.01, lag=1)
    before = whole.positions < 40
    np.testing.assert_array_equal(again.net[before], whole.net[before])
    np.testing.assert_array_equal(again.weights[before], whole.weights[before])


def test_impact_grows_with_the_square_of_each_trade():
    trades = np.array([0.1, -0.2, 0.0])
    assert TradingCost(0.001, 0.5).charge(trades) == pytest.approx(
        0.001 * 0.3 + 0.5 * (0.01 + 0.04), abs=1e-16
    )
    assert TradingCost(0.001).charge(trades) == 0.001 * float(np.abs(trades).sum())
