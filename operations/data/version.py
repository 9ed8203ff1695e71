"""Version: one line of the chain of versions, and its description of the changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from market.panel import Panel
from operations.data.panel_frame import Extent
from operations.data.revisions import Difference
from operations.errors import OperationsError
from pipeline.chains.chain import Entry


@dataclass(frozen=True)
class Version:
    """One line of the chain: the changes of a version, and a summary of the resulting panel.

    Attributes
    ----------
    version : int
        Number of the version, from 1.
    kind : {"first", "append", "revision", "restatement"}
        A restatement is the same past with rescaled prices.
    at : str
        When it was recorded, ISO 8601.
    known_by : str
        Later data of the source was ignored.
    file, sha256 : str
        Name of the file with the changes, and its SHA-256.
    source : mapping
        The section `data` of the configuration.
    rows : mapping of str to int
        Cells added, changed and removed.
    revised : mapping of str to int
        The cells among them that rewrite the past.
    largest : mapping or None
        The largest change of a past value.
    described : tuple of str
        Changes of the panel's metadata.
    assets_new, assets_gone : tuple of str
    dates_new : int
        Number of dates after the end of the previous version.
    dates : int
        Dates of the panel.
    first, last : str
        First and last date of the panel.
    assets : int
        Number of assets of the panel.
    observations : mapping of str to int
        Observations of each macro series.
    digest : str
        `Panel.digest()` of the panel.
    """

    version: int
    kind: str
    at: str
    known_by: str
    file: str
    sha256: str
    source: Mapping[str, Any]
    rows: Mapping[str, int]
    revised: Mapping[str, int]
    largest: Mapping[str, Any] | None
    described: tuple[str, ...]
    assets_new: tuple[str, ...]
    assets_gone: tuple[str, ...]
    dates_new: int
    dates: int
    first: str
    last: str
    assets: int
    digest: str
    observations: Mapping[str, int] = field(default_factory=dict)

    @property
    def extent(self) -> Extent:
        """The extent of the version's panel."""
        return Extent(self.dates, dict(self.observations))


def describe_version(
    change: Difference, panel: Panel, before: Version | None, known: tuple[str, ...]
) -> Entry:
    """Return the fields of a chain line that describe a change and the resulting panel."""
    kinds = change.changes["change"]
    extent = Extent.of(panel)
    kind = "first" if before is None else _kind(change)
    later = panel.dates > pd.Timestamp(before.last) if before is not None else panel.dates == panel.dates
    return {
        "kind": kind,
        "rows": {name: int((kinds == name).sum()) for name in ("added", "changed", "removed")},
        "revised": change.counts(),
        "largest": change.largest(),
        "described": list(change.described),
        "assets_new": [name for name in panel.assets if before is not None and name not in known],
        "assets_gone": [name for name in known if name not in panel.assets],
        "dates_new": int(later.sum()),
        "dates": extent.dates,
        "first": panel.dates[0].isoformat(),
        "last": panel.dates[-1].isoformat(),
        "assets": len(panel.assets),
        "digest": panel.digest(),
        "observations": dict(extent.observations),
    }


def _kind(change: Difference) -> str:
    if not change.revises:
        return "append"
    return "restatement" if change.restates else "revision"


def read_version(entry: Entry) -> Version:
    """Parse a version from a line of the chain."""
    lists = {name: tuple(entry[name]) for name in ("described", "assets_new", "assets_gone")}
    return Version(**(entry | lists))


def check_time(before: Version, known_by: pd.Timestamp, panel: Panel) -> None:
    """Refuse to record data as of an earlier instant than the newest version.

    There are two exceptions: a version dated in the future was recorded while the clock was ahead, and a version that
    ends before the panel cannot have been read from a later state of the source.
    """
    recorded = pd.Timestamp(before.known_by)
    future = recorded > pd.Timestamp.now("UTC").tz_localize(None) + pd.Timedelta(days=1)
    if known_by < recorded and not future and panel.dates[-1] <= pd.Timestamp(before.last):
        raise OperationsError(
            f"the data is asked for as of {known_by:%Y-%m-%d %H:%M}, but version {before.version} knows the source as "
            f"of {recorded:%Y-%m-%d %H:%M}: read what was known then with tangency data show --version"
        )
