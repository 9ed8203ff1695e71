"""The KKT residual against its definition and against Clarabel's, and that it shows a mistake."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from programmes import programme
from scipy.optimize import minimize_scalar

from allocation.covariance_types import to_dense
from allocation.mean_variance import allocator
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group
from allocation.solver.lagrangian import solve_lagrangian

SEEDS = range(6)


def slope(p, w, prices):
    """Return the slope of what is minimised, prices of the rows counted, kinks left out."""
    smooth = p.gamma * to_dense(p.sigma) @ w + p.ridge * w + 2 * p.impact * (w - p.start) - p.mu
    return smooth + p.rows.T @ prices


def by_definition(p, w, prices):
    """The largest move of a weight to its proximal point, found by a search, and of a sum into its limits."""

    def nearest(i):
        u = w[i] - slope(p, w, prices)[i] / p.scale

        def value(v):
            return (v - u) ** 2 / 2 + (p.cost[i] * abs(v - p.start[i]) + p.gross * abs(v)) / p.scale

        breakpoints = sorted({p.low[i], p.high[i], *np.clip([p.start[i], 0.0], p.low[i], p.high[i])})
        found = [
            minimize_scalar(value, bounds=pair, method="bounded", options={"xatol": 1e-12}).x
            for pair in pairwise(breakpoints)
        ]
        return min([*breakpoints, *found], key=value)

    totals = p.rows @ w
    sums = totals - np.clip(totals + prices / p.scale, p.lower, p.upper)
    return max(max(abs(w[i] - nearest(i)) for i in range(len(w))), float(abs(sums).max()))


def moved(p, w, size):
    """Return weights with the same sum, two free ones of which have changed by `size`."""
    free = np.flatnonzero((w > p.low + 0.01) & (w < p.high - 0.01) & (abs(w - p.start) > 0.01))[:2]
    step = np.zeros(len(w))
    step[free] = size, -size
    return w + step


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("extras", [{}, {"gross": True}, {"impact": True, "groups": 2}, {"factors": 3}])
def test_the_residual_is_its_definition(seed, extras):
    p = programme(seed, 7, **extras)
    rng = np.random.default_rng(seed)
    for w in (p.solve().weights, rng.uniform(p.low, p.high)):
        for prices in (p.solve().prices, rng.normal(size=len(p.rows)) * p.scale):
            _, residual = p.measure_optimality(w, prices, p.scale)
            assert residual == pytest.approx(by_definition(p, w, prices), abs=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("unit", [1.0, 1 / 98280])
def test_the_best_weights_have_none_in_any_unit(seed, unit):
    p = programme(seed, 12, impact=True, groups=1, unit=unit)
    found = p.solve()
    assert p.measure_optimality(found.weights, found.prices, p.scale)[1] < 1e-12


@pytest.mark.parametrize("seed", SEEDS)
def test_a_perturbed_answer_shows_it_in_proportion(seed):
    p = programme(seed, 12, cost=False)
    found = p.solve()
    residuals = [
        p.measure_optimality(moved(p, found.weights, size), found.prices, p.scale)[1] for size in (1e-4, 1e-6)
    ]
    assert residuals[1] > 1e-8
    assert residuals[0] / residuals[1] == pytest.approx(100, rel=1e-3)
    lied = p.measure_optimality(found.weights, found.prices + 1e-3 * p.scale, p.scale)[1]
    assert lied == pytest.approx(1e-3, rel=1e-6)  # the slope of each free weight moves by as much


def test_a_mistake_that_is_small_enough_to_pass_is_reported(monkeypatch):
    honest = solve_lagrangian

    def sloppy(programme, terms):
        found, prices = honest(programme, terms)
        return replace(found, weights=found.weights + np.array([1e-9, -1e-9, 0.0, 0.0])), prices

    mu, sigma = np.array([0.01, 0.0, 0.005, 0.0]), np.diag([0.04, 0.05, 0.06, 0.07])
    solver = MeanVariance(tuple("abcd"), Constraints(), risk_aversion=5.0)
    right = solver.solve(0, mu, sigma, np.zeros(4), np.ones(4, dtype=bool)).certificate
    monkeypatch.setattr(allocator, "solve_lagrangian", sloppy)
    wrong = solver.solve(0, mu, sigma, np.zeros(4), np.ones(4, dtype=bool)).certificate
    assert wrong.holds
    assert wrong.gap < 1e-8
    assert right.residual < 1e-15
    assert wrong.residual > 1e-10


def clarabel_answer(p, *, bounded, **options):
    """Return weights, row prices, what Clarabel's stationarity misses, and its bounds' multipliers and rooms."""
    clarabel = pytest.importorskip("clarabel")
    import scipy.sparse as sp

    n, H, q = len(p.mu), p.gamma * to_dense(p.sigma) / p.scale, -p.mu / p.scale
    eye = np.eye(n) if bounded else np.empty((0, n))
    A, b = np.vstack([p.rows, eye, -eye]), np.r_[p.upper, p.high[: len(eye)], -p.low[: len(eye)]]
    settings = clarabel.DefaultSettings()
    settings.verbose = settings.presolve_enable = False
    for name, value in options.items():
        setattr(settings, name, value)
    cones = [clarabel.ZeroConeT(len(p.rows)), clarabel.NonnegativeConeT(2 * len(eye))]
    answer = clarabel.DefaultSolver(
        sp.csc_matrix(np.triu(H)), q, sp.csc_matrix(A), b, cones, settings
    ).solve()
    w, z = np.array(answer.x), np.array(answer.z)
    count = len(p.rows)
    return w, z[:count] * p.scale, H @ w + q + A.T @ z, z[count:], (b - A @ w)[count:], answer.r_dual


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("iterations", [1, 2, 4, 50])
def test_clarabel_stopped_early_misses_no_less_than_the_residual_says(seed, iterations):
    """Where its stationarity misses r, and a multiplier z stands at a room s, the map misses r + min(z, s) at most."""
    p = programme(seed, 10, cost=False)
    w, prices, missed, z, room, gap = clarabel_answer(p, bounded=True, max_iter=iterations)
    infeasible = max(abs(p.rows @ w - p.upper).max(), -room.min(), 0.0)
    most = abs(missed).max() + np.minimum(abs(z), abs(room)).reshape(2, -1).sum(axis=0).max() + infeasible
    _, residual = p.measure_optimality(w, prices, p.scale)
    assert residual <= most + 1e-12
    if iterations == 50:
        assert gap < 1e-8
        assert residual < 1e-6
    if iterations == 1:
        assert residual > 1e-4


@pytest.mark.parametrize("seed", SEEDS)
def test_without_bounds_the_residual_is_the_solvers_own(seed):
    """Stationarity as Clarabel defines it, of its answer and of one beside it."""
    p = programme(seed, 10, cost=False)
    p = replace(p, low=np.full(10, -1e6), high=np.full(10, 1e6))
    w, prices, missed, *_ = clarabel_answer(p, bounded=False)
    assert p.measure_optimality(w, prices, p.scale)[1] == pytest.approx(abs(missed).max(), abs=1e-14)
    beside = w + 1e-3 * (np.arange(10) - 4.5)
    expected = abs(slope(p, beside, prices)).max() / p.scale
    assert p.measure_optimality(beside, prices, p.scale)[1] == pytest.approx(expected, rel=1e-9)
    assert expected > 1e-6


@pytest.mark.parametrize(
    "limits",
    [
        {"turnover": 0.2},
        {"leverage": 1.4, "minimum": -0.3},
        {"volatility": 0.1},
        {"tracking_error": 0.02, "benchmark": dict.fromkeys("abcdefgh", 1 / 8)},
        {"turnover": 0.3, "volatility": 0.11, "groups": {"g": Group(("a", "b"), 0.0, 0.3)}},
    ],
)
@pytest.mark.parametrize("seed", SEEDS)
def test_priced_limits_are_counted(limits, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40, 8)) * 0.05 + rng.normal(size=(40, 1)) * 0.08
    solver = MeanVariance(tuple("abcdefgh"), Constraints(**limits), risk_aversion=4.0, cost=0.001)
    mu, held = rng.normal(0, 0.02, 8), rng.dirichlet(np.ones(8))
    found = solver.solve(0, mu, np.cov(X.T), held, np.ones(8, dtype=bool))
    assert found.certificate.residual < 1e-6
    assert found.certificate.residual >= 0


def test_what_is_no_number_is_no_evidence():
    p = programme(0, 5)
    found = p.solve()
    broken = found.weights.copy()
    broken[2] = np.nan
    assert np.isnan(p.measure_optimality(broken, found.prices, p.scale)[1])
