"""The certificate against a linear programme, and that it cannot be talked into a wrong answer."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from allocation import mean_variance
from allocation.constraints import Constraints, Group
from allocation.errors import SolverError
from allocation.mean_variance import MeanVariance
from allocation.quadratic import Quadratic, Solution


def problem(seed, n=8, room=np.inf, unit=1.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3 * n, n)) * 0.2
    high = np.full(n, max(0.4, 1.5 / n))
    start = np.clip(rng.dirichlet(np.ones(n)), 0, high)
    rows = np.vstack([np.ones(n), np.arange(n) < n // 2])
    return Quadratic(
        mu=rng.normal(0.05, 0.1, n) * unit,
        sigma=X.T @ X / len(X) * unit,
        gamma=5.0,
        cost=0.004 * unit,
        start=start,
        low=np.zeros(n),
        high=high,
        rows=rows,
        lower=np.array([0.9, 0.2]),
        upper=np.array([1.0, 0.6]),
        room=room,
    )


def gap_by_linear_programme(p, w):
    """Frank and Wolfe (1956): the best point of the tangent at w."""
    n, slope = len(w), p.gamma * p.sigma @ w - p.mu
    both, shift = np.column_stack([p.rows, -p.rows]), p.rows @ p.start
    A, b = np.vstack([both, -both]), np.r_[p.upper - shift, shift - p.lower]
    if np.isfinite(p.room):
        A, b = np.vstack([A, np.ones(2 * n)]), np.r_[b, p.room]
    most = np.r_[p.high - p.start, p.start - p.low]
    answer = linprog(
        np.r_[slope + p.cost, p.cost - slope],
        A_ub=A,
        b_ub=b,
        bounds=list(zip(np.zeros(2 * n), most, strict=True)),
    )
    here = slope @ w + p.cost * np.abs(w - p.start).sum()
    return (here - answer.fun - slope @ p.start) / p.scale


@pytest.mark.parametrize("unit", [1.0, 1 / 252, 1 / 98280])
@pytest.mark.parametrize("room", [np.inf, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_the_answer_is_certified_in_every_unit(seed, room, unit):
    p = problem(seed, room=room, unit=unit)
    solution = p.solve()
    assert solution is not None
    assert -1e-8 < p.gap(solution.weights, solution) < 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_the_gap_of_any_weights_is_never_below_that_of_the_linear_programme(seed):
    """Whatever the multipliers: a solver that lies can make the certificate loose, not wrong."""
    p = problem(seed, room=0.6)
    solution = p.solve()
    rng = np.random.default_rng(seed)
    other = 0.7 * solution.weights + 0.3 * p.start
    for weights in (solution.weights, other):
        truth = gap_by_linear_programme(p, weights)
        for _ in range(20):
            lies = Solution(weights, rng.normal(size=2) * 0.1, float(rng.uniform(0, 0.1)))
            assert p.gap(weights, lies) >= truth - 1e-7
        # Multipliers of the optimum bound the gain from a worse point too.
        assert p.gap(weights, solution) >= truth - 1e-7


def test_a_solver_that_stops_early_is_not_believed(monkeypatch):
    honest = Quadratic.solve

    def lazy(self):
        solution = honest(self)
        return replace(solution, weights=np.full(4, 0.25))

    monkeypatch.setattr(mean_variance.Quadratic, "solve", lazy)
    solver = MeanVariance(tuple("abcd"), Constraints(), risk_aversion=5.0)
    with pytest.raises(SolverError, match="row 9: the answer may be"):
        solver.solve(9, np.array([0.9, 0.0, 0.0, 0.0]), np.eye(4) * 0.01, np.zeros(4), np.ones(4, dtype=bool))


def test_the_attestation_carries_the_gap_also_where_turnover_is_raised():
    constraints = Constraints(maximum=0.6, groups={"g": Group(("a", "b"), 0.0, 0.7)}, turnover=0.05)
    solver = MeanVariance(tuple("abc"), constraints, risk_aversion=5.0, cost=0.001)
    held, everything = np.array([0.8, 0.2, 0.0]), np.ones(3, dtype=bool)
    result = solver.solve(0, np.array([0.1, 0.0, 0.05]), np.eye(3) * 0.04, held, everything)
    assert "raised to 0.6" in result.status
    assert abs(result.attestation.gap) < 1e-5


@pytest.mark.parametrize("turnover", [0.0, 1e-9, 0.3])
def test_no_room_to_trade_is_held_and_not_called_raised(turnover):
    held = np.array([0.5, 0.3, 0.2])
    solver = MeanVariance(tuple("abc"), Constraints(turnover=turnover), risk_aversion=5.0)
    result = solver.solve(0, np.array([0.0, 0.0, 0.9]), np.eye(3) * 0.01, held, np.ones(3, dtype=bool))
    assert result.status == "solved"
    assert np.abs(result.weights - held).sum() == pytest.approx(turnover, abs=1e-6)
