"""Coverage: assets that can never be forecast or held, found out before anything is fitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocation.risk import eligible_assets
from features.matrix import FeatureMatrix
from market.calendar import foreign_spacings, missing_share, nearest_frequency
from market.checks import Finding
from market.panel import Panel
from market.trading_calendar import WEEKDAYS
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.timetable import Schedule
from pipeline.trading import decided_at

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

MANY = 0.1
"""Share of rows without a price that no holidays explain: the market keeps another calendar."""
FEWEST = 5
"""Rows at another distance that are excused in any source."""
SHOWN = 5
"""Assets that a message names."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """What can be done with each asset.

    Attributes
    ----------
    forecast, held : ndarray of bool, shape (N,)
        Whether it can be forecast, and held, at any date of the run.
    missing : ndarray of shape (N,)
        Share of the rows between its first and its last return that have none.
    """

    forecast: Bools
    held: Bools
    missing: Floats


def check_coverage(
    panel: Panel, matrix: FeatureMatrix, schedule: Schedule, config: RunConfig
) -> tuple[Finding, ...]:
    """Return a warning for assets that can never be forecast, and one for those that can never be held.

    Raises
    ------
    RunError
        If no asset can be forecast, or some cannot because they trade on another calendar than the rows of the data.
    """
    found = Coverage(
        _forecastable(panel, matrix, schedule),
        _holdable(panel, schedule, config),
        missing_share(panel.listed),
    )
    _refuse_mixed_calendars(panel, found)
    if not found.forecast.any():
        why = _why_not_forecast(panel, ~found.forecast, config)
        raise RunError(f"no asset can be forecast at any date: {why}")
    return tuple(_warn(panel, found, config))


def check_frequency(panel: Panel) -> None:
    """Refuse rows of two frequencies, such as months that go on in days: horizons and annual figures count rows.

    Raises
    ------
    RunError
        If more than a tenth of the distances between rows are not those of the frequency of most of them.
    """
    rows = foreign_spacings(panel.dates, panel.periods_per_year)
    if len(rows) <= max(FEWEST, MANY * (len(panel.dates) - 1)):
        return
    name, first = nearest_frequency(panel.periods_per_year).name, int(rows[0])
    raise RunError(
        f"{panel.name}: most rows of the source are {name}, but {len(rows)} of {len(panel.dates)} come at another "
        f"distance from the row before, the first at {panel.dates[first]:%Y-%m-%d} after "
        f"{panel.dates[first - 1]:%Y-%m-%d}; a horizon and annual figures count rows, so give a source with rows of "
        "one frequency"
    )


def _forecastable(panel: Panel, matrix: FeatureMatrix, schedule: Schedule) -> Bools:
    """Return which assets have, at some tested date, a return, a risk and a feature of their own, shape (N,)."""
    asked = panel.listed & np.isfinite(schedule.target.risk)
    asked[: max(schedule.first_train, int(schedule.folds[0].test[0]))] = False
    out: Bools = np.array(asked.any(axis=0))
    own = [k for k, common in enumerate(matrix.common) if not common]
    for n in np.flatnonzero(out) if own else ():
        # Newest rows first: there the longest windows are full.
        out[n] = any(np.isfinite(matrix.values[t, n, own]).any() for t in np.flatnonzero(asked[:, n])[::-1])
    return out


def _holdable(panel: Panel, schedule: Schedule, config: RunConfig) -> Bools:
    """Return which assets have enough history at some decision, shape (N,)."""
    settings = config.allocation
    eligible = eligible_assets(
        panel.returns - panel.cash[:, None],
        decided_at(panel, schedule),
        window=settings.covariance_window,
        min_history=settings.min_history,
    )
    return np.asarray(eligible.any(axis=0))


def _refuse_mixed_calendars(panel: Panel, found: Coverage) -> None:
    """Refuse assets that are left out because they trade on fewer days than others, if a common calendar exists."""
    failing = ~(found.forecast & found.held) & (found.missing > MANY)
    calendar = _common_calendar(panel, failing) if failing.any() else None
    if calendar is None:
        return
    lowest, highest = found.missing[failing].min(), found.missing[failing].max()
    share = f"{highest:.0%}" if highest - lowest < 0.01 else f"{lowest:.0%} to {highest:.0%}"
    what = "forecast" if not found.forecast[failing].any() else "forecast or held"
    why = (
        "they do not trade at weekends"
        if calendar == WEEKDAYS
        else "they trade on fewer days than the others"
    )
    raise RunError(
        f"{_names(panel, failing)} can never be {what}: they have no price at {share} of the rows between their first "
        f"and last ({why}). Set data.calendar: {calendar}, which keeps the rows that all have in common, or leave the "
        "assets out"
    )


def _common_calendar(panel: Panel, failing: Bools) -> str | None:
    """Return the setting of `data.calendar` under which the failing assets have their prices, None if there is none."""
    counts = panel.listed[:, failing].sum(axis=0)
    fullest = int(np.flatnonzero(failing)[int(np.argmax(counts))])
    for name, kept in (
        (WEEKDAYS, np.asarray(panel.dates.day_of_week < 5)),
        (panel.assets[fullest], panel.listed[:, fullest]),
    ):
        if not kept.all() and (missing_share(panel.listed[kept][:, failing]) <= MANY).all():
            return name
    return None


def _warn(panel: Panel, found: Coverage, config: RunConfig) -> Iterator[Finding]:
    settings = config.allocation
    never = ~found.forecast
    if never.any():
        text = f"{_names(panel, never)} can never be forecast: {_why_not_forecast(panel, never, config)}"
        yield Finding("never forecast", "warning", None, None, text)
    never = ~found.held
    if never.any():
        text = (
            f"{_names(panel, never)} can never be held: at no decision a price and {settings.min_history} returns in "
            f"the last {settings.covariance_window} rows (allocation.min_history, allocation.covariance_window)"
            f"{_holes(panel, never)}"
        )
        yield Finding("never held", "warning", None, None, text)


def _why_not_forecast(panel: Panel, which: Bools, config: RunConfig) -> str:
    first = config.walk_forward.first_test
    return (
        f"from walk_forward.first_test {first} on, at no date a price, enough returns in the last "
        f"{config.target.risk_window} rows (target.risk_window) and a feature of its own{_holes(panel, which)}"
    )


def _holes(panel: Panel, which: Bools) -> str:
    """Say how many rows are missing in the lives of some assets, if they are many."""
    highest = float(missing_share(panel.listed)[which].max())
    return f"; up to {highest:.0%} of the rows in their lives have no price" if highest > MANY else ""


def _names(panel: Panel, which: Bools) -> str:
    names: Sequence[str] = [panel.assets[n] for n in np.flatnonzero(which)]
    more = f" and {len(names) - SHOWN} others" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
