"""Allocator: what every way to choose weights has in common."""

from __future__ import annotations

from typing import Protocol

from allocation.covariance_types import Risk
from allocation.weights import Weights
from foundation.types import Bools, Floats


class Allocator(Protocol):
    """Choose weights for one decision, from what is expected, what is risky and what is held."""

    assets: tuple[str, ...]

    def solve(
        self, position: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools, *, trusted: bool = False
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
        trusted : bool
            The covariance is known to be finite, symmetric and positive semidefinite among the assets of the universe,
            as those of a sound `CovariancePath` are, and need not be looked at: that can take longer than the solution.

        Raises
        ------
        AllocationError
            If there are no such weights; the message says why.
        """
