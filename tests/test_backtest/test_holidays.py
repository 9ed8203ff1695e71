"""Holidays: what is held in a closed market keeps its units, and nothing is bought there."""

import numpy as np
import pytest

from allocation.covariance.path_estimation import covariance_path
from allocation.decision_status import DecisionStatus
from allocation.policies.blend import Blend
from allocation.policies.endowment import AssetClass, Endowment
from allocation.policies.environments import RiskByEnvironment
from allocation.policies.overlays import Overlay, VolatilityTarget
from allocation.policies.policy import AllocatorPolicy, BuyAndHold, EqualWeight, KeepClosed
from allocation.policies.strategic import Strategic
from allocation.risk_based.risk_budgeting import RiskBudgeting
from allocation.trading.rebalancing import Rebalancing
from allocation.weights import NoTrade, OptimalityCertificate, Weights
from backtest.costs import TradingCost
from backtest.simulate import simulate
from market.calendar import find_closed_markets

NAMES = ("a", "b", "c", "d")


def prices_with_holidays(seed=3, n=80):
    """Return prices (T, 4): two assets lack a price on some days, and one dies at row 60."""
    rng = np.random.default_rng(seed)
    prices = 100 * np.cumprod(1 + rng.normal(0.002, 0.03, (n, 4)), axis=0)
    for row in (30, 31, 40, 45, 50):
        prices[row, 1] = np.nan
    prices[40, 0] = prices[50, 0] = np.nan
    prices[60:, 2] = np.nan
    return prices


def returns_of(prices):
    out, last = np.full(prices.shape, np.nan), np.full(prices.shape[1], np.nan)
    for t, row in enumerate(prices):
        there = np.isfinite(row)
        out[t, there] = (row / last - 1)[there]
        last[there] = row[there]
    return out


class Clerk:
    """Keeps shares and money of a 1/N portfolio in dictionaries.

    Nobody can trade what has no price, unless it has had none for longer than a closure lasts.
    """

    def __init__(self, longest):
        self.longest, self.money = longest, 1.0
        self.shares, self.last, self.seen = dict.fromkeys(NAMES, 0.0), {}, {}

    def read(self, t, row):
        for name, price in zip(NAMES, row, strict=True):
            if np.isfinite(price):
                self.last[name], self.seen[name] = price, t

    def value(self, name):
        return self.shares[name] * self.last[name]

    def wealth(self):
        return self.money + sum(self.value(name) for name in NAMES)

    def shut(self, t):
        return [name for name in NAMES if self.seen[name] < t <= self.seen[name] + self.longest]

    def decide(self, t):
        """Return target weights: closed ones as they are, the rest equal among those with a price today."""
        target = {name: self.value(name) / self.wealth() for name in self.shut(t)}
        chosen = [name for name in NAMES if self.seen[name] == t]
        return target | dict.fromkeys(chosen, (1 - sum(target.values())) / len(chosen))

    def trade(self, t, target):
        stuck = self.shut(t)
        left = self.wealth() - sum(self.value(name) for name in stuck)
        total = sum(weight for name, weight in target.items() if name not in stuck)
        for name in [name for name in NAMES if name not in stuck]:
            self.shares[name] = left * target.get(name, 0.0) / total / self.last[name]
        self.money = 0.0


def ledger(prices, decisions, lag, longest):
    """Return the wealth at each close."""
    clerk, wealth, orders = Clerk(longest), [], {}
    for t, row in enumerate(prices):
        clerk.read(t, row)
        if t in decisions:
            orders[t + lag] = clerk.decide(t)
        if t in orders and t < len(prices) - 1:
            clerk.trade(t, orders[t])
        wealth.append(clerk.wealth())
    return np.array(wealth)


@pytest.mark.parametrize("lag", [0, 1])
def test_shares_and_money(lag):
    prices = prices_with_holidays()
    returns = returns_of(prices)
    closed = find_closed_markets(np.isfinite(returns), 4)
    decisions = np.arange(20, 80, 5)
    path = covariance_path(returns, decisions, window=15, min_history=5, horizon=1, closed=closed)
    policy = KeepClosed(EqualWeight(path), path, NAMES)
    result = simulate("x", returns, np.zeros(80), decisions, policy, cost=TradingCost(0.0),
                      execution_lag=lag, closed=closed)  # fmt: skip
    expected = ledger(prices, set(decisions.tolist()), lag, 4)
    np.testing.assert_allclose(result.wealth, expected[20 + lag + 1 :], rtol=1e-12)
    # b is closed at rows 30, 40, 45 and 50, a at 40 and 50, and c seems to be at 60, the first row after its end.
    assert result.closed[decisions == 40] == 2
    assert result.closed[decisions == 30] == 1
    assert result.closed[decisions == 65] == 0
    assert result.closed.sum() == 7


def test_without_the_rule_both_are_sold_and_bought_back():
    prices = prices_with_holidays()
    returns = returns_of(prices)
    decisions = np.arange(20, 60, 5)
    closed = find_closed_markets(np.isfinite(returns), 4)

    def turnover(closed):
        path = covariance_path(returns, decisions, window=15, min_history=5, horizon=1, closed=closed)
        policy = KeepClosed(EqualWeight(path), path, NAMES)
        return simulate("x", returns, np.zeros(80), decisions, policy, cost=TradingCost(0.0), execution_lag=0,
                        closed=closed).turnover.sum()  # fmt: skip

    full = np.where(np.isfinite(returns), returns, 0.0)
    path = covariance_path(full, decisions, window=15, min_history=5, horizon=1)
    control = simulate("x", full, np.zeros(80), decisions, EqualWeight(path), cost=TradingCost(0.0),
                       execution_lag=0).turnover.sum()  # fmt: skip
    assert turnover(None) > control + 3
    assert turnover(closed) < control + 0.02


def policies(path, decisions):
    """Return one of each kind of policy, by name."""
    half = np.array([True, True, False, False])
    fixed = np.array([0.4, 0.3, 0.2, 0.1])
    equal, risk = EqualWeight(path), AllocatorPolicy(RiskBudgeting(NAMES), path)
    core = Strategic(fixed, path, decisions, Rebalancing())
    alternate = Blend(
        {"risk": risk, "core": core},
        lambda row: np.array([1.0, 0.0]) if (row // 5) % 2 else np.array([0.2, 0.8]),
        Rebalancing(),
        decisions,
    )
    return {
        "equal": equal,
        "hold": BuyAndHold(path),
        "risk": risk,
        "strategic": core,
        "sleeves": Strategic(fixed, path, decisions, Rebalancing(), {"ab": half, "cd": ~half}),
        "bands": Strategic(fixed, path, decisions, Rebalancing(absolute=0.01, to="edge")),
        "blend": Blend({"a": equal, "b": core}, lambda row: np.array([0.5, 0.5]), Rebalancing(), decisions),
        "switch": alternate,
        "endowment": Endowment(
            {"ab": AssetClass(0.6, half, 0.05), "cd": AssetClass(0.4, ~half)}, path, decisions, Rebalancing()
        ),
        "environments": RiskByEnvironment(
            {"x": half, "y": ~half, "z": np.array([True, False, True, False])}, path.at, RiskBudgeting(NAMES),
            lambda n: RiskBudgeting([str(k) for k in range(n)]),
        ),
        "overlay": Overlay(core, VolatilityTarget(path.at, 0.02, 1.5)),
        "overlay of a switch": Overlay(alternate, VolatilityTarget(path.at, 0.02, 1.5)),
    }  # fmt: skip


@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.parametrize("kind", [
    "equal", "hold", "risk", "strategic", "sleeves", "bands", "blend", "switch", "endowment", "environments",
    "overlay", "overlay of a switch",
])  # fmt: skip
def test_every_kind_leaves_closed_markets_alone(kind, lag):
    returns = returns_of(prices_with_holidays(seed=4))
    closed = find_closed_markets(np.isfinite(returns), 4)
    decisions = np.arange(20, 60, 5)
    path = covariance_path(returns, decisions, window=15, min_history=5, horizon=1, closed=closed)
    policy = KeepClosed(policies(path, decisions)[kind], path, NAMES)
    result = simulate("x", returns, np.zeros(80), decisions, policy, cost=TradingCost(0.001),
                      execution_lag=lag, closed=closed)  # fmt: skip
    filled = np.where(np.isfinite(returns), returns, 0.0)
    before = np.zeros(4)
    traded = False
    for k, row in enumerate(result.positions.tolist()):
        # The weights of a row were traded at the close of the row before.
        shut = closed[row - 1]
        np.testing.assert_allclose(result.weights[k][shut], before[shut], atol=1e-12)
        traded |= bool(shut.any() and np.abs(result.weights[k] - before)[~shut].max() > 1e-6)
        assert result.weights[k].sum() + result.cash_weight[k] == pytest.approx(1, abs=1e-9)
        grown = result.weights[k] * (1 + filled[row])
        before = grown / (grown.sum() + result.cash_weight[k])
    if result.sleeves is not None:
        np.testing.assert_allclose(result.sleeves.net.sum(axis=1), result.net, atol=1e-9)
        np.testing.assert_allclose(result.sleeves.share.sum(axis=1), 1, atol=1e-9)
    assert traded or kind in ("hold", "bands") or lag == 1


def test_nothing_is_traded_where_all_of_the_target_is_closed():
    returns = np.full((6, 2), 0.01)
    returns[3] = [np.nan, 0.01]
    closed = find_closed_markets(np.isfinite(returns), 2)

    def all_in_a(position, state):
        w = np.array([0.5, 0.5]) if position == 1 else np.array([1.0, 0.0])
        return Weights(position, w, 0.0, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0))

    path = covariance_path(returns + np.arange(6)[:, None] * 1e-4, np.array([1, 3]), window=3, min_history=1,
                           horizon=1, closed=closed)  # fmt: skip
    policy = KeepClosed(all_in_a, path, ("a", "b"))
    result = simulate("x", returns, np.zeros(6), np.array([1, 3]), policy, cost=TradingCost(0.0),
                      execution_lag=0, closed=closed)  # fmt: skip
    assert result.holds.tolist() == [3]
    assert result.reasons == ("not traded, market closed: a",)
    # With a lag the order is there, but cannot be traded.
    late = simulate("x", returns, np.zeros(6), np.array([1, 2]),
                    lambda t, state: all_in_a(t, state), cost=TradingCost(0.0), execution_lag=1,
                    closed=closed)  # fmt: skip
    assert late.turnover.tolist() == [1.0, 0.0]
    assert late.closed.tolist() == [0, 1]
    assert isinstance(policy(3, result.state), NoTrade)
