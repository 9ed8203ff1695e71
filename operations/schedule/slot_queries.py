"""What another scheduler asks: what is due, and whether a slot is done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from operations.schedule.run_due import records, schedules
from operations.slots.changes import short
from operations.slots.history import Slot, job_history
from operations.slots.slots import Slots
from pipeline.config import RunConfig


@dataclass(frozen=True)
class Answer:
    """What became of a slot.

    Attributes
    ----------
    settled : bool
        Whether nothing more is to be done: it is done, or a later one took its place.
    told : str
    """

    settled: bool
    told: str


def due(configs: Sequence[RunConfig], now: dt.datetime) -> list[dt.datetime]:
    """Enter what has become due, and return when the slots were due that are waiting or being done, ascending."""
    found = set()
    for path, group in records(configs).items():
        with Slots(path) as slots:
            for name, schedule in schedules(group).items():
                slots.enter(name, schedule, now)
                history = job_history(slots.connection, name)
                found |= {slot.due for slot in (history.open() if history else ())}
    return sorted(found)


def answer_for(configs: Sequence[RunConfig], slot: dt.datetime) -> Answer:
    """Say whether the slot that was due at an instant is settled, in all configurations that have one."""
    found: list[tuple[str, Slot]] = []
    for path, group in records(configs).items():
        with Slots(path) as slots:
            for name in group:
                history = job_history(slots.connection, name)
                found += [(name, one) for one in (history.slots if history else ()) if one.due == slot]
    if not found:
        return Answer(False, f"there is no slot of {slot.isoformat()}")
    told = "; ".join(f"{name}: {one.state}{f': {one.told}' if one.told else ''}" for name, one in found)
    return Answer(all(one.state in ("done", "skipped") for _, one in found), f"slot of {short(slot)}: {told}")
