"""Option --as-of: use what was known at the close of a date."""

from __future__ import annotations

import datetime as dt

import click


def _refuse_future(
    _context: click.Context, _option: click.Parameter, as_of: dt.datetime | None
) -> dt.datetime | None:
    """Refuse a date that is still in the future in every time zone.

    A record as of such a date would block the records of the dates before it.
    """
    east = dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(hours=14)
    if as_of is not None and as_of > east:
        raise click.BadParameter(f"{as_of:%Y-%m-%d} is in the future; expected today or an earlier date")
    return as_of


as_of_option = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_refuse_future,
    help="Use what was known at the close of this date [all data there is].",
)


def end_of_day(as_of: dt.datetime | None) -> dt.datetime:
    """Return the end of a day in UTC, or the present."""
    return dt.datetime.now(dt.UTC) if as_of is None else as_of.replace(hour=23, minute=59, tzinfo=dt.UTC)
