"""Sleeves in the simulator: against accounts that are kept apart, and sums that are exact."""

import numpy as np
import pytest

from allocation.decision_status import DecisionStatus
from allocation.weights import NoTrade, OptimalityCertificate, Sleeve, Weights
from backtest.costs import TradingCost
from backtest.errors import SimulationError
from backtest.simulate import simulate

RATE = 0.004


def world(seed, n=80, assets=5):
    rng = np.random.default_rng(seed)
    returns = rng.normal(0.01, 0.05, (n, assets))
    returns[:20, 1] = np.nan
    return returns, rng.uniform(0, 0.004, n)


def make_weights(position, sleeves):
    weights = np.sum([s.weights for s in sleeves.values()], axis=0)
    return Weights(
        position,
        weights,
        sum(s.cash for s in sleeves.values()),
        DecisionStatus.FIXED,
        OptimalityCertificate({}, 0.0),
        sleeves,
    )


def random_targets(decisions, seed, names="abc", assets=5):
    rng = np.random.default_rng(seed)
    targets = {}
    for t in decisions.tolist():
        parts = rng.dirichlet(np.ones(len(names) * (assets + 1))).reshape(len(names), -1)
        kept = [k for k in range(len(names)) if rng.random() < 0.8] or [0]
        parts = parts / parts[kept].sum()
        targets[t] = {names[k]: Sleeve(parts[k, :-1], float(parts[k, -1])) for k in kept}
    return targets


def run(returns, cash, decisions, policy, lag):
    cost = TradingCost(RATE)
    return simulate("mine", returns, cash, decisions, policy, cost=cost, execution_lag=lag)


@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_sleeves_add_up_and_leave_the_whole_as_it_is(seed, lag):
    returns, cash = world(seed)
    decisions = np.arange(4, 80, 5)
    targets = random_targets(decisions, seed)
    whole = run(returns, cash, decisions, lambda t, state: make_weights(t, targets[t]), lag)

    def plain(t, state):
        full = make_weights(t, targets[t])
        return Weights(t, full.weights, full.cash, DecisionStatus.FIXED, full.certificate)

    alone = run(returns, cash, decisions, plain, lag)
    for name in ("gross", "net", "weights", "cash_weight", "cost"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(alone, name))
    assert alone.sleeves is None
    paths = whole.sleeves
    np.testing.assert_allclose(paths.gross.sum(axis=1), whole.gross, rtol=0, atol=1e-12)
    np.testing.assert_allclose(paths.net.sum(axis=1), whole.net, rtol=0, atol=1e-12)
    np.testing.assert_allclose(paths.share.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert (paths.cost >= 0).all()
    assert paths.cost.sum() > 0


@pytest.mark.parametrize("lag", [0, 1])
def test_each_sleeve_earns_what_money_kept_apart_would(lag):
    """An oracle with an account for each sleeve: units, money, and its part of the cost at each trade."""
    returns, cash = world(7)
    filled = np.where(np.isfinite(returns), returns, 0.0)
    decisions = np.arange(4, 80, 5)
    targets = random_targets(decisions, 7)
    result = run(returns, cash, decisions, lambda t, state: make_weights(t, targets[t]), lag)
    names = result.sleeves.names
    money = {name: np.zeros(6) for name in names}  # five assets and cash
    row = 0
    wealth, fees = 1.0, dict.fromkeys(names, 0.0)
    for t in range(4 + lag, 80):
        if t > 4 + lag:
            before = wealth
            grown = {n: m * (1 + np.append(filled[t], cash[t])) for n, m in money.items()}
            for k, name in enumerate(names):
                gained = grown[name].sum() - money[name].sum()
                assert result.sleeves.gross[row, k] == pytest.approx(gained / before, abs=1e-12)
            money, wealth = grown, sum(m.sum() for m in grown.values())
            for k, name in enumerate(names):
                assert result.sleeves.cost[row, k] == pytest.approx(fees[name] * wealth / before, abs=1e-12)
            fees = dict.fromkeys(names, 0.0)
            row += 1
        if t - lag in targets and t < 79:
            goal = targets[t - lag]
            trades = {}
            for name in names:
                part = goal.get(name, Sleeve(np.zeros(5)))
                trades[name] = part.weights - money[name][:5] / wealth
                money[name] = np.append(part.weights, part.cash) * wealth
            paid = RATE * np.abs(np.sum(list(trades.values()), axis=0)).sum()
            each = {n: np.abs(x).sum() for n, x in trades.items()}
            fees = {n: paid * x / sum(each.values()) for n, x in each.items()}
    assert row == len(result.net)


def test_sales_to_another_sleeve_cost_nothing():
    returns = np.zeros((4, 1))
    first = {"a": Sleeve(np.array([0.6])), "b": Sleeve(np.array([0.0]), 0.4)}
    second = {"a": Sleeve(np.array([0.0]), 0.6), "b": Sleeve(np.array([0.4]))}
    targets = {0: first, 2: second}
    result = run(returns, np.zeros(4), np.array([0, 2]), lambda t, state: make_weights(t, targets[t]), 0)
    # a sells 0.6 and b buys 0.4: only 0.2 is traded, and paid for 0.6 to 0.4.
    np.testing.assert_allclose(result.turnover, [0.6, 0.2])
    np.testing.assert_allclose(result.sleeves.cost[2], RATE * 0.2 * np.array([0.6, 0.4]))


def test_the_state_has_wealth_sleeves_and_whether_it_began():
    returns = np.array([[0.0], [0.1], [0.2], [-0.5], [0.0]])
    seen = {}

    def policy(t, state):
        seen[t] = state
        return (
            make_weights(t, {"a": Sleeve(np.array([0.5])), "b": Sleeve(np.zeros(1), 0.5)}) if t == 0 else None
        )

    result = run(returns, np.zeros(5), np.array([0, 2, 3]), policy, 0)
    assert [state.started for state in seen.values()] == [False, True, True]
    assert seen[0].wealth.tolist() == [1.0]
    fee = 1 - RATE * 0.5
    np.testing.assert_allclose(seen[2].wealth, [1, fee * 1.05, fee * 1.16])
    np.testing.assert_allclose(seen[3].wealth, [1, fee * 1.05, fee * 1.16, fee * 0.83], rtol=1e-14)
    np.testing.assert_allclose(seen[2].sleeves["a"].weights, [0.66 / 1.16])
    np.testing.assert_allclose(
        seen[3].select_sleeve("a").wealth[-1] / seen[3].select_sleeve("a").wealth[1], 1.2 * 0.5
    )
    np.testing.assert_allclose(result.state.wealth, np.r_[1, np.cumprod(1 + result.net)])


def test_a_waiting_order_shows_its_sleeves():
    seen = {}
    targets = {
        0: {"a": Sleeve(np.array([0.5]), 0.5)},
        1: {"a": Sleeve(np.array([0.2]), 0.2), "b": Sleeve(np.array([0.0]), 0.6)},
    }

    def policy(t, state):
        seen[t] = state
        return make_weights(t, targets[t])

    run(np.zeros((4, 1)), np.zeros(4), np.array([0, 1]), policy, 1)
    assert seen[1].sleeves["a"].weights.tolist() == [0.5]
    assert seen[1].started


def test_a_reason_not_to_trade_is_recorded():
    def policy(t, state):
        return make_weights(t, {"a": Sleeve(np.array([1.0]))}) if t != 2 else NoTrade(t, "held: x")

    result = run(np.zeros((6, 1)), np.zeros(6), np.array([0, 2, 4]), policy, 0)
    assert result.decisions.tolist() == [0, 4]
    assert result.holds.tolist() == [2]
    assert result.reasons == ("held: x",)
    assert result.held == 1
    assert result.since(4).held == 0


def test_half_a_tale_of_sleeves_is_refused():
    def some(t, state):
        sleeves = {"a": Sleeve(np.array([1.0]))} if t == 0 else {}
        return Weights(t, np.ones(1), 0.0, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0), sleeves)

    with pytest.raises(SimulationError, match="mine: some targets have sleeves and that at row 2 has none"):
        run(np.zeros((4, 1)), np.zeros(4), np.array([0, 2]), some, 0)

    def wrong(t, state):
        return Weights(
            t,
            np.ones(1),
            0.0,
            DecisionStatus.FIXED,
            OptimalityCertificate({}, 0.0),
            {"a": Sleeve(np.array([0.9]))},
        )

    with pytest.raises(SimulationError, match=r"mine: the sleeves of the target at row 0 are 0\.1 from"):
        run(np.zeros((4, 1)), np.zeros(4), np.array([0]), wrong, 0)
