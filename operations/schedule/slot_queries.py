"""Queries for other schedulers: which slots are due, and whether a slot is settled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from operations.slots.history import Slot, job_history
from operations.slots.records import records, schedules
from operations.slots.slots import Slots
from operations.slots.tables import short
from pipeline.config import RunConfig


@dataclass(frozen=True)
class Answer:
    """The state of a slot.

    Attributes
    ----------
    settled : bool
        Whether the slot is done, or was skipped in favour of a later one.
    message : str
        The state in words.
    """

    settled: bool
    message: str


def due(configs: Sequence[RunConfig], now: dt.datetime) -> list[dt.datetime]:
    """Enter slots that have become due; return the due times of all queued and running slots, ascending."""
    due_times = set()
    for path, group in records(configs).items():
        with Slots(path) as slots:
            for name, schedule in schedules(group).items():
                slots.enter(name, schedule, now)
                history = job_history(slots.connection, name)
                due_times |= {slot.due for slot in (history.open() if history else ())}
    return sorted(due_times)


def answer_for(configs: Sequence[RunConfig], slot: dt.datetime) -> Answer:
    """Return whether the slot due at this instant is settled in all configurations that have one."""
    matches: list[tuple[str, Slot]] = []
    for path, group in records(configs).items():
        with Slots(path) as slots:
            for name in group:
                history = job_history(slots.connection, name)
                matches += [(name, one) for one in (history.slots if history else ()) if one.due == slot]
    if not matches:
        return Answer(False, f"there is no slot of {slot.isoformat()}")
    states = "; ".join(
        f"{name}: {one.state}{f': {one.message}' if one.message else ''}" for name, one in matches
    )
    return Answer(
        all(one.state in ("done", "skipped") for _, one in matches), f"slot of {short(slot)}: {states}"
    )
