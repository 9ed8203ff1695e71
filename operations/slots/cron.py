"""Cron: the instants at which a schedule fires.

A schedule is read on the wall clock of its time zone, as Debian's cron reads it: where day of month or day of week
begins with a star both must match, otherwise one of them is enough. A time that the clock shows twice in autumn
fires once, the first time; one that it leaps over in spring fires when the leap is done. So no two slots are ever
the same wall-clock time, and the instants only go upwards.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from cronsim import CronSim

from pipeline.settings.schedule import zone


def slots(cron: str, timezone: str, after: dt.datetime, until: dt.datetime) -> Iterator[dt.datetime]:
    """Return the instants in UTC, ascending, at which a schedule fires: later than `after`, up to `until` inclusive.

    Parameters
    ----------
    cron : str
        Five fields, as `pipeline.settings.schedule` checks them.
    timezone : str
        Whose wall clock the fields are read on.
    after, until : datetime.datetime
        With a time zone.
    """
    clock = zone(timezone)
    last = after
    for wall in CronSim(cron, after.astimezone(clock).replace(tzinfo=None)):
        instant = _instant(wall, clock)
        if instant > until:
            return
        # The wall clock alone does not tell the second pass through an autumn hour, whose times have fired already.
        if instant > last:
            yield instant
            last = instant


def next_slot(cron: str, timezone: str, after: dt.datetime) -> dt.datetime | None:
    """Return the first instant later than `after`; None if there is none within the next fifty years."""
    return next(slots(cron, timezone, after, dt.datetime.max.replace(tzinfo=dt.UTC)), None)


def _instant(wall: dt.datetime, clock: dt.tzinfo) -> dt.datetime:
    """Return when a wall clock first shows this time, or, if it leaps over it, when it has leapt."""
    while True:
        instant = wall.replace(tzinfo=clock, fold=0).astimezone(dt.UTC)
        if instant.astimezone(clock).replace(tzinfo=None) == wall:
            return instant
        wall += dt.timedelta(minutes=1)
