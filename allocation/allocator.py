"""Allocator: the interface of everything that chooses weights."""

from __future__ import annotations

from typing import Protocol

from allocation.covariance_types import Risk
from allocation.weights import Weights
from foundation.types import Bools, Floats


class Allocator(Protocol):
    """Choose weights for one decision from expected returns, a covariance and the weights held."""

    assets: tuple[str, ...]

    def solve(
        self, position: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools, *, validate: bool = True
    ) -> Weights:
        """Return the weights.

        Parameters
        ----------
        position : int
            Row of the decision, for the record and for messages.
        mu : ndarray of shape (N,)
            Expected excess return over one horizon. Allocators that look at risk alone do not read it.
        sigma : Risk
            Covariance over the same horizon, of all N assets; NaN outside the universe is not read.
        held : ndarray of shape (N,)
            Weights before the trade.
        universe : ndarray of bool, shape (N,)
            Assets that may be held.
        validate : bool
            Whether to check that the covariance is finite, symmetric and positive semidefinite among the assets of the
            universe. The check can take longer than the solution; skip it for a sound `CovariancePath`.

        Raises
        ------
        AllocationError
            If there are no such weights; the message says why.
        """
