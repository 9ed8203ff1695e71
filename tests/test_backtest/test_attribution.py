"""Attribution: literal numbers, and sums that are exact."""

import numpy as np
import pytest

from allocation.decision_status import DecisionStatus
from allocation.policies.portfolio_state import PortfolioState, SleevePaths
from allocation.weights import OptimalityCertificate, Sleeve, Weights
from backtest.attribution import TOTAL, attribute, merge_nested_sleeves
from backtest.costs import TradingCost
from backtest.performance import summarise_result
from backtest.result import BacktestResult
from backtest.simulate import simulate


def made(share, gross, cost, names):
    share, gross, cost = (np.asarray(part, dtype=float) for part in (share, gross, cost))
    n = len(gross)
    total, net = gross.sum(axis=1), (gross - cost).sum(axis=1)
    nothing = np.zeros(0)
    return BacktestResult(
        "x", np.arange(1, n + 1), total, net, np.zeros(n), np.ones((n, 1)), np.zeros(n), np.zeros(0, dtype=int),
        np.zeros((0, 1)), nothing, (), nothing, nothing, np.zeros(0, dtype=int), PortfolioState(np.ones(1), 0.0),
        sleeves=SleevePaths(names, share, gross, cost),
    )  # fmt: skip


def test_literal_numbers():
    rows = attribute(
        made([[0.6, 0.4], [0.5, 0.5]], [[0.1, 0.0], [-0.05, 0.02]], [[0.01, 0], [0, 0]], "ab"), 4
    )
    net = np.array([0.09, -0.03])
    assert rows["a"]["share"] == pytest.approx(0.55)
    assert rows["a"]["gross_return"] == pytest.approx(4 * 0.025)
    assert rows["a"]["cost"] == pytest.approx(4 * 0.005)
    assert rows["a"]["net_return"] == pytest.approx(4 * 0.02)
    assert rows["a"]["growth"] == pytest.approx(0.09 - 0.05 * 1.09)
    assert rows["b"]["growth"] == pytest.approx(0.02 * 1.09)
    a = np.array([0.09, -0.05])
    assert rows["a"]["volatility"] == pytest.approx(2 * np.cov(a, net)[0, 1] / net.std(ddof=1))
    assert rows[TOTAL]["growth"] == pytest.approx(1.09 * 0.97 - 1)


@pytest.mark.parametrize("seed", range(4))
def test_every_column_adds_up_to_the_whole(seed):
    rng = np.random.default_rng(seed)
    returns, cash = rng.normal(0.01, 0.05, (120, 3)), rng.uniform(0, 0.003, 120)

    def policy(position, state):
        parts = np.random.default_rng(position).dirichlet(np.ones(9)).reshape(3, 3)
        names = ("core/a", "core/b", "other")
        sleeves = {n: Sleeve(p * 1.2, -0.2 * float(p.sum())) for n, p in zip(names, parts, strict=True)}
        weights = np.sum([s.weights for s in sleeves.values()], axis=0)
        cash_held = sum(s.cash for s in sleeves.values())
        return Weights(
            position, weights, cash_held, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0), sleeves
        )

    cost = TradingCost(0.003)
    result = simulate("x", returns, cash, np.arange(0, 120, 4), policy, cost=cost, execution_lag=seed % 2)
    for rows in (attribute(result, 12), merge_nested_sleeves(attribute(result, 12))):
        for key, whole in rows[TOTAL].items():
            parts = sum(row[key] for name, row in rows.items() if name != TOTAL)
            assert parts == pytest.approx(whole, abs=1e-12), key
    metrics, total = summarise_result(result, 12), attribute(result, 12)[TOTAL]
    assert total["volatility"] == pytest.approx(metrics["volatility"], rel=1e-12)
    assert total["growth"] == pytest.approx(result.wealth[-1] - 1, rel=1e-12)
    assert total["net_return"] == pytest.approx(12 * result.net.mean(), rel=1e-12)
    assert set(merge_nested_sleeves(attribute(result, 12))) == {"core", "other", TOTAL}


def test_without_sleeves_there_is_nothing_to_attribute_and_short_records_have_no_numbers():
    result = made([[0.5, 0.5]], [[0.1, 0.0]], [[0.0, 0.0]], "ab")
    assert np.isnan(attribute(result, 12)["a"]["volatility"])
    result = made(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros((0, 2)), "ab")
    assert np.isnan(attribute(result, 12)["a"]["net_return"])
    cost = TradingCost(0.0)

    def plain(position, state):
        return Weights(position, np.ones(1), 0.0, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0))

    alone = simulate("x", np.zeros((3, 1)), np.zeros(3), np.array([0]), plain, cost=cost, execution_lag=0)
    assert attribute(alone, 12) == {}
