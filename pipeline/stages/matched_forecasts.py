"""Matched forecasts: the forecasts of the judged dates with their outcomes and benchmark forecasts."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.types import Floats, Ints
from models.forecast import Forecast
from pipeline.stages.schedule import Schedule
from validation.forecasts.scores import historical_mean


@dataclass(frozen=True, eq=False)
class MatchedForecasts:
    """Forecasts of the judged dates (D, N) with their outcomes and benchmark forecasts."""

    positions: Ints
    overlap: int
    raw: Floats
    mean: Floats
    stderr: Floats
    slope: Floats
    wanted: Floats
    earned: Floats
    risk: Floats
    history: Floats
    baseline: Floats

    @staticmethod
    def of(forecast: Forecast, schedule: Schedule, own_weight: float, first: int) -> MatchedForecasts:
        """Match the forecasts from row `first` on."""
        labels, target = schedule.labels, schedule.target
        keep = forecast.positions >= first
        at = forecast.positions[keep]
        return MatchedForecasts(
            at,
            labels.horizon - 1,
            forecast.raw[keep],
            forecast.mean[keep],
            forecast.stderr[keep],
            forecast.slope[keep],
            target.value[at],
            labels.value[at],
            target.risk[at],
            historical_mean(labels)[at],
            schedule.baseline(own_weight)[at],
        )
