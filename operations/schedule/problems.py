"""Problems of a schedule: nobody keeps it, or a slot is late or failed."""

from __future__ import annotations

import datetime as dt

from foundation.counts import format_count
from operations.schedule.scheduler_process import SchedulerProcess
from operations.slots.history import JobHistory, Slot
from operations.slots.tables import short

GRACE = dt.timedelta(minutes=15)
"""Delay after which a due slot is overdue. External schedulers call `tangency run-due` only every few minutes."""


def find_process_problems(
    history: JobHistory | None, last: SchedulerProcess | None, now: dt.datetime
) -> list[str]:
    """Return the problems that show that no process keeps the schedule."""
    if last is not None and last.ended is None and not last.lives(now):
        # A call of run-due long after the last heartbeat shows that another scheduler has taken over.
        if history is None or history.visited < last.heartbeat + GRACE:
            if last.heartbeat > now:
                return [
                    f"the clock went back: the loop on {last.owner} was last heard of at {short(last.heartbeat)}"
                ]
            return [f"the loop on {last.owner} died: nothing was heard of it for {age(last.heartbeat, now)}"]
        return []
    if history is None and (last is None or not last.lives(now)):
        return [
            "nobody keeps the schedule: start tangency schedule, or give tangency run-due to your scheduler"
        ]
    return []


def find_slot_problems(history: JobHistory, now: dt.datetime) -> list[str]:
    """Return the problems of slots that are late or failed."""
    problems = []
    if history.entered_to > now + GRACE:
        problems.append(
            f"the clock went back: slots were entered up to {short(history.entered_to)}, and none will be before then"
        )
    next_due = history.next_due()
    at_work = next((slot for slot in history.open() if slot.lease_until is not None), None)
    if next_due is not None and next_due + GRACE < now:
        why = "nobody came by" if at_work is None else f"the slot of {short(at_work.due)} is still at work"
        problems.append(f"overdue: {why}, and that of {short(next_due)} is not done")
    ended = history.latest("done", "failed")
    if ended is not None and ended.state == "failed":
        problems.append(
            f"failed: the slot of {short(ended.due)}, after {format_count(ended.attempts, 'attempt')}: {ended.message}"
        )
    for slot in history.open():
        problems += _find_open_slot_problems(slot, now)
    return problems


def _find_open_slot_problems(slot: Slot, now: dt.datetime) -> list[str]:
    name = f"the slot of {short(slot.due)}"
    if slot.lease_until is not None:
        silent = slot.lease_until + GRACE < now
        return (
            [f"overdue: {name} is at work, but its lease was over at {short(slot.lease_until)}"]
            if silent
            else []
        )
    if slot.outcome == "interrupted":
        # The user interrupted it; report it only if it has not been resumed since.
        late = slot.not_before + GRACE < now
        return [f"overdue: {name} was stopped at {short(slot.not_before)} and is waiting"] if late else []
    if slot.attempts and slot.message:
        return [f"waiting: {name}, again at {short(slot.not_before)}: {slot.message}"]
    return [f"overdue: {name} is waiting"] if slot.due + GRACE < now else []


def age(then: dt.datetime, now: dt.datetime) -> str:
    """Return the time since `then` in words, in the largest suitable unit."""
    seconds = (now - then).total_seconds()
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
