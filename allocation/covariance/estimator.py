"""Estimator: what every covariance estimator has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from allocation.covariance.moments import Moments, window_moments
from allocation.covariance_types import Risk
from foundation.types import Floats


class Estimator(ABC):
    """Estimate a covariance from a window of returns. Parameters are in the constructor, nothing is remembered.

    Attributes
    ----------
    by_factors : bool
        Whether it returns a `FactorCovariance` instead of a matrix.
    semidefinite : bool
        Whether what it returns is positive semidefinite and symmetric by the way it is made, so that a path of its
        covariances need not check each.
    """

    by_factors: ClassVar[bool] = False
    semidefinite: ClassVar[bool] = False

    @abstractmethod
    def estimate(self, returns: Floats) -> Risk:
        """Return the covariance of one period's returns, positive semidefinite and symmetric to the bit.

        Parameters
        ----------
        returns : ndarray of shape (W, N)
            Oldest first; NaN where an asset has no return.

        Raises
        ------
        InputError
            If the returns are too few to say anything.
        """

    def select_rows(self, rows: slice) -> Estimator:
        """Return the estimator of a window of a panel: itself, unless it knows something of each row."""
        return self


class MomentEstimator(Estimator):
    """An estimator that asks a window for its second moments alone, so that a path of them can be updated."""

    @property
    def decay(self) -> float:
        """Half-lives that a row ages by in each period: 0 where all rows of a window count alike."""
        return 0.0

    def estimate(self, returns: Floats) -> Risk:
        """Return the covariance of one period's returns."""
        return self.from_moments(window_moments(returns, self._weights(len(returns))))

    @abstractmethod
    def from_moments(self, moments: Moments) -> Risk:
        """Return the covariance, from what a window says; the arrays of `moments` may be overwritten."""

    def _weights(self, n_rows: int) -> Floats | None:
        return np.exp2(-self.decay * np.arange(n_rows)[::-1]) if self.decay else None
