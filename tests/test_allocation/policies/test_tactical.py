"""Tactical deviations: within their limits, against a brute force, and attributed."""

import numpy as np
import pytest
from policy_worlds import estimated, fixed, market, run

from allocation.mean_variance.allocator import MeanVariance
from allocation.policies.deviation import Deviation
from allocation.policies.policy import AllocatorPolicy, EqualWeight
from allocation.policies.portfolio_state import PortfolioState
from allocation.policies.strategic import Strategic
from allocation.policies.tactical import Tactical
from allocation.problem.constraints import Constraints
from allocation.trading.rebalancing import Rebalancing

ASSETS = tuple("abcd")


def allocator(limits):
    return MeanVariance(ASSETS, limits, risk_aversion=1.0)


def make(path, decisions, mean, deviation, constraints=None, strategic=None):
    base = strategic or Strategic(np.array([0.4, 0.3, 0.2, 0.1]), path, decisions, Rebalancing())
    forecast = AllocatorPolicy(allocator(Constraints()), path, decisions, mean)
    return Tactical(base, deviation, constraints or Constraints(), allocator, forecast)


def test_deviations_by_hand():
    """Almost without risk, the best asset goes to its upper limit, paid for by the worst."""
    path = fixed([0], 4, np.eye(4) * 1e-9)
    mean = np.array([[0.04, 0.03, 0.02, 0.01]])
    result = make(path, np.array([0]), mean, Deviation(0.05))(0, PortfolioState.empty(4))
    np.testing.assert_allclose(result.weights, [0.45, 0.35, 0.15, 0.05], atol=1e-6)
    result = make(path, np.array([0]), mean, Deviation(0.05, relative=0.2))(0, PortfolioState.empty(4))
    # 0.4 +- 0.05, 0.3 +- 0.05, 0.2 +- 0.04, 0.1 +- 0.02: what the two best may take is 0.1, the worst give 0.06.
    np.testing.assert_allclose(result.weights, [0.45, 0.31, 0.16, 0.08], atol=1e-6)
    np.testing.assert_allclose(result.sleeves["active"].weights, [0.05, 0.01, -0.04, -0.02], atol=1e-6)
    assert result.sleeves["active"].share == pytest.approx(0, abs=1e-12)


def test_cash_may_deviate_where_it_is_allowed():
    path = fixed([0], 4, np.eye(4) * 1e-9)
    bad = np.full((1, 4), -0.02)
    result = make(path, np.array([0]), bad, Deviation(0.05, cash=0.08))(0, PortfolioState.empty(4))
    assert result.cash == pytest.approx(0.08, abs=1e-6)
    assert make(path, np.array([0]), bad, Deviation(0.05))(0, PortfolioState.empty(4)).cash == pytest.approx(
        0, abs=1e-9
    )


def test_a_short_strategic_weight_stays_on_its_side():
    strategic = Deviation(0.05).limits(
        type("W", (), {"weights": np.array([-0.1, 0.02]), "cash": 0.0})(),
        Constraints(),
        ("a", "b"),
        np.ones(2, dtype=bool),
    )
    assert strategic.overrides["a"] == pytest.approx((-0.15, -0.05))
    assert strategic.overrides["b"] == pytest.approx((0.0, 0.07))


def test_weights_stay_in_their_bands_and_sleeves_add_up():
    returns, cash = market(12)
    decisions = np.arange(25, 90, 3)
    path = estimated(returns, cash, decisions)
    rng = np.random.default_rng(0)
    mean = rng.normal(0, 0.03, (len(decisions), 4))
    mean[3, 0] = np.nan  # no view: it earns what the others do
    policy = make(path, decisions, mean, Deviation(0.1), strategic=EqualWeight(path))
    result = run(policy, returns, cash, decisions, rate=0.001)
    for row, w in zip(result.decisions.tolist(), result.targets, strict=True):
        _, eligible = path.at(row)
        equal = eligible / eligible.sum()
        assert (np.abs(w - equal)[eligible] <= 0.1 + 1e-6).all()
        assert not w[~eligible].any()
    assert np.abs(result.sleeves.gross[:, 1]).max() > 0.001
    np.testing.assert_allclose(result.sleeves.net.sum(axis=1), result.net, rtol=0, atol=1e-12)
    limited = make(path, decisions, mean, Deviation(0.1), Constraints(turnover=0.08), EqualWeight(path))
    calm = run(limited, returns, cash, decisions, rate=0.001)
    assert np.nansum(calm.turnover) < 0.7 * np.nansum(result.turnover)
