"""AllocatorWrapper: base class of the allocators that change the inputs of another one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import Self

from allocation.allocator import Allocator
from allocation.covariance_types import Risk
from allocation.input_alignment import align_inputs
from allocation.problem.closed_markets import fix_weights
from allocation.weights import Weights
from foundation.types import Bools, Floats


class AllocatorWrapper(ABC):
    """Change the inputs of an inner allocator. Subclasses implement `solve_inner`.

    Parameters
    ----------
    inner : Allocator
    """

    def __init__(self, inner: Allocator) -> None:
        self.inner = inner
        self.assets = inner.assets

    def with_fixed(self, weights: Mapping[str, float]) -> Self:
        """Return the same allocator with the weights of some assets fixed, if the inner one can fix them."""
        fixed = copy(self)
        fixed.inner = fix_weights(self.inner, weights)
        return fixed

    @align_inputs
    def solve(
        self, position: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools, *, validate: bool = True
    ) -> Weights:
        """Return the weights; see `Allocator.solve`."""
        return self.solve_inner(position, mu, sigma, held, universe, validate)

    @abstractmethod
    def solve_inner(
        self, position: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools, validate: bool
    ) -> Weights:
        """Return the inner allocator's weights for changed inputs; parameters as of `Allocator.solve`."""
