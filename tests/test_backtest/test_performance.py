"""Performance against literal numbers, closed forms and the bootstrap."""

import numpy as np
import pytest
from scipy import stats

from allocation.decision_status import DecisionStatus
from allocation.policies.portfolio_state import PortfolioState
from backtest.performance import compare_results, max_drawdown, summarise_result
from backtest.result import BacktestResult


def result(net, cash=None, gross=None, turnover=(1.0,), statuses=(DecisionStatus.SOLVED,)):
    net = np.asarray(net, dtype=float)
    n = len(net)
    return BacktestResult(
        name="x",
        positions=np.arange(1, n + 1),
        gross=net if gross is None else np.asarray(gross),
        net=net,
        cash_return=np.zeros(n) if cash is None else np.asarray(cash),
        weights=np.ones((n, 1)),
        cash_weight=np.zeros(n),
        decisions=np.arange(len(turnover)),
        targets=np.ones((len(turnover), 1)),
        target_cash=np.zeros(len(turnover)),
        statuses=tuple(statuses),
        turnover=np.asarray(turnover, dtype=float),
        cost=0.001 * np.asarray(turnover, dtype=float),
        closed=np.zeros(len(turnover), dtype=int),
        state=PortfolioState(np.ones(1), 0.0),
    )


def test_literal_numbers():
    metrics = summarise_result(
        result([0.1, -0.2, 0.05, 0.02], cash=[0.01] * 4, turnover=[1.0, 0.5, np.nan]), 4
    )
    growth = 1.1 * 0.8 * 1.05 * 1.02
    assert metrics["net_return"] == pytest.approx(growth - 1)
    assert metrics["volatility"] == pytest.approx(2 * np.std([0.1, -0.2, 0.05, 0.02], ddof=1))
    excess = np.array([0.09, -0.21, 0.04, 0.01])
    assert metrics["sharpe"] == pytest.approx(2 * excess.mean() / excess.std(ddof=1))
    assert metrics["max_drawdown"] == pytest.approx(-0.2)
    assert metrics["turnover"] == pytest.approx(1.5)
    assert metrics["cost"] == pytest.approx(0.0015)
    assert metrics["n_trades"] == 2


def test_drawdown_counts_from_the_start():
    assert max_drawdown(np.array([-0.1, -0.1, 0.5])) == pytest.approx(0.81 - 1)
    assert max_drawdown(np.array([0.1, 0.2])) == 0
    assert max_drawdown(np.array([0.5, -0.5, 1.0, -0.6])) == pytest.approx(-0.6)


def test_comparison_of_independent_normals_in_closed_form():
    """Jobson and Korkie (1981) as corrected by Memmel (2003)."""
    rng = np.random.default_rng(2)
    n, rho = 3_000, 0.8
    z = rng.normal(size=(n, 2)) @ np.linalg.cholesky([[1, rho], [rho, 1]]).T
    a, b = z[:, 0] + 0.1, z[:, 1] + 0.05
    metrics = compare_results(result(a), result(b), 1)
    sa, sb = a.mean() / a.std(ddof=1), b.mean() / b.std(ddof=1)
    variance = (2 - 2 * rho + 0.5 * (sa**2 + sb**2 - 2 * sa * sb * rho**2)) / n
    assert metrics["sharpe_difference"] == pytest.approx(sa - sb)
    assert metrics["sharpe_difference_se"] == pytest.approx(np.sqrt(variance), rel=0.05)
    z_value = (sa - sb) / metrics["sharpe_difference_se"]
    assert metrics["p_value"] == pytest.approx(2 * stats.norm.sf(abs(z_value)), abs=0.02)
    half = 1.96 * metrics["sharpe_difference_se"]
    assert metrics["sharpe_difference_low"] == pytest.approx(sa - sb - half, abs=0.1 * half)
    assert metrics["sharpe_difference_high"] == pytest.approx(sa - sb + half, abs=0.1 * half)
    assert metrics["mean_difference"] == pytest.approx((a - b).mean())


def test_annual_numbers_scale():
    rng = np.random.default_rng(3)
    a, b = result(rng.normal(0.01, 0.04, 500)), result(rng.normal(0.01, 0.04, 500))
    month, year = compare_results(a, b, 12), compare_results(a, b, 1)
    assert month["sharpe_difference"] == pytest.approx(np.sqrt(12) * year["sharpe_difference"])
    assert month["p_value"] == pytest.approx(year["p_value"])
    assert month["mean_difference"] == pytest.approx(12 * year["mean_difference"])


def test_p_values_are_uniform_when_nothing_differs():
    rng = np.random.default_rng(4)
    p = [
        compare_results(result(z[:, 0] + z[:, 2]), result(z[:, 1] + z[:, 2]), 12, n_resamples=500)["p_value"]
        for z in rng.normal(0.02, 1, size=(400, 300, 3))
    ]
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_the_same_seed_gives_the_same_comparison():
    rng = np.random.default_rng(5)
    a, b = result(rng.normal(0.01, 0.04, 200)), result(rng.normal(0.01, 0.04, 200))
    first = compare_results(a, b, 12, seed=3)
    assert compare_results(a, b, 12, seed=3) == first
    assert compare_results(a, b, 12, seed=4)["p_value"] != first["p_value"]


def test_equal_portfolios_have_no_difference():
    x = result(np.random.default_rng(0).normal(size=50))
    metrics = compare_results(x, x, 12)
    assert metrics["sharpe_difference"] == 0
    assert np.isnan(metrics["p_value"])
    assert np.isnan(metrics["mean_difference_t"])


@pytest.mark.parametrize("net", [[], [0.1], [0.02] * 10])
def test_degenerate_records_give_nan_instead_of_failing(net):
    metrics = summarise_result(result(net), 12)
    assert np.isnan(metrics["sharpe"])
    assert np.isnan(metrics["sharpe_se"])
    other = compare_results(result(net), result(net), 12)
    assert np.isnan(other["p_value"])


def test_a_total_loss():
    metrics = summarise_result(result([0.1, -1.0, 0.1]), 12)
    assert metrics["max_drawdown"] == -1
    assert np.isnan(metrics["net_return"]) or metrics["net_return"] == -1
