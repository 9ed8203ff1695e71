"""The policies of a run that trade forecasts: each deviates from what the run's allocator holds without a forecast."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from allocation.covariance.path import CovariancePath
from allocation.policies.active import ActivePolicy, ForecastFreeAnchor
from allocation.policies.policy import AllocatorPolicy, Policy
from foundation.types import Floats, Ints
from pipeline.strategies.allocators import RunAllocators


@dataclass(eq=False)
class ForecastPolicies:
    """Makes the policies on forecasts, which share one anchor for each risk aversion.

    Attributes
    ----------
    allocators : RunAllocators
    covariances : CovariancePath
    baseline : ndarray of shape (T, N)
        Expected excess return without a forecast.
    cost : float, optional
        Proportional cost in the objective; by default that of the run.
    """

    allocators: RunAllocators
    covariances: CovariancePath
    baseline: Floats
    cost: float | None = None
    _anchors: dict[float, ForecastFreeAnchor] = field(default_factory=dict)

    def make(self, positions: Ints, mean: Floats, risk_aversion: float | None = None) -> Policy:
        """Return the policy on a forecast, with the run's fallback for limits that cannot be met.

        Parameters
        ----------
        positions : ndarray of int, shape (D,)
        mean : ndarray of shape (D, N)
        risk_aversion : float, optional
            The run's value by default.
        """
        allocators, allocation = self.allocators, self.allocators.settings.allocation
        gamma = allocation.risk_aversion if risk_aversion is None else risk_aversion
        active = allocation.active_risk_aversion
        anchor = self._anchor(gamma, gamma if active is None else active)
        allocator = allocators.build(
            allocators.constraints,
            gamma + anchor.active_risk_aversion,
            self.cost,
            l2_penalty=allocation.l2_penalty,
        )
        if not anchor.active_risk_aversion and not allocation.l2_penalty:
            return allocators.hold_if_infeasible(
                AllocatorPolicy(allocator, self.covariances, positions, mean)
            )
        return allocators.hold_if_infeasible(ActivePolicy(allocator, anchor, positions, mean))

    def _anchor(self, gamma: float, active: float) -> ForecastFreeAnchor:
        if gamma not in self._anchors:
            allocators, allocation = self.allocators, self.allocators.settings.allocation
            limits = replace(allocators.constraints, turnover=None)
            is_fixed = limits.cash_minimum == limits.cash_maximum
            self._anchors[gamma] = ForecastFreeAnchor(
                allocators.build(limits, gamma, 0.0, l2_penalty=allocation.l2_penalty),
                None if is_fixed else allocators.build(limits, gamma, 0.0),
                self.covariances,
                self.baseline,
                gamma,
                allocation.l2_penalty,
                active,
            )
        return self._anchors[gamma]
