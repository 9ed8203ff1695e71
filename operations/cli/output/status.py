"""Status of a configuration as text."""

from __future__ import annotations

import datetime as dt

from foundation.counts import format_count
from operations.schedule.problems import age
from operations.schedule.run_due import HOW
from operations.schedule.status import JobStatus, ModelStatus
from operations.slots.history import Slot
from operations.slots.tables import short
from operations.watch.record import WatchRecord


def describe_status(job: JobStatus, now: dt.datetime) -> list[str]:
    """Return the status of one configuration as lines of text, with the problems last."""
    pairs = [
        ("champion", _champion(job.model)),
        ("last trained", _training(job.model)),
        ("runs", f"{len(job.runs)}, the newest is {job.runs[-1]}" if job.runs else "none"),
        ("data", job.data or "no version recorded; `tangency update` or `tangency retrain` records one"),
    ]
    pairs += [("watch", _watch(job.watch, now))] if job.watch else []
    pairs += _schedule(job, now) if job.scheduled else [("schedule", f"none is set; {HOW}")]
    pairs += [("PROBLEM", problem) for problem in job.problems]
    return [job.name, *(f"  {name:<15} {text}" for name, text in pairs)]


def _schedule(job: JobStatus, now: dt.datetime) -> list[tuple[str, str]]:
    pairs = [
        ("last slot done", _moment(job.last_done.due if job.last_done else None, "none")),
        ("next due", _moment(job.next_due, "not known before the first visit")),
        ("last visit", f"{age(job.visited, now)} ago" if job.visited else "never"),
        ("loop", f"last heard of {age(job.heartbeat, now)} ago" if job.heartbeat else "none"),
    ]
    return pairs + [(slot.state, _open_slot(slot)) for slot in job.open]


def _watch(watch: WatchRecord, now: dt.datetime) -> str:
    if watch.ended is not None:
        return f"stopped {age(watch.ended, now)} ago"
    parts = [f"every {watch.every:.0f} s, last heard of {age(watch.heartbeat, now)} ago"]
    for what, moment in (("reached its sources", watch.polled), ("new data", watch.changed)):
        parts += [f"{what} {age(moment, now)} ago"] if moment is not None else []
    return "; ".join(parts)


def _open_slot(slot: Slot) -> str:
    stopped = "; stopped; the next visit goes on" if slot.outcome == "interrupted" else ""
    return f"slot of {short(slot.due)} ({slot.reason}), {format_count(slot.attempts, 'attempt')}{stopped}"


def _champion(model: ModelStatus) -> str:
    if not model.champion:
        return f"none: {model.advice}"
    return f"{model.champion} since {_moment(model.since)}, trained on data to {model.data_last}"


def _training(model: ModelStatus) -> str:
    if model.trained_at is None:
        return "never"
    return f"{_moment(model.trained_at)}, on data to {model.trained_to}; {model.verdict}"


def _moment(instant: dt.datetime | None, otherwise: str = "-") -> str:
    return otherwise if instant is None else short(instant)
