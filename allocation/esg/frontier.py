"""The ESG-efficient frontier: the best Sharpe ratio at each average score, after Pedersen and others (2021)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import piqp
from scipy.optimize import linprog

from allocation.covariance_types import FactorCovariance, Risk, to_dense
from allocation.errors import InputError, SolverError
from allocation.input_alignment import refuse_labels
from allocation.input_checks import describe_fault
from foundation.types import Floats


@dataclass(frozen=True, eq=False)
class EsgFrontier:
    """Best Sharpe ratios by score.

    Attributes
    ----------
    score : ndarray of shape (L,)
        Average score of what is held, s'w / 1'w.
    sharpe : ndarray of shape (L,)
        Largest ratio of expected excess return to standard deviation over one horizon; NaN where no portfolio with a
        positive expected excess return has the score.
    weights : ndarray of shape (L, N)
        Portfolios that have it, scaled to sum to 1.
    """

    score: Floats
    sharpe: Floats
    weights: Floats


def esg_frontier(mu: Floats, sigma: Risk, scores: Floats, levels: Floats) -> EsgFrontier:
    """Return the frontier without limits, in closed form.

    Parameters
    ----------
    mu : ndarray of shape (N,)
        Expected excess return over one horizon.
    sigma : Risk
        Covariance over the same horizon, positive definite; factors are not multiplied out.
    scores : ndarray of shape (N,)
    levels : ndarray of shape (L,)
        Average scores to ask for.

    Returns
    -------
    Frontier
        SR(s)^2 = c_mm - (c_sm - s c_1m)^2 / (c_ss - 2 s c_1s + s^2 c_11) with c_ab = a'Sigma^-1 b, at
        w proportional to Sigma^-1 (mu + p (scores - s)), p = (s c_1m - c_sm) / (c_ss - 2 s c_1s + s^2 c_11).
        NaN where that portfolio is not long on balance, as the definition of an average score asks.

    Raises
    ------
    InputError
        If the scores do not differ, or the covariance is not finite, symmetric and positive semidefinite.

    Notes
    -----
    Pedersen, Fitzgibbons and Pomorski (2021), "Responsible investing: the ESG-efficient frontier", *Journal of
    Financial Economics* 142, 572-597, propositions 1 and 2.
    """
    if not np.ptp(scores) > 0:
        raise InputError("a frontier needs scores that differ")
    _check_covariance(mu, sigma)
    ones = np.ones(len(mu))
    moved = _inverse_times(sigma, np.column_stack([mu, scores, ones]))
    c = np.column_stack([mu, scores, ones]).T @ moved
    mm, sm, om, ss, os, oo = c[0, 0], c[1, 0], c[2, 0], c[1, 1], c[2, 1], c[2, 2]
    spread = ss - 2 * levels * os + levels**2 * oo
    price = (levels * om - sm) / spread
    sharpe = np.sqrt(np.maximum(mm - (sm - levels * om) ** 2 / spread, 0.0))
    weights = moved[:, 0] + price[:, None] * (moved[:, 1] - levels[:, None] * moved[:, 2])
    total = weights.sum(axis=1)
    scale = np.where(total > 1e-12 * np.abs(weights).sum(axis=1), total, np.nan)
    return EsgFrontier(levels, np.where(np.isfinite(scale), sharpe, np.nan), weights / scale[:, None])


def best_score(mu: Floats, sigma: Risk, scores: Floats) -> float:
    """Return the average score of the portfolio with the largest Sharpe ratio, s* = c_sm / c_1m.

    Parameters
    ----------
    mu, sigma, scores
        See `esg_frontier`.
    """
    _check_covariance(mu, sigma)
    w = _inverse_times(sigma, mu[:, None])[:, 0]
    return float(scores @ w / w.sum())


def _check_covariance(mu: Floats, sigma: Risk) -> None:
    """Refuse labels, which cannot be matched here, and what is no covariance."""
    refuse_labels("mu", mu)
    refuse_labels("sigma", sigma)
    wrong = describe_fault(sigma, [f"asset {i}" for i in range(len(mu))])
    if wrong:
        raise InputError(wrong)


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
    _check_covariance(mu, sigma)
    n = len(mu)
    full = to_dense(sigma)
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


def _inverse_times(sigma: Risk, columns: Floats) -> Floats:
    """Return Sigma^-1 M for M of shape (N, K); by factors in N K^2 operations (Woodbury)."""
    if not isinstance(sigma, FactorCovariance):
        return np.asarray(np.linalg.solve(sigma, columns))
    if not (sigma.specific > 0).all():
        return np.asarray(np.linalg.solve(to_dense(sigma), columns))
    B, D = sigma.loadings, sigma.specific[:, None]
    inner = np.eye(B.shape[1]) + B.T @ (B / D)
    return np.asarray(columns / D - (B / D) @ np.linalg.solve(inner, B.T @ (columns / D)))
