"""The inputs of one decision within linear limits, and what its optimisation gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from allocation.covariance_checks import check_covariance
from allocation.covariance_types import Risk
from allocation.decision_status import DecisionStatus
from allocation.errors import InputError
from allocation.input_checks import check_means
from allocation.problem.polytope import Polytope
from foundation.types import Bools, Floats, Ints


@dataclass(eq=False, slots=True)
class DecisionInputs:
    """Inputs of one decision, and the limits on the n assets of its universe.

    Attributes
    ----------
    position : int
        Row of the decision.
    assets : tuple of str, length N
    universe : ndarray of bool, shape (N,)
    inside : ndarray of int, shape (n,)
        Indices of the universe.
    limits : Polytope
        On the n assets.
    mu, sigma : ndarray of shape (N,), Risk of N assets
        Checked when they are read, by `means` and `covariance`.
    validate : bool
        See `Allocator.solve`.
    """

    position: int
    assets: tuple[str, ...]
    universe: Bools
    inside: Ints
    limits: Polytope
    mu: Floats | None
    sigma: Risk | None
    validate: bool

    def means(self) -> Floats:
        """Return the expected returns of the universe, shape (n,).

        Raises
        ------
        InputError
            If there are none, or one of them is not finite.
        """
        if self.mu is None:
            raise InputError(f"row {self.position}: this allocator needs expected returns")
        return check_means(self.position, self.assets, self.mu, self.inside)

    def covariance(self) -> Risk:
        """Return the covariance of the universe, of n assets.

        Raises
        ------
        InputError
            If there is none, or it is unusable.
        """
        if self.sigma is None:
            raise InputError(f"row {self.position}: this allocator needs a covariance")
        return check_covariance(self.position, self.assets, self.sigma, self.inside, self.validate)


@dataclass(eq=False, slots=True)
class Optimum:
    """Result of an optimisation.

    Attributes
    ----------
    weights : ndarray of shape (n,)
        Of the universe.
    gap : float
        See `OptimalityCertificate`.
    slack : mapping of str to float
        Of limits beside the linear ones.
    status : DecisionStatus
    note : str
    """

    weights: Floats
    gap: float = math.nan
    slack: Mapping[str, float] = field(default_factory=dict)
    status: DecisionStatus = DecisionStatus.SOLVED
    note: str = ""
