"""The ESG-efficient frontier within limits: one quadratic programme for each average score."""

from __future__ import annotations

import numpy as np
import piqp
from scipy.optimize import linprog

from allocation.covariance_types import Risk, to_dense
from allocation.errors import InputError, SolverError
from allocation.esg.frontier import EsgFrontier, check_moments
from foundation.types import Floats


def attainable_scores(
    scores: Floats, low: Floats, high: Floats, rows: Floats | None = None, upper: Floats | None = None
) -> tuple[float, float]:
    """Return the smallest and the largest average score of fully invested weights within limits.

    Parameters
    ----------
    scores, low, high : ndarray of shape (N,)
    rows, upper : ndarray of shape (M, N) and (M,), optional
        Further limits rows @ w <= upper.

    Raises
    ------
    InputError
        If nothing is within the limits.
    """
    ends = []
    for sign in (1.0, -1.0):
        answer = linprog(
            sign * scores, A_ub=rows, b_ub=upper, A_eq=np.ones((1, len(scores))), b_eq=[1.0],
            bounds=list(zip(low, high, strict=True)),
        )  # fmt: skip
        if answer.status != 0 or answer.fun is None:
            raise InputError(f"no fully invested weights are within the limits ({answer.message})")
        ends.append(sign * float(answer.fun))
    return ends[0], ends[1]


def limited_frontier(
    mu: Floats,
    sigma: Risk,
    scores: Floats,
    levels: Floats,
    low: Floats,
    high: Floats,
    rows: Floats | None = None,
    upper: Floats | None = None,
) -> EsgFrontier:
    """Return the frontier of fully invested weights within limits, low <= w <= high and rows @ w <= upper.

    The largest ratio is the least variance at an expected return of 1 of y = w / (mu'w), whose limits are those of w
    times 1'y (Charnes and Cooper, 1962): one quadratic programme per level.

    Parameters
    ----------
    mu, sigma, scores, levels
        See `esg_frontier`.
    low, high : ndarray of shape (N,)
        As `Constraints.bounds` returns them.
    rows, upper : ndarray of shape (M, N) and (M,), optional

    Raises
    ------
    InputError
        If the covariance is not finite, symmetric and positive semidefinite.
    SolverError
        If the solver ends without a verdict.
    """
    check_moments(mu, sigma)
    n, full = len(mu), to_dense(sigma)
    ones, eye = np.ones(n), np.eye(n)
    size, risk = float(np.abs(mu).max()), float(np.abs(full).max())
    limits = [eye - np.outer(high, ones), np.outer(low, ones) - eye, -ones[None]]
    if rows is not None and upper is not None:
        limits.append(rows - np.outer(upper, ones))
    G = np.asfortranarray(np.vstack(limits))
    sharpe, weights = np.full(len(levels), np.nan), np.full((len(levels), n), np.nan)
    for k, level in enumerate(levels):
        gap = scores - level
        A = np.asfortranarray(np.stack([mu / size, gap / max(float(np.abs(gap).max()), 1e-300)]))
        y = _least_variance(np.asfortranarray(full / risk), A, np.array([1.0, 0.0]), G)
        if y is not None:
            w = y / y.sum()
            weights[k] = w
            sharpe[k] = float(mu @ w / np.sqrt(w @ full @ w))
    return EsgFrontier(levels, sharpe, weights)


def _least_variance(P: Floats, A: Floats, b: Floats, G: Floats) -> Floats | None:
    """Return the y of least y'P y with A y = b and G y <= 0, None if there is none."""
    for tolerance in (1e-12, 1e-10, 1e-8):
        solver = piqp.DenseSolver()
        solver.settings.eps_abs = solver.settings.eps_rel = tolerance
        solver.settings.eps_duality_gap_abs = solver.settings.eps_duality_gap_rel = tolerance
        solver.setup(P, np.zeros(len(P)), A, b, G, np.full(len(G), -np.inf), np.zeros(len(G)))
        status = solver.solve()
        if status == piqp.PIQP_SOLVED:
            return np.asarray(solver.result.x)
        if status == piqp.PIQP_PRIMAL_INFEASIBLE:
            return None
    feasible = linprog(
        np.zeros(len(P)), A_ub=G, b_ub=np.zeros(len(G)), A_eq=A, b_eq=b, bounds=[(None, None)] * len(P)
    )
    if feasible.status == 2:
        return None
    raise SolverError(f"the best Sharpe ratio at a score could not be found ({status})")
