"""Mean-variance allocation: one problem, written as the equation, solved by a QP solver called directly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import piqp
from numpy.typing import NDArray
from scipy.optimize import linprog

from allocation.constraints import Constraints, check_feasible, limits_on
from allocation.errors import InputError, SolverError
from allocation.weights import Attestation, Weights

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TOLERANCE = 1e-7
"""How far a limit may be missed in weight, and the smallest trade worth making."""


class MeanVariance:
    """Maximise mu'w - gamma/2 w'Sigma w - c 1'|w - h| over the weights w that keep the limits.

    h are the weights held. What is held of assets outside the universe is sold; that trade counts in turnover.
    The solver sees purchases b and sales s, w = h + b - s: the limits on each asset become bounds of b and s.

    Parameters
    ----------
    assets : sequence of str, length N
    constraints : Constraints
    risk_aversion : float
        gamma, more than 0.
    cost : float
        c, in return per unit traded.
    """

    def __init__(
        self, assets: Sequence[str], constraints: Constraints, *, risk_aversion: float, cost: float = 0.0
    ) -> None:
        if not (np.isfinite(risk_aversion) and risk_aversion > 0 and np.isfinite(cost) and cost >= 0):
            raise InputError(
                f"risk_aversion {risk_aversion:g} must be > 0 and cost {cost:g} >= 0, both finite"
            )
        self.assets = tuple(assets)
        self.constraints = constraints
        self.risk_aversion = risk_aversion
        self.cost = cost

    def solve(self, position: int, mu: Floats, sigma: Floats, held: Floats, universe: Bools) -> Weights:
        """Return the best weights.

        Parameters
        ----------
        position : int
            Row of the decision, for the record and for messages.
        mu : ndarray of shape (N,)
            Expected excess return over one horizon.
        sigma : ndarray of shape (N, N)
            Covariance over the same horizon.
        held : ndarray of shape (N,)
            Weights before the trade.
        universe : ndarray of bool, shape (N,)
            Assets that may be held.

        Raises
        ------
        InputError
            If means or covariances are not finite or the covariance is not positive semidefinite.
        InfeasibleError
            If the limits contradict one another; a turnover limit that stands in the way is raised instead,
            and the status says so.
        SolverError
            If the solver fails on a problem that has a solution.
        """
        inside = np.flatnonzero(universe)
        if not len(inside):
            raise InputError(f"row {position}: the universe is empty")
        m, S = mu[inside], sigma[np.ix_(inside, inside)]
        self._check(position, m, S, [self.assets[i] for i in inside])
        low, high = self.constraints.minimum, self.constraints.maximum
        start = np.clip(held[inside], low, high)
        # What lies outside the limits has to be traded whatever the answer is.
        forced = float(np.abs(held - np.where(universe, np.clip(held, low, high), 0.0)).sum())
        rows, lower, upper = self._rows(universe)
        turnover = self.constraints.turnover
        room = np.inf if turnover is None else turnover - forced
        status = "solved"
        solution = self._solve(m, S, start, rows, lower, upper, room) if room >= 0 else None
        if solution is None:
            check_feasible(self.constraints, self.assets, universe)
            least = _least_turnover(start, low, high, rows, lower, upper)
            if turnover is None or least <= room:
                raise SolverError(f"row {position}: the solver found no answer though the limits can be met")
            room = least * (1 + 1e-6) + TOLERANCE
            status = f"turnover limit {turnover:g} raised to {room + forced:.4f}: the least that the other limits allow"
            solution = self._solve(m, S, start, rows, lower, upper, room)
            if solution is None:
                raise SolverError(
                    f"row {position}: the solver found no answer with the least turnover {room:.4f}"
                )
        weights = np.zeros(len(self.assets))
        weights[inside] = _tidy(solution, start, low, high, lower[0], upper[0])
        limit = None if turnover is None else max(turnover, room + forced)
        return self._attested(position, weights, held, universe, status, limit)

    def _check(self, position: int, mu: Floats, sigma: Floats, names: Sequence[str]) -> None:
        if not np.isfinite(mu).all():
            bad = names[int(np.flatnonzero(~np.isfinite(mu))[0])]
            raise InputError(f"row {position}: the expected return of {bad!r} is {mu[~np.isfinite(mu)][0]}")
        if not np.isfinite(sigma).all():
            bad = names[int(np.argwhere(~np.isfinite(sigma))[0, 0])]
            raise InputError(f"row {position}: the covariance of {bad!r} is not finite")
        try:
            np.linalg.cholesky(sigma + 1e-9 * max(float(np.trace(sigma)) / len(mu), 1e-300) * np.eye(len(mu)))
        except np.linalg.LinAlgError as error:
            smallest = float(np.linalg.eigvalsh(sigma)[0])
            raise InputError(
                f"row {position}: the covariance is not positive semidefinite (smallest eigenvalue {smallest:.3g})"
            ) from error

    def _rows(self, universe: Bools) -> tuple[Floats, Floats, Floats]:
        """Return the limits on sums of weights, lower <= rows @ w <= upper; the first is the budget."""
        c = self.constraints
        inside = np.flatnonzero(universe)
        rows = [np.ones(len(inside))]
        lower, upper = [1 - c.cash_maximum], [1 - c.cash_minimum]
        for group in c.groups.values():
            rows.append(np.array([float(self.assets[i] in group.assets) for i in inside]))
            lower.append(group.minimum)
            upper.append(group.maximum)
        return np.array(rows), np.array(lower), np.array(upper)

    def _solve(
        self,
        mu: Floats,
        sigma: Floats,
        start: Floats,
        rows: Floats,
        lower: Floats,
        upper: Floats,
        room: float,
    ) -> Floats | None:
        """Return the weights, or None if the solver does not vouch for them."""
        n, gamma = len(mu), self.risk_aversion
        gradient = gamma * sigma @ start - mu
        # Absolute tolerances would be silently wrong on returns a minute: bring the objective to order 1.
        scale = max(float(np.abs(gradient).max()), gamma * float(np.abs(sigma).max()), self.cost, 1e-300)
        P = np.asfortranarray(gamma / scale * np.block([[sigma, -sigma], [-sigma, sigma]]))
        q = np.r_[self.cost + gradient, self.cost - gradient] / scale
        G = np.column_stack([rows, -rows])
        shift = rows @ start
        lows, highs = lower - shift, upper - shift
        if np.isfinite(room):
            G = np.vstack([G, np.ones(2 * n)])
            lows, highs = np.r_[lows, -np.inf], np.r_[highs, max(room, 0.0)]
        bounds = np.r_[self.constraints.maximum - start, start - self.constraints.minimum]
        equal = lows == highs
        A, b = np.asfortranarray(G[equal]), highs[equal]
        G, lows, highs = np.asfortranarray(G[~equal]), lows[~equal], highs[~equal]
        for tolerance in (1e-10, 1e-8):
            solver = piqp.DenseSolver()
            solver.settings.eps_abs = solver.settings.eps_rel = tolerance
            solver.settings.eps_duality_gap_abs = solver.settings.eps_duality_gap_rel = tolerance
            solver.setup(
                P,
                q,
                A if len(b) else None,
                b if len(b) else None,
                G if len(highs) else None,
                lows if len(highs) else None,
                highs if len(highs) else None,
                np.zeros(2 * n),
                bounds,
            )
            if solver.solve() == piqp.PIQP_SOLVED:
                x = np.asarray(solver.result.x)
                return np.asarray(start + x[:n] - x[n:])
        return None

    def _attested(
        self,
        position: int,
        weights: Floats,
        held: Floats,
        universe: Bools,
        status: str,
        turnover: float | None,
    ) -> Weights:
        """Check every limit from the weights alone."""
        w = weights[universe]
        slack = {
            limit.name: float((limit.bounds - limit.rows @ w).min())
            for limit in limits_on(self.constraints, self.assets, universe)
        }
        if turnover is not None:
            slack[f"turnover at most {turnover:.4g}"] = turnover - float(np.abs(weights - held).sum())
        attestation = Attestation(slack, 10 * TOLERANCE)
        if not attestation.holds:
            worst = min(slack, key=lambda name: slack[name])
            raise SolverError(f"row {position}: the answer breaks the limit {worst!r} by {-slack[worst]:.3g}")
        return Weights(position, weights, 1.0 - float(weights.sum()), status, attestation)


def _tidy(w: Floats, start: Floats, low: float, high: float, least: float, most: float) -> Floats:
    """Undo what an interior-point solution leaves: crumbs beside a bound or beside no trade, and a sum a hair off."""
    w = np.clip(w, low, high)
    for place in (np.full_like(w, low), np.full_like(w, high), start):
        w = np.where(np.abs(w - place) < TOLERANCE, place, w)
    total = float(w.sum())
    missing = float(np.clip(total, least, most)) - total
    if missing:
        room = (high - w) if missing > 0 else (w - low)
        # Assets at a bound stay there; the others share what is missing by the room they have.
        room = np.where((w > low) & (w < high), room, 0.0)
        if room.sum() <= abs(missing):
            room = (high - w) if missing > 0 else (w - low)
        if room.sum() > 0:
            w = np.clip(w + missing * room / room.sum(), low, high)
    return np.asarray(w)


def _least_turnover(
    start: Floats, low: float, high: float, rows: Floats, lower: Floats, upper: Floats
) -> float:
    """Return the least sum of |trades| from `start` that meets the limits (a linear programme)."""
    shift = rows @ start
    both = np.column_stack([rows, -rows])
    n = len(start)
    answer = linprog(
        np.ones(2 * n),
        A_ub=np.vstack([both, -both]),
        b_ub=np.r_[upper - shift, shift - lower],
        bounds=list(zip(np.zeros(2 * n), np.r_[high - start, start - low], strict=True)),
    )
    if answer.status != 0 or answer.x is None:
        raise SolverError(f"the least turnover could not be found: {answer.message}")
    return float(answer.x.sum())
