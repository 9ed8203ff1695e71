"""Cron: the instants at which a schedule fires.

Cron fields refer to the wall clock of the schedule's time zone and follow Debian's cron. If day of month or day of week
begins with a star, both must match; otherwise one of them suffices. A wall-clock time that occurs twice in autumn fires
once, at its first occurrence. A time that is skipped in spring fires right after the change. The instants are therefore
strictly increasing, and no two slots have the same wall-clock time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from cronsim import CronSim

from pipeline.settings.schedule import zone


def slots(cron: str, timezone: str, after: dt.datetime, until: dt.datetime) -> Iterator[dt.datetime]:
    """Return the instants in UTC, ascending, at which a schedule fires: after `after`, up to `until` inclusive.

    Parameters
    ----------
    cron : str
        Five fields, as `pipeline.settings.schedule` checks them.
    timezone : str
        Time zone of the wall clock to which the fields refer.
    after, until : datetime.datetime
        With a time zone.
    """
    clock = zone(timezone)
    last = after
    for wall in CronSim(cron, after.astimezone(clock).replace(tzinfo=None)):
        instant = _instant(wall, clock)
        if instant > until:
            return
        # In the repeated hour in autumn, wall-clock times occur a second time; they have fired already.
        if instant > last:
            yield instant
            last = instant


def next_slot(cron: str, timezone: str, after: dt.datetime) -> dt.datetime | None:
    """Return the first instant later than `after`; None if there is none within the next fifty years."""
    return next(slots(cron, timezone, after, dt.datetime.max.replace(tzinfo=dt.UTC)), None)


def _instant(wall: dt.datetime, clock: dt.tzinfo) -> dt.datetime:
    """Return the first instant with this wall-clock time, or, if it is skipped, the instant after the change."""
    while True:
        instant = wall.replace(tzinfo=clock, fold=0).astimezone(dt.UTC)
        if instant.astimezone(clock).replace(tzinfo=None) == wall:
            return instant
        wall += dt.timedelta(minutes=1)
