"""The mean-variance allocators of a run, built from its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from allocation.allocator import Allocator
from allocation.cardinality.allocator import Cardinality
from allocation.esg.allocator import EsgAllocator
from allocation.mean_variance.allocator import MeanVariance
from allocation.mean_variance.relaxed_allocator import RelaxedAllocator
from allocation.policies.policy import HoldIfInfeasible, Policy
from allocation.problem.constraints import Constraints
from foundation.types import Floats
from market.panel import Panel
from pipeline.settings.trading import TradingSettings


@dataclass(frozen=True)
class RunAllocators:
    """Mean-variance allocators, and their fallback if limits cannot be met.

    Attributes
    ----------
    panel : Panel
    settings : TradingSettings
    """

    panel: Panel
    settings: TradingSettings

    @property
    def constraints(self) -> Constraints:
        """The limits of the run, over one holding period."""
        return self.settings.allocation.constraints(self.years)

    @property
    def years(self) -> float:
        """Length of one holding period."""
        return self.settings.horizon / self.panel.periods_per_year

    def build(
        self,
        constraints: Constraints,
        risk_aversion: float | None = None,
        cost: float | None = None,
        *,
        tilt: bool = True,
        l2_penalty: float = 0.0,
    ) -> Allocator:
        """Return the allocator under the given limits.

        Parameters
        ----------
        constraints : Constraints
        risk_aversion : float, optional
            The run's value by default.
        cost : float, optional
            Proportional cost of a trade. By default the costs of the run, including impact.
        tilt : bool
            Whether scores tilt expected returns. They must not in a portfolio without expected returns.
        l2_penalty : float
            See `MeanVariance`.
        """
        allocation = self.settings.allocation
        gamma = allocation.risk_aversion if risk_aversion is None else risk_aversion
        proportional = self.settings.cost_rate / allocation.cost_periods if cost is None else cost
        impact = self.settings.impact_rate / allocation.cost_periods if cost is None else 0.0

        def build_under(limits: Constraints) -> Allocator:
            solver = MeanVariance(
                self.panel.assets,
                limits,
                risk_aversion=gamma,
                cost=proportional,
                impact=impact,
                l2_penalty=l2_penalty,
            )
            few = allocation.positions
            return solver if few is None else Cardinality(solver, few.maximum, few.minimum_weight)

        if allocation.on_infeasible == "relax":
            return self._with_scores(RelaxedAllocator(build_under, constraints, allocation.relax), tilt)
        return self._with_scores(build_under(constraints), tilt)

    def hold_if_infeasible(self, policy: Policy) -> Policy:
        """Return the policy with the configured action for limits that cannot be met."""
        return HoldIfInfeasible(policy) if self.settings.allocation.on_infeasible == "hold" else policy

    def _with_scores(self, inner: Allocator, tilt: bool) -> Allocator:
        esg, scores = self.settings.allocation.esg, self._scores
        if esg is None or scores is None:
            return inner
        return EsgAllocator(
            inner,
            scores.__getitem__,
            missing=esg.missing,
            exclude_below=esg.exclude_below,
            floor=esg.floor,
            tilt=esg.tilt if tilt else 0.0,
        )

    @cached_property
    def _scores(self) -> Floats | None:
        """Scores known at the close of each row, shape (T, N)."""
        return None if self.panel.scores is None else self.panel.scores.at(self.panel.dates)
