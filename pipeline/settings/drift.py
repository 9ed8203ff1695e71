"""Settings of drift: when a change counts as drift, and its consequences."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.settings.section import MOST, Section

Subject = Literal["features", "forecast", "regimes", "volatility", "costs"]
Level = Annotated[float, Field(gt=0, le=0.5)]


class DriftSection(Section):
    """How recent dates are compared with earlier ones; forecasts and weights do not depend on it."""

    window: Annotated[int, Field(ge=3, le=MOST)] | None = None
    psi_limit: Annotated[float, Field(ge=0)] = 0.25
    false_discovery: Level = 0.05
    false_alarm: Level = 0.10
    retrain_on: tuple[Subject, ...] = ("features", "forecast", "regimes")
    shifted_importance: Annotated[float, Field(ge=0, le=1)] = 0.20

    def recent(self, periods_per_year: int) -> int:
        """Return the number of recent dates: 12, or a quarter of a year if that is more."""
        return self.window or max(12, periods_per_year // 4)
