"""Mean-variance allocation: one problem, written as the equation, with evidence for its answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allocation.constraints import Constraints, check_feasible, limits_on
from allocation.errors import InfeasibleError, InputError, SolverError
from allocation.quadratic import Quadratic
from allocation.weights import Attestation, Weights

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TOLERANCE = 1e-7
"""How far a limit may be missed in weight, and the smallest trade worth making."""
OPTIMAL = 1e-5
"""Largest duality gap of an answer that is handed out, as a share of max(|mu|, gamma |Sigma|, c)."""


class MeanVariance:
    """Maximise mu'w - gamma/2 w'Sigma w - c 1'|w - h| over the weights w that keep the limits.

    h are the weights held. What is held of assets outside the universe is sold; that trade counts in turnover.
    With mu = 0 and c = 0 the answer is the portfolio of smallest variance.

    Parameters
    ----------
    assets : sequence of str, length N
    constraints : Constraints
    risk_aversion : float
        gamma, more than 0: without risk the best weights need not be unique.
    cost : float
        c, in return per unit traded.

    Raises
    ------
    InputError
        If risk_aversion or cost is out of range.
    LimitError
        If a limit names an asset that does not exist.
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
        self.low, self.high = constraints.bounds(self.assets)

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
            If means, covariances or weights held are not finite, or the covariance is not symmetric positive
            semidefinite.
        InfeasibleError
            If the limits contradict one another; a turnover limit that stands in the way is raised instead,
            and the status says so.
        SolverError
            If the solver fails on a problem that has a solution, or its answer is not the best one.
        """
        _check(position, self.assets, mu, sigma, held, universe)
        inside = np.flatnonzero(universe)
        rows, lower, upper = self._rows(universe)
        low, high = self.low[inside], self.high[inside]
        start = np.clip(held[inside], low, high)
        # What lies outside the limits has to be traded whatever the answer is.
        forced = float(np.abs(held - np.where(universe, np.clip(held, self.low, self.high), 0.0)).sum())
        turnover = self.constraints.turnover
        room = np.inf if turnover is None else turnover - forced
        problem = Quadratic(
            mu[inside],
            sigma[np.ix_(inside, inside)],
            self.risk_aversion,
            self.cost,
            start,
            low,
            high,
            rows,
            lower,
            upper,
            room,
        )
        status = "solved"
        solution = problem.solve() if room >= 0 else None
        if solution is None:
            self._check_feasible(position, universe)
            least = problem.least_turnover()
            if turnover is None or least <= room:
                raise SolverError(f"row {position}: the solver found no answer though the limits can be met")
            room = least * (1 + 1e-6) + TOLERANCE
            status = f"turnover limit {turnover:g} raised to {room + forced:.4f}: the least that the other limits allow"
            problem = problem.with_room(room)
            solution = problem.solve()
            if solution is None:
                raise SolverError(
                    f"row {position}: the solver found no answer with the least turnover {room:.4f}"
                )
        best = solution.weights if solution.exact else _tidy(solution.weights, problem)
        weights = np.zeros(len(self.assets))
        weights[inside] = best
        limit = None if turnover is None else max(turnover, room + forced)
        slack = self._slack(weights, held, universe, limit)
        attestation = Attestation(slack, 10 * TOLERANCE, problem.gap(best, solution))
        _insist(position, attestation)
        return Weights(position, weights, 1.0 - float(weights.sum()), status, attestation)

    def _check_feasible(self, position: int, universe: Bools) -> None:
        """Say at which row the limits contradict one another, if they do."""
        try:
            check_feasible(self.constraints, self.assets, universe)
        except InfeasibleError as error:
            raise InfeasibleError(f"row {position}: {error}", error.limits) from error

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

    def _slack(
        self, weights: Floats, held: Floats, universe: Bools, turnover: float | None
    ) -> dict[str, float]:
        """Measure every limit from the weights alone."""
        slack = {
            limit.name: float((limit.bounds - limit.rows @ weights[universe]).min())
            for limit in limits_on(self.constraints, self.assets, universe)
        }
        if turnover is not None:
            slack[f"turnover at most {turnover:.4g}"] = turnover - float(np.abs(weights - held).sum())
        return slack


def _insist(position: int, attestation: Attestation) -> None:
    """Refuse an answer that its own evidence contradicts."""
    if not attestation.holds:
        worst = min(attestation.slack, key=lambda name: attestation.slack[name])
        raise SolverError(
            f"row {position}: the answer breaks the limit {worst!r} by {-attestation.slack[worst]:.3g}"
        )
    if not attestation.gap <= OPTIMAL:
        raise SolverError(
            f"row {position}: the answer may be {attestation.gap:.3g} of the objective's size from the best one, "
            f"more than {OPTIMAL:g}"
        )


def _check(
    position: int, assets: Sequence[str], mu: Floats, sigma: Floats, held: Floats, universe: Bools
) -> None:
    """Refuse inputs that have no answer, naming what is wrong."""
    n = len(assets)
    for what, array, shape in (
        ("expected returns", mu, (n,)),
        ("covariance", sigma, (n, n)),
        ("weights held", held, (n,)),
        ("universe", universe, (n,)),
    ):
        if array.shape != shape:
            raise InputError(f"row {position}: {what} has shape {array.shape}, expected {shape}")
    inside = np.flatnonzero(universe)
    if not len(inside):
        raise InputError(f"row {position}: the universe is empty")
    S = sigma[np.ix_(inside, inside)]
    for what, numbers, owners in (
        ("expected return", mu[inside], inside),
        ("weight held", held, np.arange(n)),
    ):
        bad = np.flatnonzero(~np.isfinite(numbers))
        if len(bad):
            raise InputError(f"row {position}: the {what} of {assets[owners[bad[0]]]!r} is {numbers[bad[0]]}")
    bad = np.flatnonzero(~np.isfinite(S).all(axis=1))
    if len(bad):
        raise InputError(f"row {position}: the covariance of {assets[inside[bad[0]]]!r} is not finite")
    if float(np.abs(S - S.T).max()) > 1e-9 * float(np.abs(S).max()):
        raise InputError(f"row {position}: the covariance is not symmetric")
    try:
        np.linalg.cholesky(S + 1e-9 * max(float(np.trace(S)) / len(S), 1e-300) * np.eye(len(S)))
    except np.linalg.LinAlgError as error:
        smallest = float(np.linalg.eigvalsh(S)[0])
        raise InputError(
            f"row {position}: the covariance is not positive semidefinite (smallest eigenvalue {smallest:.3g})"
        ) from error


def _tidy(w: Floats, problem: Quadratic) -> Floats:
    """Undo what an interior-point solution leaves: crumbs beside a bound or beside no trade, and a sum a hair off.

    Among many assets crumbs add up: fewer are swept away where that would break a limit on their sum.
    """
    for crumb in (TOLERANCE, TOLERANCE / 100):
        tidy = _swept(w, problem, crumb)
        if problem.excess(tidy) <= TOLERANCE:
            return tidy
    return np.clip(w, problem.low, problem.high)


def _swept(w: Floats, problem: Quadratic, crumb: float) -> Floats:
    """Move weights onto the bound or the weight held that lies within `crumb`, and restore the budget."""
    low, high = problem.low, problem.high
    w = np.clip(w, low, high)
    for place in (low, high, problem.start):
        w = np.where(np.abs(w - place) < crumb, place, w)
    total = float(w.sum())
    missing = float(np.clip(total, problem.lower[0], problem.upper[0])) - total
    # What is less is the rounding of the sum itself, and no reason to trade.
    if abs(missing) > 1e-15 * len(w):
        room = (high - w) if missing > 0 else (w - low)
        # Assets at a bound stay there; the others share what is missing by the room they have.
        room = np.where((w > low) & (w < high), room, 0.0)
        if room.sum() <= abs(missing):
            room = (high - w) if missing > 0 else (w - low)
        if room.sum() > 0:
            w = np.clip(w + missing * room / room.sum(), low, high)
    return np.asarray(w)
