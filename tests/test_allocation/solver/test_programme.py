"""The certificate against a linear programme, and that it cannot be talked into a wrong answer."""

from dataclasses import replace

import numpy as np
import pytest
from programmes import programme
from scipy.optimize import linprog

from allocation.decision_status import DecisionStatus
from allocation.errors import SolverError
from allocation.mean_variance import allocator
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group
from allocation.solver import interior_point
from allocation.solver.lagrangian import solve_lagrangian


def gap_by_linear_programme(p, w):
    """Frank and Wolfe (1956): the best point of the tangent at w."""
    n = len(w)
    slope = p.gamma * p.sigma @ w - p.mu + 2 * p.impact * (w - p.start)
    both, shift = np.column_stack([p.rows, -p.rows]), p.rows @ p.start
    answer = linprog(
        np.r_[slope + p.cost, p.cost - slope],
        A_ub=np.vstack([both, -both]),
        b_ub=np.r_[p.upper - shift, shift - p.lower],
        bounds=list(zip(np.zeros(2 * n), np.r_[p.high - p.start, p.start - p.low], strict=True)),
    )
    return (slope @ w + p.cost @ np.abs(w - p.start) - answer.fun - slope @ p.start) / p.scale


@pytest.mark.parametrize("unit", [1.0, 1 / 252, 1 / 98280])
@pytest.mark.parametrize("seed", range(5))
def test_the_answer_is_certified_in_every_unit(seed, unit):
    p = programme(seed, 8, groups=1, impact=True, unit=unit)
    for found in (p.solve(), interior_point.solve_interior_point(p)[0]):
        assert -1e-12 < p.measure_optimality(found.weights, found.prices, p.scale)[0] < 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_the_gap_of_any_weights_is_never_below_that_of_the_linear_programme(seed):
    """Whatever the multipliers: a solver that lies can make the certificate loose, not wrong."""
    p = programme(seed, 8, groups=1, impact=seed % 2 == 0)
    found = p.solve()
    rng = np.random.default_rng(seed)
    other = 0.7 * found.weights + 0.3 * p.start
    for weights in (found.weights, other):
        truth = gap_by_linear_programme(p, weights)
        for _ in range(20):
            assert p.measure_optimality(weights, rng.normal(size=2) * 0.1, p.scale)[0] >= truth - 1e-7
        assert p.measure_optimality(weights, found.prices, p.scale)[0] >= truth - 1e-7
    assert p.measure_optimality(found.weights, found.prices, p.scale)[0] == pytest.approx(
        gap_by_linear_programme(p, found.weights), abs=1e-7
    )


def test_a_solver_that_stops_early_is_not_believed(monkeypatch):
    honest = solve_lagrangian

    def lazy(programme, terms):
        found, prices = honest(programme, terms)
        return replace(found, weights=np.full(4, 0.25)), prices

    monkeypatch.setattr(allocator, "solve_lagrangian", lazy)
    solver = MeanVariance(tuple("abcd"), Constraints(), risk_aversion=5.0)
    with pytest.raises(SolverError, match="row 9: the answer may be"):
        solver.solve(9, np.array([0.9, 0.0, 0.0, 0.0]), np.eye(4) * 0.01, np.zeros(4), np.ones(4, dtype=bool))


def test_the_certificate_carries_the_gap_also_where_turnover_is_raised():
    constraints = Constraints(maximum=0.6, groups={"g": Group(("a", "b"), 0.0, 0.7)}, turnover=0.05)
    solver = MeanVariance(tuple("abc"), constraints, risk_aversion=5.0, cost=0.001)
    held, everything = np.array([0.8, 0.2, 0.0]), np.ones(3, dtype=bool)
    result = solver.solve(0, np.array([0.1, 0.0, 0.05]), np.eye(3) * 0.04, held, everything)
    assert "raised to 0.6" in result.note
    assert abs(result.certificate.gap) < 1e-8


@pytest.mark.parametrize("turnover", [0.0, 1e-9, 0.3])
def test_no_room_to_trade_is_held_and_not_called_raised(turnover):
    held = np.array([0.5, 0.3, 0.2])
    solver = MeanVariance(tuple("abc"), Constraints(turnover=turnover), risk_aversion=5.0)
    result = solver.solve(0, np.array([0.0, 0.0, 0.9]), np.eye(3) * 0.01, held, np.ones(3, dtype=bool))
    assert result.status == DecisionStatus.SOLVED
    assert np.abs(result.weights - held).sum() == pytest.approx(turnover, abs=1e-6)
