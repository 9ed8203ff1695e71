"""PolytopeAllocator: base class of the allocators within linear limits, which differ only in their optimisation."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from allocation.asset_names import parse_names
from allocation.covariance_types import Risk
from allocation.errors import InfeasibleError, SolverError
from allocation.input_alignment import align_inputs
from allocation.input_checks import find_members
from allocation.problem.constraints import Constraints
from allocation.problem.decision_inputs import DecisionInputs, Optimum
from allocation.problem.feasibility import check_row_feasible
from allocation.problem.polytope import LINEAR, TOLERANCE, check_supported, make_polytope
from allocation.weights import OptimalityCertificate, Weights
from foundation.types import Bools, Floats


class PolytopeAllocator(ABC):
    """Choose weights within linear limits. Subclasses implement `optimise`.

    Parameters
    ----------
    assets : sequence of str, length N
    constraints : Constraints, optional
        Those named in `supported`.

    Attributes
    ----------
    supported : tuple of str
        Fields of `Constraints` that the allocator obeys.
    tolerance : float
        Largest violation of a limit in weight.
    largest_gap : float
        Largest gap of an answer that is returned; infinite where the gap is not checked.

    Raises
    ------
    LimitError
        If there are other limits.
    """

    supported: ClassVar[tuple[str, ...]] = LINEAR
    tolerance: ClassVar[float] = TOLERANCE
    largest_gap: ClassVar[float] = math.inf

    def __init__(self, assets: Sequence[str], constraints: Constraints | None = None) -> None:
        self.assets = parse_names("assets", assets)
        self.constraints = constraints or Constraints()
        check_supported(self.supported, self.constraints, type(self).__name__)
        self.limits = make_polytope(self.constraints, self.assets)

    @align_inputs
    def solve(
        self,
        position: int,
        mu: Floats | None,
        sigma: Risk | None,
        held: Floats | None,
        universe: Bools,
        *,
        validate: bool = True,
    ) -> Weights:
        """Return the weights; see `Allocator.solve`. `held` is not read, `mu` and `sigma` only where they matter.

        Raises
        ------
        InputError
            If an input that is read is unusable.
        InfeasibleError
            If the limits contradict one another.
        SolverError
            If there is an answer that the optimisation misses.
        """
        universe = self.select_universe(universe)
        inside = find_members(position, self.assets, universe)
        limits = self.limits.select_assets(inside)
        inputs = DecisionInputs(position, self.assets, universe, inside, limits, mu, sigma, validate)
        try:
            optimum = self.optimise(inputs)
        except InfeasibleError:
            self.check_feasible(inputs)
            raise
        weights = np.zeros(len(self.assets))
        weights[inside] = optimum.weights
        slack = limits.slack(optimum.weights)
        slack.update(optimum.slack)
        certificate = OptimalityCertificate(slack, self.tolerance, optimum.gap)
        self.check_certificate(inputs, certificate)
        cash = 1.0 - float(weights.sum())
        return Weights(position, weights, cash, optimum.status, certificate, note=optimum.note)

    @abstractmethod
    def optimise(self, inputs: DecisionInputs) -> Optimum:
        """Return the best weights within `inputs.limits`.

        Raises
        ------
        InfeasibleError
            If the limits cannot be met; `solve` names those in conflict.
        """

    def select_universe(self, universe: Bools) -> Bools:
        """Return the assets that may be held, shape (N,): those of the universe that the allocator can use."""
        return universe

    def check_feasible(self, inputs: DecisionInputs) -> None:
        """Raise an `InfeasibleError` that names the limits in conflict, if they are."""
        check_row_feasible(inputs.position, self.constraints, self.assets, inputs.universe)

    def check_certificate(self, inputs: DecisionInputs, certificate: OptimalityCertificate) -> None:
        """Refuse an answer that breaks a limit or has too large a gap.

        Raises
        ------
        SolverError
        """
        if self.largest_gap < math.inf and not (certificate.holds and certificate.gap <= self.largest_gap):
            raise SolverError(
                f"row {inputs.position}: the answer breaks a limit, or may be {certificate.gap:.3g} from the best one"
            )
