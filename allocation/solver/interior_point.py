"""The same programme by an interior-point method (PIQP), where the active set finds no solution."""

from __future__ import annotations

from typing import Any

import numpy as np
import piqp
from scipy import sparse

from allocation.covariance_types import FactorCovariance
from allocation.solver.programme import Programme, Solution
from foundation.types import Floats

_TOLERANCES = (1e-12, 1e-10, 1e-8)
"""Tried in order, until the solver converges."""
_CRUMB = 1e-7
"""Largest distance from a bound or the weight held that is taken for the solver's tolerance."""


def solve_interior_point(
    programme: Programme, *, turnover: float = np.inf, gross: float = np.inf
) -> tuple[Solution, float, float] | None:
    """Return the solution, polished by the active set where possible, or None if the solver does not converge.

    Parameters
    ----------
    programme : Programme
    turnover, gross : float
        Limits on sum |w - start| and on sum |w|.

    Returns
    -------
    solution : Solution
    turnover_price, gross_price : float
        Multipliers of the two limits, 0 or more.
    """
    built = _build(programme, turnover, gross)
    answer = _run(built, isinstance(programme.sigma, FactorCovariance))
    if answer is None:
        return None
    n, m = len(programme.mu), len(programme.rows)
    x, equal = np.asarray(answer.x), built["equal"]
    bounded = ~equal & (np.isfinite(built["low"]) | np.isfinite(built["high"]))
    multipliers = np.zeros(len(equal))
    multipliers[equal] = np.asarray(answer.y)[: int(equal.sum())]
    multipliers[bounded] = np.asarray(answer.z_u) - np.asarray(answer.z_l)
    # A multiplier of a limit that does not exist is noise.
    multipliers[np.isinf(built["high"])] = np.minimum(multipliers[np.isinf(built["high"])], 0)
    multipliers[np.isinf(built["low"])] = np.maximum(multipliers[np.isinf(built["low"])], 0)
    multipliers *= programme.scale
    weights = np.clip(programme.start + x[:n] - x[n : 2 * n], programme.low, programme.high)
    paid = max(float(multipliers[m]), 0.0), max(float(multipliers[m + 1]), 0.0)
    priced = programme.with_objective(cost=programme.cost + paid[0], gross=programme.gross + paid[1])
    for within in (_CRUMB, 1e-5, 1e-9) if paid == (0.0, 0.0) else ():
        exact = priced.polish(weights, within)
        if exact is not None and np.abs(exact.weights - programme.start).sum() <= turnover:
            return exact, *paid
    return Solution(_snap_to_bounds(weights, programme, turnover), multipliers[:m], False), *paid


def _build(p: Programme, turnover: float, gross: float) -> dict[str, Any]:
    """Return the problem in PIQP's form, brought to order 1.

    Its variables are purchases b and sales s >= 0 with w = start + b - s, so that the limits on each asset are bounds;
    |w| where gross exposure matters; and the exposures to factors, so that a covariance by factors stays sparse.
    """
    n = len(p.mu)
    levered = n if p.gross > 0 or np.isfinite(gross) else 0
    diagonal = p.ridge + 2 * p.impact
    slope = -(p.mu + 2 * p.impact * p.start)
    k = 0
    if isinstance(p.sigma, FactorCovariance):
        k = p.sigma.loadings.shape[1]
        diagonal = diagonal + p.gamma * p.sigma.specific
        H: Any = sparse.diags_array(diagonal)
        slope = slope + diagonal * p.start
    else:
        H = sparse.csr_array(p.gamma * p.sigma + np.diag(diagonal))
        slope = slope + H @ p.start
    eye = sparse.eye_array(n)
    P = sparse.block_diag(
        [sparse.bmat([[H, -H], [-H, H]]), sparse.csr_array((levered, levered)), p.gamma * sparse.eye_array(k)]
    )
    q = np.r_[p.cost + slope, p.cost - slope, np.full(levered, p.gross), np.zeros(k)]
    shift = p.rows @ p.start
    sums: list[Any] = [
        (sparse.csr_array(p.rows), -sparse.csr_array(p.rows), sparse.csr_array((len(p.rows), levered))),
        (np.ones((1, n)), np.ones((1, n)), sparse.csr_array((1, levered))),
        (np.zeros((1, n)), np.zeros((1, n)), np.ones((1, levered))),
    ]
    lows: list[Any]
    highs: list[Any]
    lows, highs = [p.lower - shift, [-np.inf, -np.inf]], [p.upper - shift, [turnover, gross]]
    if levered:
        sums += [(eye, -eye, -eye), (-eye, eye, -eye)]
        lows += [np.full(2 * n, -np.inf)]
        highs += [-p.start, p.start]
    rows = sparse.vstack(
        [sparse.hstack([*parts, sparse.csr_array((parts[0].shape[0], k))]) for parts in sums]
    )
    low, high = np.concatenate(lows), np.concatenate(highs)
    links: Any
    links, level = sparse.csr_array((0, rows.shape[1])), np.empty(0)
    if isinstance(p.sigma, FactorCovariance):
        B = sparse.csr_array(p.sigma.loadings.T)
        links = sparse.hstack([B, -B, sparse.csr_array((k, levered)), -sparse.eye_array(k)])
        level = -(p.sigma.loadings.T @ p.start)
    most = np.r_[p.high - p.start, p.start - p.low, np.full(levered + k, np.inf)]
    return {
        "P": P / p.scale, "q": q / p.scale, "rows": rows.tocsr(), "low": low, "high": high, "equal": low == high,
        "links": links, "level": level, "least": np.r_[np.zeros(2 * n), np.full(levered + k, -np.inf)], "most": most,
    }  # fmt: skip


def _make_solver(factors: bool, tolerance: float) -> Any:
    solver = piqp.SparseSolver() if factors else piqp.DenseSolver()
    solver.settings.eps_abs = solver.settings.eps_rel = tolerance
    solver.settings.eps_duality_gap_abs = solver.settings.eps_duality_gap_rel = tolerance
    return solver


def _run(built: dict[str, Any], factors: bool) -> Any:
    """Return PIQP's result, or None if it does not converge at any tolerance."""
    equal = built["equal"]
    A = sparse.vstack([built["rows"][equal], built["links"]])
    b = np.r_[built["high"][equal], built["level"]]
    bounded = ~equal & (np.isfinite(built["low"]) | np.isfinite(built["high"]))
    G, low, high = built["rows"][bounded], built["low"][bounded], built["high"][bounded]
    for tolerance in _TOLERANCES:
        solver = _make_solver(factors, tolerance)
        form = sparse.csc_matrix if factors else _dense
        solver.setup(
            form(built["P"]),
            built["q"],
            form(A) if len(b) else None,
            b if len(b) else None,
            form(G) if len(low) else None,
            low if len(low) else None,
            high if len(low) else None,
            built["least"],
            built["most"],
        )
        if solver.solve() == piqp.PIQP_SOLVED:
            return solver.result
    return None


def _dense(matrix: Any) -> Floats:
    return np.asfortranarray(matrix.toarray())


def _snap_to_bounds(w: Floats, programme: Programme, turnover: float = np.inf) -> Floats:
    """Move weights that are within tolerance of a bound or of the weight held onto it, and restore the budget.

    Among many assets the moves add up: a smaller tolerance is used where they would break a limit on a sum.
    """
    for crumb in (_CRUMB, _CRUMB / 100):
        swept = _swept(w, programme, crumb)
        traded = float(np.abs(swept - programme.start).sum())
        if max(programme.excess(swept), traded - turnover) <= _CRUMB:
            return swept
    return np.clip(w, programme.low, programme.high)


def _swept(w: Floats, programme: Programme, crumb: float) -> Floats:
    """Move weights onto the bound or the weight held that lies within `crumb`, and restore the budget."""
    low, high = programme.low, programme.high
    w = np.clip(w, low, high)
    for place in (low, high, programme.start):
        w = np.where(np.abs(w - place) < crumb, place, w)
    total = float(w.sum())
    missing = float(np.clip(total, programme.lower[0], programme.upper[0])) - total
    # A smaller difference is rounding of the sum itself.
    if abs(missing) > 1e-15 * len(w):
        room = (high - w) if missing > 0 else (w - low)
        # Assets at a bound stay there; the others share the difference in proportion to their distance from a bound.
        room = np.where((w > low) & (w < high), room, 0.0)
        if room.sum() <= abs(missing):
            room = (high - w) if missing > 0 else (w - low)
        if room.sum() > 0:
            w = np.clip(w + missing * room / room.sum(), low, high)
    return np.asarray(w)
