"""What a policy is shown while an earlier order of its own still waits to be traded."""

from dataclasses import replace

import numpy as np
import pytest

from allocation.covariance.path import CovariancePath
from allocation.decision_status import DecisionStatus
from allocation.mean_variance.allocator import MeanVariance
from allocation.policies.policy import BuyAndHold
from allocation.problem.constraints import Constraints
from allocation.weights import OptimalityCertificate, Weights
from backtest.costs import TradingCost
from backtest.performance import compare_results
from backtest.simulate import simulate


def run(returns, decisions, policy, lag):
    return simulate(
        "x",
        returns,
        np.zeros(len(returns)),
        np.asarray(decisions, dtype=np.int64),
        policy,
        cost=TradingCost(0.001),
        execution_lag=lag,
    )


def scripted(targets):
    seen = {}

    def policy(position, state):
        seen[position] = state.weights.tolist()
        wanted = np.asarray(targets[position], dtype=float)
        return Weights(
            position, wanted, 1 - wanted.sum(), DecisionStatus.FIXED, OptimalityCertificate({}, 0.0)
        )

    return policy, seen


def test_a_waiting_order_is_shown_and_a_traded_one_has_drifted():
    returns = np.array([[0.0], [0.0], [0.5], [1.0], [0.0]])
    policy, seen = scripted({0: [0.5], 1: [0.4], 3: [0.1]})
    result = run(returns, [0, 1, 3], policy, lag=1)
    # Row 1: the order of row 0 trades at this close. Row 3: 0.4 bought at row 2 doubled: 0.8 of 1.4.
    assert seen[0] == [0.0]
    assert seen[1] == [0.5]
    assert seen[3] == pytest.approx([0.8 / 1.4])
    # 0.5 grew by half at row 2, to 0.75 of 1.25; the order of row 1 trades from there.
    assert result.turnover[:2] == pytest.approx([0.5, 0.6 - 0.4])
    assert np.isnan(result.turnover[2])
    assert result.final_weights.tolist() == [0.1]


def test_without_a_lag_drifted_weights_are_shown_to_the_end():
    returns = np.array([[0.0], [1.0], [1.0]])
    policy, seen = scripted({0: [0.5], 1: [0.5], 2: [0.0]})
    result = run(returns, [0, 1, 2], policy, lag=0)
    assert seen[1] == pytest.approx([2 / 3])
    assert result.final_weights == pytest.approx([2 / 3])


@pytest.mark.parametrize(("every", "lag"), [(1, 1), (1, 2), (1, 3), (2, 2), (5, 1)])
def test_the_turnover_limit_holds_for_what_is_traded(every, lag):
    """All assets earn the same, so that nothing drifts between a decision and its trade."""
    n_dates, n = 40, 4
    rng = np.random.default_rng(every)
    returns = np.repeat(rng.normal(0, 0.01, (n_dates, 1)), n, axis=1)
    means = rng.normal(0, 0.05, (n_dates, n))
    solver = MeanVariance(tuple("abcd"), Constraints(turnover=0.2), risk_aversion=5.0)

    def policy(position, state):
        return solver.solve(
            position, means[position], np.eye(n) * 1e-4, state.weights, np.ones(n, dtype=bool)
        )

    result = run(returns, np.arange(0, n_dates, every), policy, lag)
    traded = result.turnover[np.isfinite(result.turnover)]
    assert result.relaxed == 1  # out of cash, at the first
    assert traded[0] == pytest.approx(1)
    assert traded[1:].max() == pytest.approx(0.2, abs=1e-5)


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_the_decision_at_the_last_row_is_that_of_the_longer_record(lag):
    """Cut at any row, the policy sees there what it saw when the data went on; so does who asks afterwards."""
    rng = np.random.default_rng(5)
    returns = rng.normal(0, 0.05, (15, 2))
    targets = dict(enumerate(rng.dirichlet(np.ones(3), 15)[:, :2]))
    whole, shown = scripted(targets)
    run(returns, np.arange(15), whole, lag)
    for end in range(3, 14):
        policy, seen = scripted(targets)
        cut = run(returns[: end + 1], np.arange(end + 1), policy, lag)
        assert seen == {t: weights for t, weights in shown.items() if t <= end}
        assert cut.final_weights.tolist() == shown[end]


@pytest.mark.parametrize("lag", [0, 1])
def test_buy_and_hold_trades_once_and_drifts(lag):
    decisions = np.arange(2, 30, 3)
    n = len(decisions)
    path = CovariancePath(decisions, np.repeat(np.eye(2)[None], n, axis=0), np.ones((n, 2), dtype=bool))
    returns = np.random.default_rng(0).normal(0.01, 0.05, (30, 2))
    result = run(returns, decisions, BuyAndHold(path), lag)
    assert result.turnover.tolist() == [1.0]
    grown = np.prod(1 + returns[3 + lag :], axis=0)
    assert np.prod(1 + result.gross) == pytest.approx(grown.mean())
    assert result.final_weights == pytest.approx(grown / grown.sum())


def test_a_leveraged_twin_has_the_same_sharpe_ratio_and_another_mean():
    rng = np.random.default_rng(1)
    returns = rng.normal(0.01, 0.04, (120, 1))
    # The first net return pays the cost of the first trade, which grows with leverage too: left out here.
    one = run(returns, [0], scripted({0: [0.4]})[0], lag=0)
    free = np.where(np.arange(len(one.net)) == 0, one.gross, one.net)
    small, large = replace(one, net=free), replace(one, net=2 * free)
    result = compare_results(large, small, 12)
    assert result["sharpe_difference"] == pytest.approx(0, abs=1e-12)
    assert np.isnan(result["p_value"])
    assert result["mean_difference"] == pytest.approx(12 * free.mean())
    assert np.isfinite(result["mean_difference_t"])
