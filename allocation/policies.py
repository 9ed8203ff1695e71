"""Policies: what decides at each rebalance."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from allocation.errors import InputError
from allocation.mean_variance import MeanVariance
from allocation.risk import CovariancePath
from allocation.structure import dense
from allocation.weights import Attestation, Weights

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Policy(Protocol):
    """Decide at the close of a row, knowing the weights held there; None is no trade."""

    def __call__(self, position: int, held: Floats) -> Weights | None:
        """Return the target weights."""


class EqualWeight:
    """1/N over the eligible assets, at every rebalance (DeMiguel, Garlappi and Uppal, 2009)."""

    def __init__(self, covariances: CovariancePath) -> None:
        self.covariances = covariances

    def __call__(self, position: int, held: Floats) -> Weights:
        """Return equal weights."""
        _, eligible = self.covariances.at(position)
        if not eligible.any():
            raise InputError(f"row {position}: no asset is eligible")
        return Weights(position, eligible / eligible.sum(), 0.0, "fixed", Attestation({}, 0.0))


class BuyAndHold:
    """1/N over the assets eligible at the first decision, then no trade ever."""

    def __init__(self, covariances: CovariancePath) -> None:
        self.first = int(covariances.positions[0])
        self.once = EqualWeight(covariances)

    def __call__(self, position: int, held: Floats) -> Weights | None:
        """Return equal weights at the first decision, None after it."""
        return self.once(position, held) if position == self.first else None


class MinimumVariance:
    """The weights of smallest variance under the same limits, without regard to costs."""

    def __init__(self, solver: MeanVariance, covariances: CovariancePath) -> None:
        self.solver = MeanVariance(solver.assets, solver.constraints, risk_aversion=1.0)
        self.covariances = covariances

    def __call__(self, position: int, held: Floats) -> Weights:
        """Return the weights of smallest variance."""
        sigma, eligible = self.covariances.at(position)
        return self.solver.solve(position, np.zeros(len(held)), dense(sigma), held, eligible)


class MeanVariancePolicy:
    """Trade forecasts through `MeanVariance`.

    Parameters
    ----------
    solver : MeanVariance
    covariances : CovariancePath
    positions : ndarray of int, shape (D,)
        Rows at which the forecasts were made, increasing.
    mean : ndarray of shape (D, N)
        Expected excess return over the horizon of the covariances. An asset without one is not held.
    """

    def __init__(
        self, solver: MeanVariance, covariances: CovariancePath, positions: Ints, mean: Floats
    ) -> None:
        self.solver = solver
        self.covariances = covariances
        self.row = {int(position): row for row, position in enumerate(positions)}
        self.mean = mean

    def __call__(self, position: int, held: Floats) -> Weights:
        """Return the best weights by the forecast of this row."""
        if position not in self.row:
            raise InputError(f"row {position}: there is no forecast")
        sigma, eligible = self.covariances.at(position)
        mu = self.mean[self.row[position]]
        return self.solver.solve(position, mu, dense(sigma), held, eligible & np.isfinite(mu))
