"""Rebalancing dates: every so many observations, or at the ends of weeks, months or quarters."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from foundation.suggestions import suggest
from market.values.dates.periods import PeriodName, period_frequency
from pipeline.settings.section import MOST

PERIOD_ENDS: dict[str, PeriodName] = {
    "weekly": "weekly",
    "month_end": "monthly",
    "quarter_end": "quarterly",
}
"""Periods at whose ends portfolios are decided, by their names in a configuration."""


def _read_interval(given: Any) -> Any:
    """Return a number of observations or the name of a period's end."""
    if isinstance(given, str):
        if given not in PERIOD_ENDS:
            raise ValueError(
                f"expected a number of observations, or {', '.join(PERIOD_ENDS)}{suggest(given, PERIOD_ENDS)}"
            )
    elif isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MOST:
        raise ValueError(
            f"expected a whole number from 1 to {MOST:,} of observations, or {', '.join(PERIOD_ENDS)}"
        )
    return given


RebalanceEvery = Annotated[int | str, BeforeValidator(_read_interval)]


def rows_between_decisions(every: int | str, periods_per_year: int) -> float:
    """Return the observations between decisions; their mean for ends of periods."""
    if isinstance(every, int):
        return every
    return periods_per_year / period_frequency(PERIOD_ENDS[every]).periods_per_year
