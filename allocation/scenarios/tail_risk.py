"""Conditional value at risk: the mean of the worst returns, minimised or traded against the mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from allocation.errors import InputError, SolverError
from allocation.input_alignment import align_columns
from allocation.problem.constraints import Constraints
from allocation.problem.decision_inputs import DecisionInputs, Optimum
from allocation.problem.polytope import Polytope
from allocation.problem.polytope_allocator import PolytopeAllocator
from allocation.scenarios.windows import Scenarios
from foundation.types import Floats

_OPTIMAL = 1e-7
"""Largest duality gap of an answer that is handed out, as a share of the largest mean or loss."""


def _conditional_value_at_risk(losses: Floats, level: float) -> float:
    """Return the mean of the worst 1 - level of equally likely losses, a scenario at the edge counted in part.

    Parameters
    ----------
    losses : ndarray of shape (T,)
    level : float
        Between 0 and 1.

    Notes
    -----
    Rockafellar and Uryasev (2002), *Journal of Banking and Finance* 26, 1443-1471, equation (25).
    """
    worst = np.sort(losses)[::-1]
    count = (1 - level) * len(worst)
    whole = int(np.floor(count + 1e-9))
    part = max(count - whole, 0.0) * worst[whole] if whole < len(worst) else 0.0
    return float(worst[:whole].sum() + part) / count


class MeanCVaR(PolytopeAllocator):
    """Minimise the conditional value at risk of w, or maximise mu'w - gamma CVaR(w), within linear limits.

    The scenarios are the returns of a window that ends at the row of the decision: nothing later is read.

    Parameters
    ----------
    assets : sequence of str, length N
    returns : ndarray of shape (T, N), or DataFrame with the assets as columns
        Simple returns in excess of cash, NaN where an asset is not listed.
    constraints : Constraints, optional
        All linear limits; none on turnover.
    window : int
        Rows that are the scenarios.
    at_least : int, optional
        Of them, how many must be there for all assets; see `Scenarios`.
    level : float
        Of confidence: at 0.95 the mean of the worst 5 percent counts.
    risk_aversion : float, optional
        gamma. Without it only the risk counts, and means are not read.

    Raises
    ------
    InputError
        If level or risk_aversion is out of range, or shapes do not fit.
    LimitError
        If there are other limits.

    Notes
    -----
    Rockafellar and Uryasev (2000), "Optimization of conditional value-at-risk", *Journal of Risk* 2, 21-41: a linear
    programme, solved by HiGHS.
    """

    tolerance = 1e-8
    largest_gap = _OPTIMAL

    def __init__(
        self,
        assets: Sequence[str],
        returns: Floats,
        constraints: Constraints | None = None,
        *,
        window: int,
        at_least: int | None = None,
        level: float = 0.95,
        risk_aversion: float | None = None,
    ) -> None:
        if not 0 < level < 1:
            raise InputError(f"level {level:g} must be between 0 and 1")
        if risk_aversion is not None and not (np.isfinite(risk_aversion) and risk_aversion > 0):
            raise InputError(f"risk_aversion {risk_aversion:g} must be finite and more than 0")
        super().__init__(assets, constraints)
        self.scenarios = Scenarios(
            self.assets, align_columns("returns", returns, self.assets), window, at_least
        )
        self.level = level
        self.risk_aversion = risk_aversion

    def optimise(self, inputs: DecisionInputs) -> Optimum:
        """Return the weights of the linear programme.

        Raises
        ------
        InputError
            If scenarios or means are missing.
        SolverError
            If the solver fails.
        """
        position, limits = inputs.position, inputs.limits
        scenarios = self.scenarios.at(position, inputs.inside)
        mean, gamma = np.zeros(len(inputs.inside)), self.risk_aversion or 1.0
        if self.risk_aversion is not None:
            mean = inputs.means()
        solution = _programme(scenarios, limits, mean, gamma, self.level)
        if solution is None:
            self.check_feasible(inputs)
            raise SolverError(f"row {position}: no weights were found though the limits can be met")
        w, chances = solution
        return Optimum(w, _gap(scenarios, limits, mean, gamma, self.level, w, chances))


def _stack_rows(scenarios: Floats, limits: Polytope) -> Any:
    """Return the coefficients of the limits on losses, then of those on sums of weights."""
    count = len(scenarios)
    excess = sparse.hstack(
        [sparse.csr_array(np.column_stack([-scenarios, -np.ones(count)])), -sparse.eye_array(count)]
    )
    both = np.vstack([limits.rows, -limits.rows])
    sums = sparse.hstack([sparse.csr_array(both), sparse.csr_array((len(both), count + 1))])
    return sparse.vstack([excess, sums], format="csr")


def _programme(
    scenarios: Floats, limits: Polytope, mean: Floats, gamma: float, level: float
) -> tuple[Floats, Floats] | None:
    """Return weights, and the probabilities of scenarios in the worst mean (multipliers); None if there are no weights.

    Variables are the weights, the value at risk, and by how much each scenario's loss exceeds it.
    """
    count, n = scenarios.shape
    # Returns of a minute are as small as tolerances: bring both parts of the objective to order 1.
    size = float(np.abs(scenarios).max()) or 1.0
    weight = max(gamma * size, float(np.abs(mean).max()))
    tail = gamma * size / weight
    answer = linprog(
        np.r_[-mean / weight, tail, np.full(count, tail / ((1 - level) * count))],
        A_ub=_stack_rows(scenarios / size, limits),
        b_ub=np.r_[np.zeros(count), limits.upper, -limits.lower],
        bounds=[*zip(limits.low, limits.high, strict=True), (None, None), *[(0, None)] * count],
        method="highs",
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    if answer.status != 0 or answer.x is None:
        return None
    chances = -np.asarray(answer.ineqlin.marginals)[:count] / tail
    return np.clip(answer.x[:n], limits.low, limits.high), chances


def _make_probabilities(chances: Floats, most: float) -> Floats:
    """Return probabilities of at most `most` whatever the solver gave; the bound may become loose but not wrong."""
    q = np.clip(chances, 0.0, most)
    total = q.sum()
    if total > 1:
        return np.asarray(q / total)
    return np.asarray(q + (most - q) * ((1 - total) / max(float((most - q).sum()), 1e-300)))


def _gap(
    scenarios: Floats,
    limits: Polytope,
    mean: Floats,
    gamma: float,
    level: float,
    w: Floats,
    chances: Floats,
) -> float:
    """Return how much better than `w` any weights can be at most, as a share of the largest mean or loss.

    CVaR is the largest mean loss over probabilities q of at most 1 / ((1 - level) T) each, so that any such q makes
    mu'z - gamma q'(-R z) at least the objective of any z: a linear function, whose best value limits bound.
    """
    q = _make_probabilities(chances, 1 / ((1 - level) * len(scenarios)))
    slope = mean + gamma * q @ scenarios
    here = float(mean @ w) - gamma * _conditional_value_at_risk(-scenarios @ w, level)
    scale = max(gamma * float(np.abs(scenarios).max()), float(np.abs(mean).max()), 1e-300)
    return (limits.bound_ascent(slope, w) + float(slope @ w) - here) / scale
