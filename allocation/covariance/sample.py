"""Sample covariances: of equal rows, and of rows that fade. The plain ones, which shrinkage improves on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from allocation.covariance.estimator import MomentEstimator
from allocation.covariance.moments import Moments
from allocation.errors import InputError
from foundation.types import Floats


@dataclass(frozen=True)
class SampleCovariance(MomentEstimator):
    """The sample covariance, with the number of rows as its divisor (maximum likelihood).

    It is singular when there are no more rows than assets.
    """

    semidefinite: ClassVar[bool] = True

    def from_moments(self, moments: Moments) -> Floats:
        """Return the covariance (N, N)."""
        return moments.to_definite()


@dataclass(frozen=True)
class Ewma(MomentEstimator):
    """Exponentially weighted covariance about the exponentially weighted mean.

    The divisor is the sum of the weights: pandas' `ewm(halflife=..., adjust=True).cov(bias=True)` on the window.
    Expect it to be near singular where the assets are many beside 3 half-lives: it holds no more rows than that.

    Parameters
    ----------
    half_life : float
        Rows after which a row counts half.

    Raises
    ------
    InputError
        If the half-life is not a positive number.
    """

    semidefinite: ClassVar[bool] = True

    half_life: float = 60.0

    def __post_init__(self) -> None:
        """Check the half-life."""
        if not 0 < self.half_life < float("inf"):
            raise InputError(f"half_life {self.half_life}: expected a positive number of rows")

    @property
    def decay(self) -> float:
        """Half-lives that a row ages by in each period."""
        return 1.0 / self.half_life

    def from_moments(self, moments: Moments) -> Floats:
        """Return the covariance (N, N)."""
        return moments.to_definite()
