"""Settings of the allocator: how forecasts become weights, and the limits on them."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from allocation.covariance.nonlinear import FEWEST_ROWS
from allocation.problem.constraints import RELAXATION_ORDER, Constraints, Family
from allocation.problem.sum_limits import Group, Linear
from pipeline.settings.covariance import CovarianceSection
from pipeline.settings.section import MOST, FilePath, Name, Positive, Section, SettingError
from pipeline.settings.time.rebalancing import RebalanceEvery, rows_between_decisions

# Estimators are imported where they are created: reading a configuration needs no kernel.


class GroupSection(Section):
    """Limits on the sum of some assets' weights."""

    assets: Annotated[tuple[str, ...], Field(min_length=1)]
    minimum: float = 0.0
    maximum: float = 1.0


class BoundsSection(Section):
    """Limits on the weight of one asset, in place of the common ones; 0 and 0 excludes it."""

    minimum: float = 0.0
    maximum: float = 1.0


class LinearLimitSection(Section):
    """Limits on a sum of weights times coefficients, as for a score or an exposure."""

    coefficients: Annotated[dict[str, float], Field(min_length=1)]
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _one_side_at_least(self) -> LinearLimitSection:
        if self.minimum is None and self.maximum is None:
            raise ValueError("a minimum, a maximum or both are needed")
        return self

    def make(self) -> Linear:
        """Return the limits in the allocator's format."""
        low = -math.inf if self.minimum is None else self.minimum
        return Linear(self.coefficients, low, math.inf if self.maximum is None else self.maximum)


class EsgSection(Section):
    """Scores of the assets from a dated table, and their effect on every portfolio of the run's allocator."""

    path: FilePath
    max_age_days: Annotated[int, Field(ge=1, le=MOST)]
    lag_days: Annotated[int, Field(ge=0, le=MOST)] | None = None
    date_column: str = "date"
    score_column: str | None = None
    missing: Literal["exclude", "mean", "worst"] | float = "exclude"
    exclude_below: float | None = None
    floor: float | None = None
    tilt: float = 0.0

    @model_validator(mode="after")
    def _something_is_done(self) -> EsgSection:
        if self.exclude_below is None and self.floor is None and not self.tilt:
            raise ValueError(
                "nothing is done with the scores: give exclude_below, floor, tilt, or some of them"
            )
        return self


class PositionsSection(Section):
    """Maximum number of held assets, and minimum size of a position."""

    maximum: Positive
    minimum_weight: Annotated[float, Field(ge=0, le=1)] = 0.0


_PERCENT_LIKE = 5.0
"""Limits from which a fraction was probably meant in percent: no portfolio has a volatility or turnover of 500 %."""


class AllocationSection(Section):
    """The mean-variance problem and its limits."""

    forecast: str
    strategy: str | None = None
    risk_aversion: Annotated[float, Field(gt=0)] = 5.0
    active_risk_aversion: Annotated[float, Field(ge=0)] | None = None
    l2_penalty: Annotated[float, Field(ge=0)] = 1.0
    rebalance_every: RebalanceEvery
    covariance_window: Annotated[int, Field(ge=2, le=MOST)]
    min_history: Annotated[int, Field(ge=2, le=MOST)]
    covariance: CovarianceSection = CovarianceSection()
    minimum: float = 0.0
    maximum: float = 1.0
    overrides: dict[str, BoundsSection] = Field(default_factory=dict)
    groups: dict[Name, GroupSection] = Field(default_factory=dict)
    linear: dict[Name, LinearLimitSection] = Field(default_factory=dict)
    turnover: float | None = None
    leverage: float | None = None
    annual_volatility: float | None = None
    annual_tracking_error: float | None = None
    benchmark: dict[str, float] = Field(default_factory=dict)
    cash_minimum: float = 0.0
    cash_maximum: float = 0.0
    cost_periods: Annotated[float, Field(gt=0)] = 2.0
    on_infeasible: Literal["stop", "hold", "relax"] = "stop"
    relax: tuple[Family, ...] = RELAXATION_ORDER
    esg: EsgSection | None = None
    positions: PositionsSection | None = None

    @model_validator(mode="after")
    def _limits_are_fractions(self) -> AllocationSection:
        """Refuse limits in percent: as fractions they would never bind."""
        for key in ("maximum", "turnover", "annual_volatility", "annual_tracking_error"):
            value = getattr(self, key)
            if value is not None and value >= _PERCENT_LIKE:
                raise SettingError(
                    (key,), f"{value:g} is {value:.0%}; limits are fractions: {value / 100:g} is {value:g} %"
                )
        return self

    @model_validator(mode="after")
    def _floor_goes_without_few_positions(self) -> AllocationSection:
        if self.positions is not None and self.esg is not None and self.esg.floor is not None:
            raise ValueError(
                "esg.floor and positions do not go together: the price of score finds the best weights where all "
                "weights between two allowed ones are allowed; use esg.exclude_below or esg.tilt with positions"
            )
        return self

    @model_validator(mode="after")
    def _order_goes_with_relax(self) -> AllocationSection:
        if self.relax != RELAXATION_ORDER and self.on_infeasible != "relax":
            raise ValueError(
                f"relax is a setting of on_infeasible relax, not of on_infeasible {self.on_infeasible}"
            )
        if not self.relax or len(set(self.relax)) < len(self.relax):
            raise SettingError(("relax",), "expected each kind of limit once at most, and one at least")
        return self

    @field_validator("covariance", mode="before")
    @classmethod
    def _kind_alone(cls, given: Any) -> Any:
        return {"kind": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _history_is_enough(self) -> AllocationSection:
        if self.covariance.kind == "nonlinear" and self.min_history < FEWEST_ROWS:
            raise SettingError(
                ("covariance",),
                f"nonlinear needs a min_history of {FEWEST_ROWS} or more, got {self.min_history}",
            )
        return self

    def rows_between_decisions(self, periods_per_year: int) -> float:
        """Return the observations between decisions; their mean for the ends of weeks, months and quarters."""
        return rows_between_decisions(self.rebalance_every, periods_per_year)

    def constraints(self, years: float = 1.0) -> Constraints:
        """Return the limits in the allocator's format.

        Parameters
        ----------
        years : float
            Length of the holding period; annual deviations are scaled to it by its square root.
        """
        root = math.sqrt(years)
        volatility, tracking = self.annual_volatility, self.annual_tracking_error
        return Constraints(
            minimum=self.minimum,
            maximum=self.maximum,
            overrides={asset: (b.minimum, b.maximum) for asset, b in self.overrides.items()},
            groups={name: Group(g.assets, g.minimum, g.maximum) for name, g in self.groups.items()},
            turnover=self.turnover,
            cash_minimum=self.cash_minimum,
            cash_maximum=self.cash_maximum,
            linear={name: section.make() for name, section in self.linear.items()},
            leverage=self.leverage,
            volatility=None if volatility is None else volatility * root,
            tracking_error=None if tracking is None else tracking * root,
            benchmark=self.benchmark,
        )
