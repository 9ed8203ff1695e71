"""Solvers called directly, set up once and updated; with costs, purchases and sales are variables."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
from problems import Problem
from scipy import sparse

from foundation.types import Floats


def piqp(first: Problem) -> Callable[[Problem], Floats]:
    """PIQP, dense, over w, or over purchases and sales. The problem is scaled to order 1, or PIQP stops too early."""
    lib = import_module("piqp")
    solver, n, costs = lib.DenseSolver(), first.n, bool(np.any(first.rates() > 0))
    solver.settings.eps_abs, solver.settings.eps_rel = 1e-9, 0.0
    low, high = first.bounds()
    state = {"new": True}

    def weights(problem: Problem) -> Floats:
        scale = max(abs(problem.mu).max(), problem.gamma * problem.sigma.diagonal().max())
        H, q = problem.gamma / scale * problem.sigma, -problem.mu / scale
        least, most, A, b = low, high, np.ones((1, n)), np.ones(1)
        if costs:
            pull, rate = q + H @ problem.held, problem.rates() / scale
            H, q = np.block([[H, -H], [-H, H]]), np.r_[pull + rate, rate - pull]
            # Holdings beyond a bound must be traded.
            least = np.maximum(np.r_[low - problem.held, problem.held - high], 0.0)
            most = np.maximum(np.r_[high - problem.held, problem.held - low], 0.0)
            A, b = np.r_[np.ones(n), -np.ones(n)][None], np.array([1 - problem.held.sum()])
        H = np.asfortranarray(H)
        if state.pop("new", False):
            solver.setup(H, q, np.asfortranarray(A), b, None, None, None, least, most)
        else:
            solver.update(P=H, c=q, b=b, x_l=least, x_u=most)
        if solver.solve() != lib.PIQP_SOLVED:
            raise RuntimeError("piqp")
        x = np.array(solver.result.x)
        return problem.held + x[:n] - x[n:] if costs else x

    return weights


def _conic(problem: Problem) -> tuple[Floats, sparse.csc_array, Floats, Floats]:
    """Return q, A, l, u over (w, t) with t >= |w - held| for OSQP and Clarabel."""
    n, eye = problem.n, sparse.eye_array(problem.n)
    low, high = problem.bounds()
    A = sparse.block_array(
        [
            [np.ones((1, n)), None],
            [eye, sparse.csc_array((n, n))],
            [eye, eye],
            [eye, -eye],
        ]
    )
    far = np.full(n, np.inf)
    least = np.r_[1.0, low, problem.held, -far]
    most = np.r_[1.0, high, far, problem.held]
    return np.r_[-problem.mu, problem.rates()], sparse.csc_array(A), least, most


def osqp(first: Problem) -> Callable[[Problem], Floats]:
    """OSQP, warm start, tolerance 1e-6 and polishing; its default tolerance of 1e-3 is too inaccurate."""
    lib, n = import_module("osqp"), first.n
    state: dict[str, object] = {}

    def weights(problem: Problem) -> Floats:
        q, A, least, most = _conic(problem)
        corner = sparse.csc_matrix(np.triu(problem.gamma * problem.sigma))
        corner.resize(2 * n, 2 * n)
        if not state:
            state["solver"] = lib.OSQP()
            state["solver"].setup(corner, q, sparse.csc_matrix(A), least, most, verbose=False, eps_abs=1e-6,
                                  eps_rel=1e-6, polishing=True, max_iter=50000)  # fmt: skip
        else:
            state["solver"].update(Px=corner.data, q=q, l=least, u=most)
        solution = state["solver"].solve(raise_error=False)
        return np.asarray(solution.x[:n])

    return weights


def clarabel(first: Problem) -> Callable[[Problem], Floats]:
    """Clarabel, set up for each problem because it has no warm start."""
    lib, n = import_module("clarabel"), first.n
    settings = lib.DefaultSettings()
    settings.verbose = False

    def weights(problem: Problem) -> Floats:
        q, A, least, most = _conic(problem)
        H = sparse.csc_matrix((2 * n, 2 * n))
        H = sparse.block_array(
            [
                [sparse.csc_array(np.triu(problem.gamma * problem.sigma)), None],
                [None, sparse.csc_array((n, n))],
            ]
        )
        A, above, below = A.tocsr(), np.isfinite(most), np.isfinite(least)
        above[0] = below[0] = False
        rows = sparse.vstack([A[:1], A[above], -A[below]]).tocsc()
        right = np.r_[1.0, most[above], -least[below]]
        cones = [lib.ZeroConeT(1), lib.NonnegativeConeT(len(right) - 1)]
        solution = lib.DefaultSolver(
            sparse.csc_matrix(H), q, sparse.csc_matrix(rows), right, cones, settings
        ).solve()
        return np.asarray(solution.x[:n])

    return weights


def quadprog(first: Problem) -> Callable[[Problem], Floats]:
    """Quadprog (Goldfarb and Idnani), cold start; it needs a strictly convex problem, so costs are left out."""
    lib, n = import_module("quadprog"), first.n
    low, high = first.bounds()
    G = np.column_stack([np.ones(n), np.eye(n), -np.eye(n)])
    right = np.r_[1.0, low, -high]

    def weights(problem: Problem) -> Floats:
        return np.asarray(lib.solve_qp(problem.gamma * problem.sigma, problem.mu, G, right, 1)[0])

    return weights
