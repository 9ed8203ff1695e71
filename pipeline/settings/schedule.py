"""Schedule of retraining: a cron expression, and the handling of failures."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from contextlib import suppress
from typing import Annotated

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator

from foundation.suggestions import suggest
from pipeline.settings.section import Section

DAY = 86_400
FIELDS = "minute hour day-of-month month day-of-week"
NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * SUN",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""Shorthands that some crons accept in place of five fields; refused, with the fields to write instead."""
LIMITS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, L (the last day) or LW (the last weekday)",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7 (0 and 7 are Sunday) or SUN to SAT, FRI#1 (the first Friday) or 5L (the last)",
}
NEVER = "no date ever matches it"


class ScheduleSection(Section):
    """When to retrain, and how often to retry; no number depends on it."""

    cron: str
    timezone: str = "UTC"
    retries: Annotated[int, Field(ge=0, le=100)] = 3
    backoff_seconds: Annotated[float, Field(gt=0, le=DAY)] = 300.0
    lease_seconds: Annotated[float, Field(ge=1, le=DAY)] = 600.0
    time_limit_seconds: Annotated[float, Field(gt=0, le=30 * DAY)] = float(DAY)

    @field_validator("cron")
    @classmethod
    def _is_an_expression(cls, text: str) -> str:
        wrong = _cron_mistake(text)
        if wrong:
            raise ValueError(wrong)
        return " ".join(text.split())

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            zone(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            known = sorted(zoneinfo.available_timezones())
            if not known:
                raise ValueError("this machine knows no time zones but UTC: pip install tzdata") from error
            near = suggest(name, known).split("; known")[0]
            raise ValueError(
                f"no time zone of that name{near}; write UTC or a name such as Europe/Zurich"
            ) from error
        return name


def zone(name: str) -> dt.tzinfo:
    """Return a time zone by its name; UTC needs no database.

    Raises
    ------
    zoneinfo.ZoneInfoNotFoundError, ValueError, OSError
        If no zone has this name.
    """
    return dt.UTC if name == "UTC" else zoneinfo.ZoneInfo(name)


def _cron_mistake(text: str) -> str:
    """Return the mistake in a cron expression; an empty text if there is none."""
    if text.strip().lower() in NICKNAMES:
        return f"expected five fields ({FIELDS}): write {NICKNAMES[text.strip().lower()]!r}"
    fields = text.split()
    if len(fields) != 5:
        return f"expected five fields ({FIELDS}), such as '0 6 1 * *'"
    try:
        fires = next(_walls(text), None)
    except CronSimError as error:
        return _why(fields, str(error).removeprefix("Bad "))
    return _range_of_one(fields) if fires else NEVER


def _walls(text: str) -> CronSim:
    """Return the wall-clock times, without a time zone, at which an expression fires."""
    return CronSim(text, dt.datetime(2000, 1, 1))


def _range_of_one(fields: list[str]) -> str:
    """Return the mistake of a step through a range of one number: the library reads 5-5/2 as 5/2, cron as 5."""
    for place, (field, name) in enumerate(zip(fields, FIELDS.split(), strict=True)):
        for item in field.split(","):
            span, _, step = item.partition("/")
            if step and "-" in span:
                alone = _walls(" ".join(["*"] * place + [span] + ["*"] * (4 - place)))
                kept = (alone.minutes, alone.hours, alone.days, alone.months, alone.weekdays)[place]
                if len(kept) == 1:
                    return (
                        f"{name}: {item!r} steps through a range of one number; write {span.split('-')[0]!r}"
                    )
    return ""


def _why(fields: list[str], name: str) -> str:
    """Return the allowed values of the refused field, and its present value."""
    if name == "day-of-month":
        with suppress(CronSimError):
            _walls(" ".join([*fields[:3], "*", fields[4]]))
            return NEVER  # the field itself is valid, but not in combination with the months
    came = fields[FIELDS.split().index(name)]
    backwards = "; a range goes upwards" if re.fullmatch(r"\w+-\w+", came) else ""
    return f"{name} {came!r}: expected {LIMITS[name]}{backwards}"
