"""Coverage: find assets that can never be forecast or held, before any model is fitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from allocation.covariance.path_estimation import eligible_assets
from features.matrix import FeatureMatrix
from foundation.counts import format_count
from foundation.types import Bools, Floats
from market.calendar import measure_missing_share
from market.errors import DataError
from market.findings import Finding
from market.frequency import WEEKLY, infer_frequency
from market.panel import Panel
from market.values.dates.trading_calendar import WEEKDAYS
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.preflight.frequency import describe_horizon
from pipeline.stages.schedule import Schedule
from pipeline.stages.trading import decision_rows

MANY = 0.1
"""Share of missing rows that holidays cannot explain: the market has another calendar."""
HALF = 0.5
"""Share of its dates below which an asset counts as mostly not forecast."""
SHOWN = 5
"""Maximum number of assets named in a message."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """Share of dates on which each asset can be forecast, and whether it can be held.

    Attributes
    ----------
    forecast : ndarray of shape (N,)
        Share of the tested dates with a return at which the asset can be forecast; 0 if there is no such date.
    held : ndarray of bool, shape (N,)
        Whether the asset can be held at any decision.
    missing : ndarray of shape (N,)
        Share of missing rows between the first and last return, of all rows or of the tested rows, whichever is larger.
    """

    forecast: Floats
    held: Bools
    missing: Floats


def check_coverage(
    panel: Panel, matrix: FeatureMatrix, schedule: Schedule, config: RunConfig
) -> tuple[Finding, ...]:
    """Return a warning for assets that can never be forecast, and one for those that can never be held.

    Raises
    ------
    RunError
        If no asset can be forecast, or some cannot because their trading calendar differs from the rows of the data.
    """
    first = max(schedule.first_train, int(schedule.folds[0].test[0]))
    coverage = Coverage(
        _forecast_share(panel, matrix, schedule, first),
        _holdable(panel, schedule, config),
        np.maximum(measure_missing_share(panel.listed), measure_missing_share(panel.listed[first:])),
    )
    _refuse_mixed_calendars(panel, coverage)
    if not coverage.forecast.any():
        why = _why_not_forecast(coverage, coverage.forecast == 0, config)
        raise RunError(f"no asset can be forecast at any date: {why}")
    horizon = describe_horizon(panel, config)
    warning = (Finding("horizon", "warning", None, None, horizon),) if horizon else ()
    return (*_warn(panel, coverage, config), *warning)


def _forecast_share(panel: Panel, matrix: FeatureMatrix, schedule: Schedule, first: int) -> Floats:
    """Return the share of the dates with a return, from row `first` on, that have a risk; shape (N,).

    It is 0 for an asset without any feature of its own at these dates.
    """
    listed = panel.listed[first:]
    forecastable = listed & np.isfinite(schedule.target.risk[first:])
    out = np.array(forecastable.sum(axis=0) / np.maximum(listed.sum(axis=0), 1), dtype=np.float64)
    own = [k for k, common in enumerate(matrix.common) if not common]
    for n in np.flatnonzero(out) if own else ():
        # Newest rows first: there the longest windows are full.
        rows = np.flatnonzero(forecastable[:, n])[::-1] + first
        if not any(np.isfinite(matrix.values[t, n, own]).any() for t in rows):
            out[n] = 0.0
    return out


def _holdable(panel: Panel, schedule: Schedule, config: RunConfig) -> Bools:
    """Return which assets have enough history at some decision, shape (N,)."""
    settings = config.allocation
    eligible = eligible_assets(
        panel.returns - panel.cash[:, None],
        decision_rows(panel, schedule),
        window=settings.covariance_window,
        min_history=settings.min_history,
        member=panel.member,
    )
    return np.asarray(eligible.any(axis=0))


def _refuse_mixed_calendars(panel: Panel, found: Coverage) -> None:
    """Refuse assets that are mostly left out because they trade on fewer days than others.

    Assets whose gaps follow no calendar, such as rarely traded ones, are accepted, as are assets that ended before the
    first decision. Weekly and monthly rows have no such difference.
    """
    if panel.periods_per_year <= WEEKLY.periods_per_year:
        return
    seldom = measure_missing_share(panel.listed) > MANY
    failing = ((found.forecast < HALF) & (found.missing > MANY)) | (~found.held & seldom)
    calendar = _common_calendar(panel, failing) if failing.any() else None
    if calendar is None:
        return
    name, kept = calendar
    often = float(found.forecast[failing].max())
    what = "can never be forecast" if often == 0 else f"can be forecast at {often:.0%} of their dates at most"
    lowest, highest = found.missing[failing].min(), found.missing[failing].max()
    share = f"{highest:.0%}" if highest - lowest < 0.01 else f"{lowest:.0%} to {highest:.0%}"
    why = "they do not trade at weekends" if name == WEEKDAYS else "they trade on fewer days than the others"
    remedy = (
        f"Set data.calendar: {name}, which keeps the rows that all have in common, or leave the assets out"
    )
    try:
        infer_frequency(panel.dates[kept], panel.name)
    except DataError:
        remedy = (
            "Leave the assets out: the rows that all have in common are neither daily, weekly nor monthly"
        )
    raise RunError(
        f"{_names(panel, failing)} {what}: they have no price at {share} of the rows between their first and last "
        f"({why}). {remedy}"
    )


def _common_calendar(panel: Panel, failing: Bools) -> tuple[str, Bools] | None:
    """Return the setting of `data.calendar` that gives the failing assets prices at its rows (T,), if there is one."""
    counts = panel.listed[:, failing].sum(axis=0)
    fullest = int(np.flatnonzero(failing)[int(np.argmax(counts))])
    for name, kept in (
        (WEEKDAYS, np.asarray(panel.dates.day_of_week < 5)),
        (panel.assets[fullest], panel.listed[:, fullest]),
    ):
        if not kept.all() and (measure_missing_share(panel.listed[kept][:, failing]) <= MANY).all():
            return name, kept
    return None


def _warn(panel: Panel, found: Coverage, config: RunConfig) -> Iterator[Finding]:
    settings = config.allocation
    # Who is never a member was named when the universe was read.
    inside = panel.holdable.any(axis=0)
    never = (found.forecast == 0) & inside
    if never.any():
        text = f"{_names(panel, never)} can never be forecast: {_why_not_forecast(found, never, config)}"
        yield Finding("never forecast", "warning", None, None, text)
    never = ~found.held & inside
    if never.any():
        text = (
            f"{_names(panel, never)} can never be held: at no decision a price and "
            f"{format_count(settings.min_history, 'return')} in "
            f"the last {settings.covariance_window} rows (allocation.min_history, allocation.covariance_window)"
            f"{'' if panel.member is None else ' while in data.universe'}"
            f"{_holes(found, never)}"
        )
        yield Finding("never held", "warning", None, None, text)


def _why_not_forecast(found: Coverage, which: Bools, config: RunConfig) -> str:
    first = config.walk_forward.first_test
    return (
        f"from walk_forward.first_test {first} on, at no date a price, enough returns in the last "
        f"{format_count(config.target.risk_window, 'row')} (target.risk_window) and a feature of "
        f"its own{'' if config.data.universe is None else ' while in data.universe'}{_holes(found, which)}"
    )


def _holes(found: Coverage, which: Bools) -> str:
    """Return a remark on the number of missing rows of some assets, if it is large."""
    highest = float(found.missing[which].max())
    return f"; up to {highest:.0%} of the rows in their lives have no price" if highest > MANY else ""


def _names(panel: Panel, which: Bools) -> str:
    names: Sequence[str] = [panel.assets[n] for n in np.flatnonzero(which)]
    more = f" and {format_count(len(names) - SHOWN, 'other')}" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
