"""Hierarchical risk parity: a tree of assets by correlation, and risk split evenly down the tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist, squareform

from allocation.covariance_types import to_dense
from allocation.errors import InputError
from allocation.problem.constraints import Constraints
from allocation.problem.decision_inputs import DecisionInputs, Optimum
from allocation.problem.polytope import BOUNDS, TOLERANCE
from allocation.problem.polytope_allocator import PolytopeAllocator
from foundation.types import Floats, Ints

Linkage = Literal["single", "average", "complete", "ward"]
Distance = Literal["correlation", "profile"]


class HierarchicalRiskParity(PolytopeAllocator):
    """Order assets by a tree of their correlations, halve it over and over, and weigh halves by inverse variance.

    Weights are 0 or more and sum to what is invested by construction; the covariance need not be invertible. No
    objective is optimised, hence the gap is NaN.

    Bounds are kept by each split: a half gets at least what its minimum weights add up to and at most what its maximum
    weights do, and the other half the rest (Pfitzinger and Katzke, 2019). Where no bound binds the weights are those of
    the paper.

    Parameters
    ----------
    assets : sequence of str, length N
    constraints : Constraints, optional
        Bounds of assets (a negative minimum has no effect) and of cash, of which as little is held as they allow.
    linkage : {"single", "average", "complete", "ward"}
        How clusters are joined; the paper's is single.
    distance : {"correlation", "profile"}
        Between assets: sqrt((1 - rho) / 2), or, as in the paper, the Euclidean distance between two assets' columns of
        that matrix. Common libraries use the former.
    optimal_order : bool
        Whether branches of the tree are flipped so that neighbours in the order are as near as the tree allows
        (Bar-Joseph et al., 2001), as skfolio and Riskfolio-Lib do; the paper and PyPortfolioOpt leave them as they were
        joined.

    Raises
    ------
    InputError
        If linkage or distance is none of these.
    LimitError
        If there are other limits.

    Notes
    -----
    Lopez de Prado (2016), "Building diversified portfolios that outperform out of sample", *Journal of Portfolio
    Management* 42(4), 59-69. Pfitzinger and Katzke (2019), "A constrained hierarchical risk parity algorithm with
    cluster-based capital allocation", Stellenbosch Economic Working Papers 14/2019.
    """

    supported = BOUNDS

    def __init__(
        self,
        assets: Sequence[str],
        constraints: Constraints | None = None,
        *,
        linkage: Linkage = "single",
        distance: Distance = "correlation",
        optimal_order: bool = False,
    ) -> None:
        for what, value, choices in (
            ("linkage", linkage, get_args(Linkage)),
            ("distance", distance, get_args(Distance)),
        ):
            if value not in choices:
                raise InputError(f"{what} {value!r} is none of {', '.join(choices)}")
        super().__init__(assets, constraints)
        self.linkage = linkage
        self.distance = distance
        self.optimal_order = optimal_order

    def optimise(self, inputs: DecisionInputs) -> Optimum:
        """Return the weights of recursive bisection."""
        sigma, limits, c = to_dense(inputs.covariance()), inputs.limits, self.constraints
        low, high = np.maximum(limits.low, 0.0), limits.high
        invested = max(min(1.0 - c.cash_minimum, float(high.sum())), 1.0 - c.cash_maximum)
        if low.sum() > invested + TOLERANCE or high.sum() < invested - TOLERANCE:
            self.check_feasible(inputs)
        return Optimum(_bisect_weights(sigma, self._order(sigma), low, high, invested))

    def _order(self, sigma: Floats) -> Ints:
        """Return the assets as the leaves of the tree stand, shape (n,)."""
        if len(sigma) == 1:
            return np.zeros(1, dtype=np.int64)
        volatility = np.sqrt(sigma.diagonal())
        correlation = np.clip(sigma / np.outer(volatility, volatility), -1.0, 1.0)
        apart = np.sqrt(0.5 * (1.0 - correlation))
        np.fill_diagonal(apart, 0.0)
        # Condensed by hand from the upper triangle: a rounding error of symmetry is no reason to refuse.
        near = pdist(apart) if self.distance == "profile" else squareform(apart, checks=False)
        tree = linkage(near, method=self.linkage, optimal_ordering=self.optimal_order)
        return np.asarray(leaves_list(tree), dtype=np.int64)


def _bisect_weights(sigma: Floats, order: Ints, low: Floats, high: Floats, invested: float) -> Floats:
    """Return the weights of recursive bisection within bounds.

    Each stretch of the order is cut in the middle; the parts share its weight in inverse proportion to the variances
    that they would have with weights of inverse variance inside, as far as their bounds allow.

    Parameters
    ----------
    sigma : ndarray of shape (n, n)
    order : ndarray of int, shape (n,)
    low, high : ndarray of shape (n,)
        Bounds, 0 or more, between whose sums lies what is invested.
    invested : float
        Sum of the weights.
    """
    inverse = 1.0 / sigma.diagonal()
    ordered = sigma[np.ix_(order, order)]
    w, inverse = np.full(len(order), invested), inverse[order]
    least, most = (np.r_[0.0, np.cumsum(bound[order])] for bound in (low, high))
    stretches = [(0, len(order))]
    while stretches:
        first, last = stretches.pop()
        if last - first < 2:
            continue
        middle = first + (last - first) // 2
        left, right = (_variance(ordered, inverse, a, b) for a, b in ((first, middle), (middle, last)))
        total, ours = float(w[first]), right / (left + right)
        floor = max(least[middle] - least[first], total - (most[last] - most[middle]))
        ceiling = min(most[middle] - most[first], total - (least[last] - least[middle]))
        if floor <= total * ours <= ceiling:
            w[first:middle] *= ours
            w[middle:last] *= left / (left + right)
        else:
            part = min(max(total * ours, floor), ceiling)
            w[first:middle], w[middle:last] = part, total - part
        stretches += [(first, middle), (middle, last)]
    weights = np.empty(len(order))
    weights[order] = w
    return np.clip(weights, low, high)


def _variance(sigma: Floats, inverse: Floats, first: int, last: int) -> float:
    """Return the variance of a stretch at weights of inverse variance."""
    inner = inverse[first:last] / inverse[first:last].sum()
    return float(inner @ sigma[first:last, first:last] @ inner)
