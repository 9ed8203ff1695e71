"""Covariances along a path of decisions: each from the window of rows that ends there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocation.covariance_types import FactorCovariance, Risk
from allocation.errors import InputError
from foundation.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class CovariancePath:
    """Covariances at each decision.

    Attributes
    ----------
    positions : ndarray of int, shape (D,)
        Rows of the panel, increasing.
    sigma : ndarray of shape (D, N, N), or tuple of D FactorCovariance of N assets
        Covariance of excess returns over one horizon; NaN for assets that are not eligible.
    eligible : ndarray of bool, shape (D, N)
        Assets that are listed, or whose market is closed, and have enough history.
    sound : bool
        Whether each covariance is known to be finite, symmetric and positive semidefinite among the eligible assets,
        as `covariance_path` sees to.
    closed : ndarray of bool, shape (D, N), optional
        Assets whose market is closed, eligible or not: they cannot be traded. None where no market ever is.
    """

    positions: Ints
    sigma: Floats | tuple[FactorCovariance, ...]
    eligible: Bools
    sound: bool = False
    closed: Bools | None = None

    def at(self, position: int) -> tuple[Risk, Bools]:
        """Return the covariance of all N assets and the eligible ones (N,) at a row of the panel.

        Raises
        ------
        InputError
            If nothing was estimated there.
        """
        index = self._index(position)
        return self.sigma[index], self.eligible[index]

    def closed_at(self, position: int) -> Bools | None:
        """Return the assets (N,) whose market is closed at a row of the panel, None if all are open."""
        if self.closed is None:
            return None
        closed = self.closed[self._index(position)]
        return closed if closed.any() else None

    def _index(self, position: int) -> int:
        index = int(self.positions.searchsorted(position))
        if index == len(self.positions) or self.positions[index] != position:
            raise InputError(f"no covariance was estimated at row {position}")
        return index


class CovarianceCollector:
    """Covariances of some of N assets, spread over all and scaled to the horizon as they come."""

    def __init__(self, n_decisions: int, n_assets: int, horizon: int, by_factors: bool) -> None:
        self.n_assets, self.horizon = n_assets, horizon
        self.missing = set(range(n_decisions))
        self.dense = None if by_factors else np.empty((n_decisions, n_assets, n_assets))
        none = FactorCovariance(np.full((n_assets, 0), np.nan), np.full(n_assets, np.nan))
        self.factors = [none] * n_decisions

    def places(self, some: Ints, inside: Ints) -> list[Floats] | None:
        """Return the matrices of some decisions, for estimates of all assets to be made in their place."""
        if self.dense is None or len(inside) < self.n_assets:
            return None
        return [self.dense[d] for d in some.tolist()]

    def put(self, d: int, inside: Ints, risk: Risk) -> None:
        """Take the covariance of one row of the assets inside at a decision."""
        self.missing.discard(d)
        if isinstance(risk, FactorCovariance):
            self.factors[d] = _spread(risk, inside, self.n_assets, self.horizon)
        elif self.dense is not None and len(inside) == self.n_assets:
            if self.horizon != 1 or not np.may_share_memory(risk, self.dense[d]):
                np.multiply(risk, self.horizon, out=self.dense[d])
        elif self.dense is not None:
            self.dense[d] = np.nan
            self.dense[d][np.ix_(inside, inside)] = risk * self.horizon

    def sigma(self) -> Floats | tuple[FactorCovariance, ...]:
        """Return all covariances over the horizon, as `CovariancePath` holds them."""
        if self.dense is None:
            return tuple(self.factors)
        self.dense[sorted(self.missing)] = np.nan
        return self.dense


def _spread(risk: FactorCovariance, inside: Ints, n_assets: int, horizon: int) -> FactorCovariance:
    loadings = np.full((n_assets, risk.loadings.shape[1]), np.nan)
    specific = np.full(n_assets, np.nan)
    loadings[inside] = risk.loadings * np.sqrt(horizon)
    specific[inside] = risk.specific * horizon
    return FactorCovariance(loadings, specific)
