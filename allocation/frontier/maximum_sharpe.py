"""Maximum Sharpe ratio within linear limits, also where no portfolio has a positive mean."""

from __future__ import annotations

import numpy as np

from allocation.covariance_checks import describe_singularity
from allocation.covariance_types import Risk
from allocation.decision_status import DecisionStatus
from allocation.errors import InputError, SolverError
from allocation.frontier.efficient_frontier import EfficientFrontier
from allocation.frontier.frontier_path import efficient_frontier
from allocation.frontier.vertices import best_vertex
from allocation.problem.decision_inputs import DecisionInputs, Optimum
from allocation.problem.polytope import Polytope
from allocation.problem.polytope_allocator import PolytopeAllocator
from allocation.weights import OptimalityCertificate
from foundation.types import Floats

_OPTIMAL = 1e-7
"""Largest gap of an answer that is handed out, as a share of the ratio."""
_NOTHING = 1e-14
"""A smaller weight or sum of weights limits no multiple."""
_BROKEN = 1e-8
"""How far a limit may be missed in weight."""


class MaximumSharpe(PolytopeAllocator):
    """Maximise mu'w / sqrt(w'Sigma w) over the weights w that keep the limits.

    Three cases, by the largest mean that a portfolio within the limits can have:

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

    tolerance = _BROKEN

    def optimise(self, inputs: DecisionInputs) -> Optimum:
        """Return the weights of the largest ratio.

        Raises
        ------
        InputError
            If a portfolio without risk has a positive mean.
        SolverError
            If the frontier is not found.
        """
        sigma = inputs.covariance()
        mu = self.expected_returns(inputs, sigma)
        try:
            frontier = efficient_frontier(mu, sigma, inputs.limits, validate=False)
        except SolverError as error:
            why = describe_singularity(sigma)
            message = f"row {inputs.position}: {error}; {why}" if why else f"row {inputs.position}: {error}"
            raise SolverError(message) from error
        try:
            return _best(frontier, inputs.limits)
        except InputError as error:
            raise InputError(f"row {inputs.position}: {error}") from error

    def expected_returns(self, inputs: DecisionInputs, sigma: Risk) -> Floats:
        """Return the numerators of the ratio by asset, shape (n,)."""
        return inputs.means()

    def check_certificate(self, inputs: DecisionInputs, certificate: OptimalityCertificate) -> None:
        """Refuse an answer that breaks a limit or has too large a gap.

        Raises
        ------
        InputError
            If the covariance is singular.
        SolverError
        """
        if certificate.holds and not certificate.gap > _OPTIMAL:
            return
        why = describe_singularity(inputs.covariance())
        if why:
            raise InputError(f"row {inputs.position}: no largest ratio to risk was found: {why}")
        raise SolverError(
            f"row {inputs.position}: the ratio may be {certificate.gap:.3g} of itself from the best, or a limit is "
            f"broken by {-min(certificate.slack.values()):.3g}"
        )


def _largest_multiple(w: Floats, limits: Polytope) -> Floats:
    """Return the largest multiple of weights (n,) that keeps the limits, as the weights themselves do."""
    if limits.lower[0] == limits.upper[0] != 0:
        return w  # what is invested is given
    sums = limits.rows @ w
    sides = ((w, limits.high), (-w, -limits.low), (sums, limits.upper), (-sums, -limits.lower))
    most = min(
        float((bound[size > 0] / size[size > 0]).min(initial=np.inf))
        for size, bound in ((size * (np.abs(size) > _NOTHING), bound) for size, bound in sides)
    )
    return np.clip(w * max(most, 1.0), limits.low, limits.high) if np.isfinite(most) else w


def _best(frontier: EfficientFrontier, limits: Polytope) -> Optimum:
    """Return the portfolio of largest ratio, for the sign that the largest mean has."""
    mu, sigma, top = frontier.mu, frontier.sigma, float(frontier.mean[0])
    if top > 0:
        w = _largest_multiple(frontier.tangency(), limits)
        pull = sigma @ w
        return Optimum(w, limits.bound_ascent(mu / float(mu @ w) - pull / float(w @ pull), w))
    nothing = np.zeros(len(mu))
    if min(limits.slack(nothing).values()) >= 0:
        return Optimum(nothing, 0.0, note="all cash: no portfolio within the limits has a positive mean")
    if top == 0:
        w = np.array(frontier.weights[0])
        note = "ratio 0: no portfolio within the limits has a positive mean"
        return Optimum(w, limits.bound_ascent(mu, w), note=note)
    w, exact = best_vertex(mu, sigma, limits)
    note = "every portfolio within the limits has a negative mean: the vertex of largest ratio"
    if exact:
        return Optimum(w, note=note)
    note += " that a local search found, not proven to be the best"
    return Optimum(w, status=DecisionStatus.SOLVED | DecisionStatus.UNPROVEN, note=note)
