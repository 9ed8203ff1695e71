"""Overlays: by hand, and drawdown control against a plain loop."""

import numpy as np
import pytest
from policy_worlds import estimated, fixed, market, run

from allocation.errors import InputError
from allocation.policies.overlays import DrawdownControl, Overlay, VolatilityTarget
from allocation.policies.policy import EqualWeight
from allocation.policies.portfolio_state import PortfolioState
from allocation.policies.strategic import Strategic
from allocation.trading.rebalancing import Rebalancing

SIGMA = np.array([[0.04, 0.01], [0.01, 0.09]])


def test_the_volatility_target_by_hand():
    path = fixed([0], 2, SIGMA)
    half = Strategic(np.array([0.5, 0.5]), path, np.array([0]), Rebalancing())
    # variance 0.25 (0.04 + 0.09 + 0.02) = 0.0375
    for maximum, k in ((5.0, 0.1 / np.sqrt(0.0375)), (0.4, 0.4)):
        result = Overlay(half, VolatilityTarget(path.at, 0.1, maximum))(0, PortfolioState.empty(2))
        np.testing.assert_allclose(result.weights, 0.5 * k)
        assert result.cash == pytest.approx(1 - k)
    lever = Overlay(half, VolatilityTarget(path.at, 0.5, 2.0))(0, PortfolioState.empty(2))
    np.testing.assert_allclose(lever.weights, 1.0)
    assert lever.cash == pytest.approx(-1.0)
    assert lever.sleeves["base"].weights.tolist() == [0.5, 0.5]
    assert lever.sleeves["overlay"].cash == -1.0
    assert lever.sleeves["overlay"].share == 0


@pytest.mark.parametrize("lag", [0, 1])
def test_expected_volatility_meets_the_target_at_each_decision(lag):
    returns, cash = market(7)
    decisions = np.arange(25, 90, 3)
    path = estimated(returns, cash, decisions)
    policy = Overlay(EqualWeight(path), VolatilityTarget(path.at, 0.03, 10.0))
    result = run(policy, returns, cash, decisions, lag=lag, rate=0.001)
    for row, w in zip(result.decisions.tolist(), result.targets, strict=True):
        sigma, eligible = path.at(row)
        inside = np.ix_(eligible, eligible)
        assert np.sqrt(w[eligible] @ sigma[inside] @ w[eligible]) == pytest.approx(0.03)
    np.testing.assert_allclose(result.sleeves.net.sum(axis=1), result.net, rtol=0, atol=1e-12)
    np.testing.assert_allclose(result.sleeves.select_sleeve("base").share[:, 0][0], 1)


def test_what_the_overlay_earns_is_the_difference_to_the_base():
    returns, cash = market(8, late=False)
    decisions = np.arange(25, 90, 3)
    path = estimated(returns, cash, decisions)
    base = run(EqualWeight(path), returns, cash, decisions)
    result = run(Overlay(EqualWeight(path), VolatilityTarget(path.at, 0.02, 1.5)), returns, cash, decisions)
    first = result.sleeves.gross[:3]
    assert result.sleeves.names == ("base", "overlay")
    np.testing.assert_allclose(first[0], [base.gross[0], result.gross[0] - base.gross[0]], atol=1e-15)
    np.testing.assert_allclose(result.sleeves.select_sleeve("base").wealth()[1:], base.wealth, rtol=1e-12)


@pytest.mark.parametrize("of", ["peak", "start"])
@pytest.mark.parametrize("rate", [0.0, 0.005])
def test_drawdown_control_against_a_loop(of, rate):
    rng = np.random.default_rng(9)
    returns, cash = rng.normal(0.0, 0.08, (80, 1)), np.full(80, 0.001)
    decisions = np.arange(80)
    path = fixed(decisions, 1)
    whole = Strategic(np.ones(1), path, decisions, Rebalancing())
    policy = Overlay(whole, DrawdownControl(0.8, of, multiplier=3.0, maximum=1.2))
    result = run(policy, returns, cash, decisions, rate=rate)
    risky, money, peak, wealth = 0.0, 1.0, 1.0, []
    pay = 0.0
    for t in range(80):
        if t:
            total = (risky * (1 + returns[t, 0]) + money * (1 + cash[t])) * (1 - pay)
            share = risky * (1 + returns[t, 0]) / (total / (1 - pay))
            wealth.append(total)
        else:
            total, share = 1.0, 0.0
        peak = max(peak, total)
        floor = 0.8 * (peak if of == "peak" else 1.0)
        k = min(1.2, max(0.0, 3.0 * (total - floor) / total))
        np.testing.assert_allclose(result.targets[t], k, atol=1e-9)
        pay = rate * abs(k - share)
        risky, money = k * total, (1 - k) * total
    np.testing.assert_allclose(result.wealth, wealth, rtol=1e-9)
    if of == "peak":
        assert wealth[-1] > 0.7


def test_exposure_by_hand():
    state = PortfolioState(np.ones(1), 0.0, np.array([1.0, 1.25, 1.1]))
    zhou, cppi = (DrawdownControl(0.8, of, multiplier=2.0, maximum=9.0) for of in ("peak", "start"))
    assert zhou(5, state, np.ones(1)) == pytest.approx(2 * 0.1 / 1.1)
    assert cppi(5, state, np.ones(1)) == pytest.approx(2 * 0.3 / 1.1)
    fallen = PortfolioState(np.ones(1), 0.0, np.array([1.0, 1.25, 0.9]))
    assert zhou(5, fallen, np.ones(1)) == 0
    assert DrawdownControl(0.8, minimum=0.1)(5, fallen, np.ones(1)) == 0.1


def test_small_changes_are_left_alone():
    returns, cash = market(10, late=False)
    decisions = np.arange(25, 90, 3)
    path = estimated(returns, cash, decisions)
    half = Strategic(np.full(4, 0.25), path, decisions, Rebalancing(every=10_000))
    counts = [
        len(run(Overlay(half, VolatilityTarget(path.at, 0.03, 3.0), c), returns, cash, decisions).decisions)
        for c in (0.0, 0.1, 5.0)
    ]
    assert counts[0] == len(decisions)
    assert 1 < counts[1] < counts[0]
    assert counts[2] == 1


def test_overlays_nest():
    returns, cash = market(11)
    decisions = np.arange(25, 90, 3)
    path = estimated(returns, cash, decisions)
    inner = Overlay(EqualWeight(path), VolatilityTarget(path.at, 0.03, 1.0))
    result = run(Overlay(inner, DrawdownControl(0.9)), returns, cash, decisions, rate=0.002)
    assert result.sleeves.names == ("base/base", "base/overlay", "overlay")
    np.testing.assert_allclose(result.sleeves.net.sum(axis=1), result.net, rtol=0, atol=1e-12)
    alone = run(inner, returns, cash, decisions)
    free = run(Overlay(inner, DrawdownControl(0.9)), returns, cash, decisions)
    np.testing.assert_allclose(free.sleeves.select_sleeve("base").wealth()[1:], alone.wealth, rtol=1e-10)


@pytest.mark.parametrize(
    "wrong", [{"floor": 1.0}, {"floor": 0.5, "multiplier": 0.0}, {"floor": 0.5, "minimum": 2.0}]
)
def test_settings_out_of_range(wrong):
    with pytest.raises(InputError, match="drawdown control"):
        DrawdownControl(**wrong)
