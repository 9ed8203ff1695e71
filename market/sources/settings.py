"""Settings of fetching, and where data came from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from market.findings import Finding

WhenOffline = Literal["use_cache", "refuse"]


@dataclass(frozen=True)
class FetchSettings:
    """How sources outside of local files are asked.

    Attributes
    ----------
    cache : Path or None
        Folder of the cache, which only this user may read; None keeps nothing.
    when_offline : {"use_cache", "refuse"}
        What to do if a source cannot be reached: take its last answer from the cache, with a warning, or stop.
    timeout_seconds : float
        Longest wait for the first and for each further part of an answer. A whole answer may take ten times as long.
    attempts : int
        Number of tries before a source counts as not reachable.
    max_bytes : int
        Largest size of an answer.
    repeats : bool
        Whether what this process fetched before is used again, so that a second reading sees the same data.
    """

    cache: Path | None = None
    when_offline: WhenOffline = "use_cache"
    timeout_seconds: float = 30.0
    attempts: int = 4
    max_bytes: int = 1_000_000_000
    repeats: bool = False


@dataclass(frozen=True)
class Origin:
    """Where data came from, and when.

    Attributes
    ----------
    label : str
        The source, without secrets.
    filled_at : datetime or None
        When its answer was fetched; None for local files.
    from_cache : bool
        Whether the source could not be reached, so that an earlier answer is used.
    files : tuple of str
        The files that were read.
    """

    label: str
    filled_at: dt.datetime | None = None
    from_cache: bool = False
    files: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the origin in types of JSON; what does not apply is left out."""
        parts = {
            "label": self.label,
            "filled_at": self.filled_at and self.filled_at.isoformat(timespec="seconds"),
            "from_cache": self.from_cache or None,
            "files": list(self.files) or None,
        }
        return {name: value for name, value in parts.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class OriginFinding(Finding):
    """A note or warning that says where data came from.

    Attributes
    ----------
    origin : Origin
    """

    origin: Origin


def find_origins(findings: Iterable[Finding]) -> tuple[Origin, ...]:
    """Return the origins that findings name."""
    return tuple(finding.origin for finding in findings if isinstance(finding, OriginFinding))


def name_new_files(before: Iterable[Mapping[str, Any]], now: Iterable[Origin]) -> dict[str, tuple[str, ...]]:
    """Return the files that were added and those that are gone since an earlier reading.

    Parameters
    ----------
    before : iterable of mapping
        What `Origin.as_dict` returned then.
    now : iterable of Origin
    """
    old = {str(name) for origin in before for name in origin.get("files", ())}
    new = {name for origin in now for name in origin.files}
    return {"new": tuple(sorted(new - old)), "gone": tuple(sorted(old - new))}
