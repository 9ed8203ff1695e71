"""Weights: the result of a decision, with a certificate that it obeys the limits and is optimal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from allocation.decision_status import DecisionStatus
from foundation.types import Floats


@dataclass(frozen=True, eq=False)
class OptimalityCertificate:
    """Check of every limit, computed from the weights alone, without the solver.

    Attributes
    ----------
    slack : dict of str to float
        By limit: distance to the bound in weight, negative where it is broken.
    tolerance : float
        A limit holds if its slack is at least minus this.
    gap : float
        Duality gap, computed from the weights and the solver's multipliers: an upper bound on how much better the
        best weights are, as a share of max(|mu|, gamma |Sigma|, cost). NaN where nothing was optimised.
    residual : float
        KKT residual, computed from the weights and multipliers (`Programme.measure_optimality` in
        `allocation.solver`), relative to the same size. 0 where the conditions of Karush, Kuhn and Tucker hold; NaN
        where there are none, as for a cardinality limit.
    """

    slack: dict[str, float]
    tolerance: float
    gap: float = math.nan
    residual: float = math.nan

    @property
    def holds(self) -> bool:
        """Whether every limit is kept."""
        return all(value >= -self.tolerance for value in self.slack.values())


@dataclass(frozen=True, eq=False)
class Sleeve:
    """A part of a portfolio with a purpose of its own.

    Attributes
    ----------
    weights : ndarray of shape (N,)
        Fractions of the wealth of the whole portfolio.
    cash : float
    """

    weights: Floats
    cash: float = 0.0

    @property
    def share(self) -> float:
        """Return the fraction of wealth that lies in the sleeve; 0 for one that borrows all that it buys."""
        return float(self.weights.sum()) + self.cash

    def scale(self, factor: float) -> Sleeve:
        """Return the sleeve `factor` times as large."""
        return Sleeve(self.weights * factor, self.cash * factor)


@dataclass(frozen=True, eq=False)
class Weights:
    """Target weights decided at one date.

    Attributes
    ----------
    position : int
        Row of the decision date in the panel.
    weights : ndarray of shape (N,)
        Fractions of wealth, 0 for assets outside the universe.
    cash : float
        Fraction of wealth in cash; with the weights it sums to 1.
    status : DecisionStatus
    certificate : OptimalityCertificate
    sleeves : mapping of str to Sleeve
        The same weights and cash by purpose: they sum to them. A sleeve inside another has its name behind the
        other's and a slash, "core/bonds". Empty if the policy has no sleeves.
    note : str
        What is unusual about the decision, for people: for example "turnover limit 0.3 raised to 0.3100". Empty where
        nothing is.
    """

    position: int
    weights: Floats
    cash: float
    status: DecisionStatus
    certificate: OptimalityCertificate
    sleeves: Mapping[str, Sleeve] = field(default_factory=dict)
    note: str = ""

    @property
    def description(self) -> str:
        """Return the note or, without one, the status in a word: a text for people."""
        return self.note or self.status.label


@dataclass(frozen=True)
class NoTrade:
    """No trade at a decision, for a reason that is recorded.

    Attributes
    ----------
    position : int
        Row of the decision date in the panel.
    reason : str
        For people.
    status : DecisionStatus
        `HELD`: limits could not be met.
    """

    position: int
    reason: str
    status: DecisionStatus = DecisionStatus.HELD
