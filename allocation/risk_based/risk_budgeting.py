"""Risk budgeting: each asset contributes its share of the risk; risk parity is the case of equal shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from allocation.asset_names import align_values
from allocation.covariance_checks import describe_singularity
from allocation.covariance_types import Risk
from allocation.errors import InputError, LimitError, SolverError
from allocation.problem.constraints import Constraints
from allocation.problem.decision_inputs import DecisionInputs, Optimum
from allocation.problem.polytope import BOUNDS, TOLERANCE
from allocation.problem.polytope_allocator import PolytopeAllocator
from allocation.risk_based.budget_solver import ERROR, solve_bounded, solve_unbounded
from foundation.types import Bools, Floats


class RiskBudgeting(PolytopeAllocator):
    """Choose long weights whose shares of risk, w_i (Sigma w)_i / w'Sigma w, are the budgets b_i.

    Without bounds that bind, the weights are those of the minimiser of x'Sigma x / 2 - sum b_i log x_i, made to sum to
    what is invested, as much as the limits on cash and the maximum weights allow: they exist and are unique for any
    positive definite covariance.

    With bounds, the weights are those of the minimiser of x'Sigma x / 2 - price sum b_i log x_i within them, at a
    price at which it sums to what is invested. That means: assets between their bounds have contributions w_i
    (Sigma w)_i in the proportions of their budgets, price b_i; an asset at its maximum contributes less than that, an
    asset at its minimum more.

    Parameters
    ----------
    assets : sequence of str, length N
    constraints : Constraints, optional
        Bounds of assets (a negative minimum has no effect: the problem is long) and of cash.
    budgets : mapping or Series by asset, optional
        0 or more, of any sum; 0 excludes an asset. Equal budgets if it is left out. Among the assets of a
        universe budgets keep their proportions.

    Raises
    ------
    InputError
        If budgets are no such numbers, or do not name each asset.
    LimitError
        If there are other limits, or an asset without a budget must be held.

    Notes
    -----
    Maillard, Roncalli and Teiletche (2010), *Journal of Portfolio Management* 36(4), 60-70; Spinu (2013); with
    bounds Richard and Roncalli (2019), "Constrained risk budgeting portfolios", section 2.2.
    """

    supported = BOUNDS

    def __init__(
        self,
        assets: Sequence[str],
        constraints: Constraints | None = None,
        *,
        budgets: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(assets, constraints)
        self.budgets = _budgets(self.assets, budgets)
        forced = np.flatnonzero((self.budgets == 0) & (self.limits.low > 0))
        if len(forced):
            raise LimitError(
                f"{self.assets[forced[0]]!r} has no budget of risk but a minimum weight of "
                f"{self.limits.low[forced[0]]:g}"
            )

    def select_universe(self, universe: Bools) -> Bools:
        """Return the assets of the universe that have a budget."""
        return universe & (self.budgets > 0)

    def optimise(self, inputs: DecisionInputs) -> Optimum:
        """Return the weights whose shares of risk are the budgets.

        Raises
        ------
        InfeasibleError
            If the bounds admit no price of risk.
        SolverError
            If shares are not within `ERROR` of what they should be, as for a covariance that is not positive
            definite.
        """
        sigma = inputs.covariance()
        try:
            return self._weigh(inputs, sigma)
        except SolverError as failure:
            why = describe_singularity(sigma)
            if not why:
                raise
            raise InputError(
                f"row {inputs.position}: no weights with these shares of risk were found: {why}"
            ) from failure

    def _weigh(self, inputs: DecisionInputs, sigma: Risk) -> Optimum:
        """Return the weights, without bounds where none binds."""
        c, position = self.constraints, inputs.position
        budgets = self.budgets[inputs.inside] / self.budgets[inputs.inside].sum()
        low, high = np.maximum(inputs.limits.low, 0.0), inputs.limits.high
        invested = max(min(1.0 - c.cash_minimum, float(high.sum())), 1.0 - c.cash_maximum)
        weights = solve_unbounded(sigma, budgets, invested)
        if weights is None or bool((weights < low).any() or (weights > high).any()):
            if weights is None or low.sum() > invested + TOLERANCE or high.sum() < invested - TOLERANCE:
                self.check_feasible(inputs)
            weights = solve_bounded(position, sigma, budgets, invested, low, high)
        error, gap = _evidence(sigma, budgets, weights, low, high)
        if not error <= ERROR:
            raise SolverError(
                f"row {position}: shares of risk miss their budgets by {error:.3g}, more than {ERROR:g}"
            )
        return Optimum(weights, gap, {"shares of risk": ERROR - error})


def _budgets(assets: tuple[str, ...], budgets: Mapping[str, float] | None) -> Floats:
    """Return the budgets as an array of sum 1."""
    if budgets is None:
        return np.full(len(assets), 1.0 / len(assets))
    array = align_values("budgets", budgets, assets)
    if not (np.isfinite(array).all() and (array >= 0).all() and array.sum() > 0):
        raise InputError(f"budgets must be finite, 0 or more and not all 0, not {list(array)}")
    return np.asarray(array / array.sum())


def _evidence(sigma: Risk, budgets: Floats, w: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """Return the largest error of a share of risk, and the duality gap as a share of the variance.

    The objective is convex: it lies above its tangent, whose minimum within the bounds is one comparison per asset.
    """
    pull = sigma @ w
    contribution = w * pull
    variance = float(contribution.sum())
    above, below = w > low, w < high
    price = _price(contribution, budgets, above & below, above & ~below, below & ~above, variance)
    apart = (contribution - price * budgets) / variance
    # At its maximum an asset may contribute less, at its minimum more, and where these are one there is no choice.
    error = np.where(above, np.where(below, np.abs(apart), apart), np.where(below, -apart, 0.0))
    slope = pull - price * budgets / w
    gap = float(np.maximum(slope * (w - low), slope * (w - high)).sum()) / variance
    return max(float(error.max()), 0.0), gap


def _price(
    contribution: Floats, budgets: Floats, free: Bools, top: Bools, bottom: Bools, variance: float
) -> float:
    """Return the contribution to risk that a budget of 1 stands for."""
    if free.any():
        return float(contribution[free].sum() / budgets[free].sum())
    # At a corner it may be anything between what holds back the assets at their maximum and the others.
    if top.any():
        return float((contribution[top] / budgets[top]).max())
    return float((contribution[bottom] / budgets[bottom]).min()) if bottom.any() else variance
