"""Maximum Sharpe ratio within linear limits, also where no portfolio has a positive mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from allocation.asset_names import parse_names
from allocation.covariance_types import Risk
from allocation.decision_status import DecisionStatus
from allocation.errors import InfeasibleError, InputError, SolverError
from allocation.frontier.efficient_frontier import EfficientFrontier, efficient_frontier
from allocation.frontier.vertices import best_vertex
from allocation.input_alignment import align_inputs
from allocation.input_checks import check_covariance, check_means, describe_singularity, find_members
from allocation.problem.constraints import Constraints
from allocation.problem.feasibility import check_row_feasible
from allocation.problem.polytope import LINEAR, Polytope, check_supported, make_polytope
from allocation.weights import OptimalityCertificate, Weights
from foundation.types import Bools, Floats

OPTIMAL = 1e-7
"""Largest gap of an answer that is handed out, as a share of the ratio."""
NOTHING = 1e-14
"""A smaller weight or sum of weights limits no multiple."""
BROKEN = 1e-8
"""How far a limit may be missed in weight."""


class MaximumSharpe:
    """Maximise mu'w / sqrt(w'Sigma w) over the weights w that keep the limits.

    Three cases, told apart by the largest mean that a portfolio within the limits can have:

    - Positive: the tangency portfolio of the exact frontier (`allocation.frontier.critical_line`). The gap is the
      largest directional derivative of the logarithm of the ratio: 0 at the maximum, as the ratio is
      quasi-concave there.
      Where cash is allowed, all multiples of these weights have the same ratio: the largest one that the limits allow
      is held, so cash is what the limits on weights leave over.
    - 0 or less, and holding nothing is allowed: all cash, the ratio 0. The note says so. With the largest mean
      exactly 0 and no cash, the portfolio of least variance among those of mean 0.
    - Negative, and something must be held: now the ratio is quasi-convex, so its maximum is at a vertex of the limits;
      under a budget and bounds all vertices are tried (with a maximum weight of 1: the single assets). Where there are
      too many, or other limits, a local search over vertices answers, and the status is `UNPROVEN`. The gap is NaN.
      Such a ratio prefers risk, since it spreads a certain loss thinner: that is what is asked.

    Parameters
    ----------
    assets : sequence of str, length N
    constraints : Constraints, optional
        All linear limits; none on turnover.

    Raises
    ------
    LimitError
        If there are other limits.

    Notes
    -----
    Sharpe (1966); Stoyanov, Rachev and Fabozzi (2007), "Optimal financial portfolios", on ratios of quasi-concave kind.
    """

    def __init__(self, assets: Sequence[str], constraints: Constraints | None = None) -> None:
        self.assets = parse_names("assets", assets)
        self.constraints = constraints or Constraints()
        check_supported(LINEAR, self.constraints, type(self).__name__)
        self.limits = make_polytope(self.constraints, self.assets)

    @align_inputs
    def solve(
        self,
        position: int,
        mu: Floats,
        sigma: Risk,
        held: Floats | None,
        universe: Bools,
        *,
        validate: bool = True,
    ) -> Weights:
        """Return the weights; `held` is not read, the other parameters are those of `Allocator.solve`.

        Raises
        ------
        InputError
            If means or the covariance are unusable, or a portfolio without risk has a positive mean.
        InfeasibleError
            If the limits contradict one another.
        SolverError
            If the answer is not the best one by its own evidence.
        """
        inside = find_members(position, self.assets, universe)
        inner_mu = check_means(position, self.assets, mu, inside)
        inner = check_covariance(position, self.assets, sigma, inside, validate)
        limits = self.limits.select_assets(inside)
        try:
            frontier = efficient_frontier(inner_mu, inner, limits, validate=False)
        except InfeasibleError:
            check_row_feasible(position, self.constraints, self.assets, universe)
            raise
        except SolverError as error:
            why = f"{error}; {describe_singularity(inner)}" if describe_singularity(inner) else str(error)
            raise SolverError(f"row {position}: {why}") from error
        try:
            best, gap, status, note = _best(frontier, limits)
        except InputError as error:
            raise InputError(f"row {position}: {error}") from error
        weights = np.zeros(len(self.assets))
        weights[inside] = best
        certificate = OptimalityCertificate(limits.slack(best), BROKEN, gap)
        if not certificate.holds or gap > OPTIMAL:
            if describe_singularity(inner):
                raise InputError(
                    f"row {position}: no largest ratio to risk was found: {describe_singularity(inner)}"
                )
            raise SolverError(
                f"row {position}: the ratio may be {gap:.3g} of itself from the best, or a limit is broken by "
                f"{-min(certificate.slack.values()):.3g}"
            )
        return Weights(position, weights, 1.0 - float(weights.sum()), status, certificate, note=note)


def largest_multiple(w: Floats, limits: Polytope) -> Floats:
    """Return the largest multiple of weights (n,) that keeps the limits, as the weights themselves do."""
    if limits.lower[0] == limits.upper[0] != 0:
        return w  # what is invested is given
    sums = limits.rows @ w
    sides = ((w, limits.high), (-w, -limits.low), (sums, limits.upper), (-sums, -limits.lower))
    most = min(
        float((bound[size > 0] / size[size > 0]).min(initial=np.inf))
        for size, bound in ((size * (np.abs(size) > NOTHING), bound) for size, bound in sides)
    )
    return np.clip(w * max(most, 1.0), limits.low, limits.high) if np.isfinite(most) else w


def _best(frontier: EfficientFrontier, limits: Polytope) -> tuple[Floats, float, DecisionStatus, str]:
    """Return weights, gap, status and note."""
    solved = DecisionStatus.SOLVED
    mu, sigma, top = frontier.mu, frontier.sigma, float(frontier.mean[0])
    if top > 0:
        w = largest_multiple(frontier.tangency(), limits)
        pull = sigma @ w
        return w, limits.bound_ascent(mu / float(mu @ w) - pull / float(w @ pull), w), solved, ""
    nothing = np.zeros(len(mu))
    if min(limits.slack(nothing).values()) >= 0:
        return nothing, 0.0, solved, "all cash: no portfolio within the limits has a positive mean"
    if top == 0:
        w = np.array(frontier.weights[0])
        return (
            w,
            limits.bound_ascent(mu, w),
            solved,
            "ratio 0: no portfolio within the limits has a positive mean",
        )
    w, exact = best_vertex(mu, sigma, limits)
    note = "every portfolio within the limits has a negative mean: the vertex of largest ratio"
    if exact:
        return w, float("nan"), solved, note
    note += " that a local search found, not proven to be the best"
    return w, float("nan"), solved | DecisionStatus.UNPROVEN, note
