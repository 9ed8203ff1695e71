"""Follow the critical line from the largest mean to the least variance, through all corner portfolios."""

from __future__ import annotations

import numpy as np

from allocation.covariance_checks import describe_fault
from allocation.covariance_types import Risk, to_dense
from allocation.errors import InputError, SolverError
from allocation.frontier.bordered_inverse import FREE, HIGH, LOW
from allocation.frontier.critical_line import ARRIVED, CYCLED, trace_critical_line
from allocation.frontier.efficient_frontier import EfficientFrontier
from allocation.frontier.starting_vertex import fill_greedily, solve_vertex
from allocation.input_alignment import refuse_labels
from allocation.problem.polytope import Polytope
from foundation.types import Floats, Ints


def efficient_frontier(
    mu: Floats, sigma: Risk, limits: Polytope, *, validate: bool = True
) -> EfficientFrontier:
    """Return the frontier from the portfolio of largest mean (of these, the one of least variance) downward.

    Parameters
    ----------
    mu : ndarray of shape (n,)
    sigma : Risk, of n assets
    limits : Polytope
    validate : bool
        Whether to check that the covariance is finite, symmetric and positive semidefinite.

    Raises
    ------
    InputError
        If the covariance is not finite, symmetric and positive semidefinite.
    InfeasibleError
        If the limits cannot be met together.
    SolverError
        If the path is not found.
    """
    refuse_labels("mu", mu)
    refuse_labels("sigma", sigma)
    wrong = describe_fault(sigma, [f"asset {i}" for i in range(len(mu))]) if validate else ""
    if wrong:
        raise InputError(wrong)
    n, full = len(mu), to_dense(sigma)
    slacks = np.flatnonzero(~((limits.lower == limits.upper) & (np.arange(len(limits.rows)) == 0)))
    total = n + len(slacks)
    rows = np.zeros((len(limits.rows), total))
    rows[:, :n] = limits.rows
    rows[slacks, np.arange(n, total)] = -1.0
    right = np.where(np.isin(np.arange(len(rows)), slacks), 0.0, limits.lower)
    low, high = np.r_[limits.low, limits.lower[slacks]], np.r_[limits.high, limits.upper[slacks]]
    unit = float(np.mean(full.diagonal())) or 1.0
    risk = np.zeros((total, total))
    risk[:n, :n] = full / unit
    mean = np.r_[mu, np.zeros(len(slacks))]
    start = (
        fill_greedily(mean, right, low, high)
        if not len(slacks)
        else solve_vertex(mean, rows, right, low, high)
    )
    z, state, reduced = start
    size = float(np.abs(reduced).max()) or 1.0
    path = _follow(reduced / size, risk, rows, right, low, high, z, state)
    lambdas, corners = path[0] * unit / size, np.ascontiguousarray(path[1][:, :n])
    keep = np.r_[True, (np.diff(lambdas) < 0) | (np.abs(np.diff(corners, axis=0)).max(axis=1) > 0)]
    lambdas, corners = lambdas[keep], corners[keep]
    variance = np.einsum("ij,ij->i", corners @ full, corners)
    return EfficientFrontier(lambdas, corners, corners @ mu, variance, mu, sigma)


def _follow(
    mu: Floats, sigma: Floats, rows: Floats, right: Floats, low: Floats, high: Floats, z: Floats, state: Ints
) -> tuple[Floats, Floats]:
    """Return lambdas and corners from a vertex of largest mean, whose reduced means are given."""
    most = 20 * len(mu) + 100
    tied = (mu == 0) & (low < high)
    if np.count_nonzero(tied & (state != FREE)):
        # Several portfolios have the largest mean. Means that make this vertex the only one lead down to the one of
        # least variance; they differ, so that two assets are never due at once.
        spread = 1 + np.modf(np.arange(len(mu)) * (np.sqrt(5) - 1) / 2)[0]
        alone = np.where(state == HIGH, spread, np.where(state == LOW, -spread, 0.0))
        inner_low, inner_high = np.where(tied, low, z), np.where(tied, high, z)
        verdict, _, _ = trace_critical_line(
            alone, sigma, rows, right, inner_low, inner_high, state, z, 0.0, most
        )
        _insist(verdict)
    verdict, lambdas, corners = trace_critical_line(mu, sigma, rows, right, low, high, state, z, 0.0, most)
    _insist(verdict)
    return lambdas, corners


def _insist(verdict: int) -> None:
    if verdict != ARRIVED:
        why = "it went in circles" if verdict == CYCLED else "its equations became singular"
        raise SolverError(f"the critical line was lost: {why}")
