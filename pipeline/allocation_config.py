"""AllocationSection: how forecasts become weights, and the limits on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from allocation.constraints import Constraints, Group
from allocation.relaxation import ORDER, Family
from pipeline.sections import MOST, Name, Positive, Section


class GroupSection(Section):
    """Limits on the sum of some assets' weights."""

    assets: Annotated[tuple[str, ...], Field(min_length=1)]
    minimum: float = 0.0
    maximum: float = 1.0


class BoundsSection(Section):
    """Limits on the weight of one asset, in place of the common ones; 0 and 0 excludes it."""

    minimum: float = 0.0
    maximum: float = 1.0


class AllocationSection(Section):
    """The mean-variance problem and its limits."""

    forecast: str
    strategy: str | None = None
    risk_aversion: Annotated[float, Field(gt=0)] = 5.0
    rebalance_every: Positive
    covariance_window: Annotated[int, Field(ge=2, le=MOST)]
    min_history: Annotated[int, Field(ge=2, le=MOST)]
    minimum: float = 0.0
    maximum: float = 1.0
    overrides: dict[str, BoundsSection] = Field(default_factory=dict)
    groups: dict[Name, GroupSection] = Field(default_factory=dict)
    turnover: float | None = None
    cash_minimum: float = 0.0
    cash_maximum: float = 0.0
    cost_periods: Annotated[float, Field(gt=0)] = 2.0
    on_infeasible: Literal["stop", "hold", "relax"] = "stop"
    relax: tuple[Family, ...] = ORDER

    @model_validator(mode="after")
    def _order_goes_with_relax(self) -> AllocationSection:
        if self.relax != ORDER and self.on_infeasible != "relax":
            raise ValueError(
                f"relax is a setting of on_infeasible relax, not of on_infeasible {self.on_infeasible}"
            )
        if not self.relax or len(set(self.relax)) < len(self.relax):
            raise ValueError("relax: expected each kind of limit once at most, and one at least")
        return self

    def constraints(self) -> Constraints:
        """Return the limits as the allocator takes them."""
        return Constraints(
            minimum=self.minimum,
            maximum=self.maximum,
            overrides={asset: (b.minimum, b.maximum) for asset, b in self.overrides.items()},
            groups={name: Group(g.assets, g.minimum, g.maximum) for name, g in self.groups.items()},
            turnover=self.turnover,
            cash_minimum=self.cash_minimum,
            cash_maximum=self.cash_maximum,
        )


SECTIONS: dict[str, type[Section]] = {"groups": GroupSection, "overrides": BoundsSection}
"""What stands below a name that the user chooses, by the key above the name."""
