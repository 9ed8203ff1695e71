"""Hierarchical risk parity: a tree of assets by correlation, and risk split evenly down the tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist, squareform

from allocation.decision_status import DecisionStatus
from allocation.errors import InputError
from allocation.inputs import covariance, members
from allocation.structure import Risk, dense
from allocation.weights import Attestation, Weights

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

Linkage = Literal["single", "average", "complete", "ward"]
Distance = Literal["correlation", "profile"]


class HierarchicalRiskParity:
    """Order assets by a tree of their correlations, halve it over and over, and weigh halves by inverse variance.

    Weights are positive and sum to 1 by construction; the covariance need not be invertible. No objective is
    optimised, hence no limits are taken and the gap is NaN.

    Parameters
    ----------
    assets : sequence of str, length N
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

    Notes
    -----
    Lopez de Prado (2016), "Building diversified portfolios that outperform out of sample", *Journal of Portfolio
    Management* 42(4), 59-69.
    """

    def __init__(
        self,
        assets: Sequence[str],
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
        self.assets = tuple(assets)
        self.linkage = linkage
        self.distance = distance
        self.optimal_order = optimal_order

    def solve(
        self,
        position: int,
        mu: Floats | None,
        sigma: Risk,
        held: Floats | None,
        universe: Bools,
        *,
        trusted: bool = False,
    ) -> Weights:
        """Return the weights; `mu` and `held` are not read, the other parameters are those of `Allocator.solve`.

        Raises
        ------
        InputError
            If the covariance is unusable.
        """
        inside = members(position, self.assets, universe)
        inner = dense(covariance(position, self.assets, sigma, inside, trusted))
        weights = np.zeros(len(self.assets))
        weights[inside] = split(inner, self._order(inner))
        total = float(weights.sum())
        slack = {"minimum weight": float(weights.min()), "fully invested": -abs(1.0 - total)}
        return Weights(position, weights, 1.0 - total, DecisionStatus.SOLVED, Attestation(slack, 1e-12))

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


def split(sigma: Floats, order: Ints) -> Floats:
    """Return the weights of recursive bisection.

    Each stretch of the order is cut in the middle; the parts share its weight in inverse proportion to the variances
    that they would have with weights of inverse variance inside.

    Parameters
    ----------
    sigma : ndarray of shape (n, n)
    order : ndarray of int, shape (n,)
    """
    inverse = 1.0 / sigma.diagonal()
    ordered = sigma[np.ix_(order, order)]
    w, inverse = np.ones(len(order)), inverse[order]
    stretches = [(0, len(order))]
    while stretches:
        first, last = stretches.pop()
        if last - first < 2:
            continue
        middle = first + (last - first) // 2
        left, right = (_variance(ordered, inverse, a, b) for a, b in ((first, middle), (middle, last)))
        w[first:middle] *= right / (left + right)
        w[middle:last] *= left / (left + right)
        stretches += [(first, middle), (middle, last)]
    weights = np.empty(len(order))
    weights[order] = w
    return weights


def _variance(sigma: Floats, inverse: Floats, first: int, last: int) -> float:
    """Return the variance of a stretch at weights of inverse variance."""
    inner = inverse[first:last] / inverse[first:last].sum()
    return float(inner @ sigma[first:last, first:last] @ inner)
