"""Portfolio of largest mean within linear limits: the vertex at which the critical line starts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.optimize import linprog

from allocation.errors import InfeasibleError, SolverError
from allocation.frontier.bordered_inverse import FREE, HIGH, LOW
from foundation.types import Floats, Ints


def fill_greedily(mu: Floats, right: Floats, low: Floats, high: Floats) -> tuple[Floats, Ints, Floats]:
    """Return the portfolio of largest mean with a budget and bounds, its states and reduced means: a greedy fill."""
    rest = float(right[0] - low.sum())
    if rest < -1e-12 or rest > float((high - low).sum()) + 1e-12:
        raise InfeasibleError("the bounds cannot be met together with the budget", ("budget", "bounds"))
    order = np.argsort(-mu, kind="stable")
    order = order[(high > low)[order]] if (high > low).any() else order
    room = np.cumsum((high - low)[order])
    last = min(int(np.searchsorted(room, rest * (1 - 1e-15))), len(order) - 1)
    z, state = low.copy(), np.full(len(mu), LOW)
    z[order[:last]], state[order[:last]] = high[order[:last]], HIGH
    basis = order[last]
    z[basis] = np.clip(right[0] - (z.sum() - z[basis]), low[basis], high[basis])
    state[basis] = FREE
    return z, state, mu - mu[basis]


def _maximise_mean(
    mu: Floats, rows: Floats, right: Floats, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Return the weights that the simplex method finds, within the bounds, and their reduced means."""
    scale = float(np.abs(mu).max()) or 1.0
    best = linprog(
        -mu / scale,
        A_eq=rows,
        b_eq=right,
        bounds=list(zip(low, high, strict=True)),
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if best.status == 2:
        raise InfeasibleError("the limits cannot be met together", ("all",))
    if best.status != 0 or best.x is None:
        raise SolverError(f"the portfolio of largest mean could not be found: {best.message}")
    reduced = -(np.asarray(best.lower.marginals) + np.asarray(best.upper.marginals))
    return np.clip(best.x, low, high), np.where(np.abs(reduced) <= 1e-10, 0.0, reduced) * scale


def solve_vertex(
    mu: Floats, rows: Floats, right: Floats, low: Floats, high: Floats
) -> tuple[Floats, Ints, Floats]:
    """Return a vertex of largest mean under any linear limits, its states and reduced means: the simplex method."""
    z, reduced = _maximise_mean(mu, rows, right, low, high)
    near = 1e-10 * np.maximum(1.0, high - low)
    state = np.where(high - z <= near, HIGH, np.where(z - low <= near, LOW, FREE))
    z = np.select([state == HIGH, state == LOW], [high, low], z)
    state = np.where((state != FREE) & (reduced > 0), HIGH, state)
    basis = _choose_basis(rows, state, (reduced == 0) & (low < high), low == high)
    if len(basis) < len(rows):
        raise SolverError("limits depend on one another: no vertex of the largest mean has a basis")
    state[basis] = FREE
    return z, state.astype(np.int64), reduced


def _choose_basis(rows: Floats, state: Ints, tied: NDArray[np.bool_], fixed: NDArray[np.bool_]) -> Ints:
    """Return variables whose columns are a basis: those between bounds, then tied ones, then fixed ones."""
    chosen = np.empty(0, dtype=np.int64)
    for group in (state == FREE, tied & (state != FREE), fixed):
        candidates = np.setdiff1d(np.flatnonzero(group), chosen)
        missing = len(rows) - len(chosen)
        if not len(candidates) or not missing:
            continue
        rest = rows[:, candidates]
        if len(chosen):
            taken, _ = np.linalg.qr(rows[:, chosen])
            rest = rest - taken @ (taken.T @ rest)
        _, triangle, pivots = qr(rest, mode="economic", pivoting=True)
        rank = int((np.abs(np.diag(triangle)) > 1e-9).sum())
        chosen = np.r_[chosen, candidates[pivots[: min(rank, missing)]]]
    return chosen
