"""Record of a watch: its heartbeat, and what it last saw, in a file that `tangency status` reads."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from operations.errors import OperationsError
from operations.state_dir import state_dir
from pipeline.config import RunConfig
from pipeline.files import read_regular, write_whole

SILENCE = dt.timedelta(minutes=5)
"""Age of the last heartbeat after which a watch counts as dead."""


@dataclass(frozen=True)
class WatchRecord:
    """State of a watch.

    Attributes
    ----------
    owner : str
        Machine and process.
    every : float
        Seconds between two polls.
    began, heartbeat : datetime
    ended : datetime or None
        When it stopped on request.
    polled : datetime or None
        When it last reached the sources.
    changed : datetime or None
        When it last recorded new data.
    failures : int
        Number of rounds that have failed since the last one that did not.
    error : str
        Why the last of them failed.
    """

    owner: str
    every: float
    began: dt.datetime
    heartbeat: dt.datetime
    ended: dt.datetime | None = None
    polled: dt.datetime | None = None
    changed: dt.datetime | None = None
    failures: int = 0
    error: str = ""

    def lives(self, now: dt.datetime) -> bool:
        """Return whether the watch runs."""
        return self.ended is None and abs(now - self.heartbeat) < SILENCE

    def problems(self, now: dt.datetime) -> list[str]:
        """Return what a user must know: the watch died, or its rounds fail."""
        if self.ended is not None:
            return []
        if not self.lives(now):
            return [
                f"the watch on {self.owner} died: its last heartbeat is of {self.heartbeat:%Y-%m-%d %H:%M} UTC"
            ]
        if self.failures:
            return [
                f"the watch failed {self.failures} {'time' if self.failures == 1 else 'times'}: {self.error}"
            ]
        return []


def watch_path(config: RunConfig) -> Path:
    """Return the path of the record of a configuration's watch."""
    return state_dir(config) / "watch.json"


def write_watch(path: Path, record: WatchRecord) -> None:
    """Write the record of a watch in one step."""
    write_whole(path, json.dumps(asdict(record), default=_to_text, indent=1).encode())


def read_watch(path: Path) -> WatchRecord | None:
    """Return the record of a watch, None if there was none.

    Raises
    ------
    OperationsError
        If the file is damaged.
    """
    try:
        content = json.loads(read_regular(path))
        times = ("began", "heartbeat", "ended", "polled", "changed")
        parsed = {name: content[name] and dt.datetime.fromisoformat(content[name]) for name in times}
        return WatchRecord(**(content | parsed))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OperationsError(f"{path}: is no record of a watch ({error}); delete it") from error


def _to_text(value: object) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, dt.datetime) else str(value)
