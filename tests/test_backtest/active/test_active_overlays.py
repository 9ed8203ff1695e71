"""Gains of overlays against portfolios that are simulated one asset and one row at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation.decision_status import DecisionStatus
from allocation.weights import OptimalityCertificate, Weights
from backtest.active.overlays import overlay_gains, overlay_returns
from backtest.costs import TradingCost
from backtest.simulate import simulate


def world(seed, n_rows=60, n=4):
    rng = np.random.default_rng(seed)
    return rng, rng.normal(0.005, 0.05, (n_rows, n)), rng.uniform(0, 0.004, n_rows)


def by_hand(returns, cash, benchmark, positions, first, weights):
    """Value each position in money on top of a benchmark that is worth 1 at each trade."""
    gains, owned, lent, wealth = [], None, 0.0, 1.0
    trades = {int(row): d for d, row in enumerate(first)}
    for k, row in enumerate(positions):
        if int(row) in trades:
            owned = list(weights[trades[int(row)]])
            lent, wealth = -sum(owned), 1.0
        won = sum(amount * r for amount, r in zip(owned, returns[row], strict=True)) + lent * cash[row]
        gains.append(won / wealth)
        owned = [amount * (1 + r) for amount, r in zip(owned, returns[row], strict=True)]
        lent *= 1 + cash[row]
        wealth *= 1 + benchmark[k]
    return np.array(gains)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), every=st.integers(1, 9), lag=st.integers(0, 2))
def test_gains_are_those_of_positions_valued_by_hand(seed, every, lag):
    rng, returns, cash = world(seed)
    decisions = np.arange(5, 58 - lag, every)
    positions = np.arange(5 + lag + 1, 60)
    first = decisions + lag + 1
    benchmark, weights = rng.normal(0.004, 0.04, len(positions)), rng.normal(0, 0.5, (len(decisions), 4))
    gains = overlay_gains(returns, cash, benchmark, positions, first)
    found = overlay_returns(gains, weights, positions, first)
    assert found == pytest.approx(by_hand(returns, cash, benchmark, positions, first, weights), abs=1e-12)


def simulated(name, returns, cash, decisions, targets):
    def policy(position, state):
        weights = targets[int(np.searchsorted(decisions, position))]
        return Weights(
            position, weights, 1 - float(weights.sum()), DecisionStatus.FIXED, OptimalityCertificate({}, 0.0)
        )

    return simulate(name, returns, cash, decisions, policy, cost=TradingCost(0.002), execution_lag=1)


@pytest.mark.parametrize("every", [1, 6])
def test_after_a_trade_the_difference_of_two_portfolios_is_exact(every):
    rng, returns, cash = world(1)
    decisions = np.arange(3, 58, every)
    one, two = (
        simulated("x", returns, cash, decisions, rng.dirichlet(np.ones(5), len(decisions))[:, :4])
        for _ in "ab"
    )
    first = decisions + 2
    first = first[first < 60]
    at = first - one.positions[0]
    gains = overlay_gains(returns, cash, two.gross, two.positions, first)
    found = overlay_returns(gains, one.weights[at] - two.weights[at], two.positions, first)
    assert found[at] == pytest.approx((one.gross - two.gross)[at], abs=1e-15)
    # Later rows differ by what the overlay has gained since, times a return.
    assert np.abs(found - (one.gross - two.gross)).max() < (1e-15 if every == 1 else 0.02)


def test_a_missing_return_earns_nothing():
    _, returns, cash = world(2)
    returns[30, 1] = np.nan
    positions = np.arange(10, 60)
    first = np.array([10, 28, 40])
    filled = np.where(np.isfinite(returns), returns, 0.0)
    benchmark = np.full(50, 0.01)
    a, b = (overlay_gains(r, cash, benchmark, positions, first) for r in (returns, filled))
    assert np.array_equal(a, b)
    assert np.isfinite(a).all()


def test_an_asset_that_becomes_worthless_stays_so_until_the_next_trade():
    returns, cash = np.zeros((6, 1)), np.zeros(6)
    returns[2:, 0] = [-1.0, 0.5, 0.5, 0.5]
    gains = overlay_gains(returns, cash, np.zeros(5), np.arange(1, 6), np.array([1, 5]))
    assert gains[:, 0].tolist() == [0, -1, 0, 0, 0.5]
