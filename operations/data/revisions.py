"""Revisions: compare two panels, and separate changes of the past from new data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.counts import format_count
from market.panel import Panel
from operations.data.long_format import KEY, MACRO, bits, narrow_types, to_cells
from operations.data.panel_frame import TABLE, TABLES, Extent, Frame
from operations.data.price_rescaling import find_rescaling

COLUMNS = ["change", *KEY, "value", "old"]
"""Columns of a table of changes: kind (added, changed or removed), cell, present value and previous value."""
NAMED = 5
"""Number of cells that a message names."""


@dataclass(frozen=True, eq=False)
class Difference:
    """The changes from one panel to the next.

    Attributes
    ----------
    changes : DataFrame
        Columns `COLUMNS`; a missing value is NaN.
    past : ndarray of bool
        Marks the changes that rewrite known data instead of adding to it.
    described : tuple of str
        Changes of the panel's metadata, one sentence each.
    restates : bool
        Whether the past differs only by a rescaling of prices (`operations.data.price_rescaling`).
    """

    changes: pd.DataFrame
    past: NDArray[np.bool_]
    described: tuple[str, ...] = ()
    restates: bool = False

    @property
    def revises(self) -> bool:
        """Whether the past has changed."""
        return bool(self.past.any()) or bool(self.described)

    @property
    def revised(self) -> pd.DataFrame:
        """The changes that rewrite the past."""
        rows: pd.DataFrame = self.changes[self.past]
        return rows

    def counts(self) -> dict[str, int]:
        """Return the numbers of past cells that were added, changed and removed."""
        kinds = self.revised["change"]
        return {kind: int((kinds == kind).sum()) for kind in ("added", "changed", "removed")}

    def largest(self) -> dict[str, Any] | None:
        """Return the largest change of a past value that was a number before, or None."""
        changed = self.revised[self.revised["change"] == "changed"]
        sizes = (changed["value"] - changed["old"]).abs()
        if not np.isfinite(sizes).any():
            return None
        row = changed.iloc[int(np.nanargmax(sizes.where(np.isfinite(sizes)).to_numpy()))]
        return {**_place(row), "old": float(row["old"]), "new": float(row["value"])}

    def sentences(self) -> Iterator[str]:
        """Yield sentences on the revision: the number of cells, the largest change, and the first cells by name."""
        yield from self.described
        if self.restates:
            yield "the same past but for rounding and the unit of prices, as after a dividend or split"
        counts = {kind: n for kind, n in self.counts().items() if n}
        if not counts:
            return
        yield "of the past, " + ", ".join(f"{format_count(n, 'cell')} {kind}" for kind, n in counts.items())
        if (most := self.largest()) is not None:
            yield f"the largest change: {_named(most)} was {most['old']:.10g}, is {most['new']:.10g}"
        for _, row in self.revised.sort_values(["date", *KEY[:2]]).head(NAMED).iterrows():
            yield f"{row['change']}: {_named(_place(row))}{_values(row)}"
        if sum(counts.values()) > NAMED:
            yield f"and {sum(counts.values()) - NAMED} more"


def extends(panel: Panel, extent: Extent, frame: Frame, digest: str) -> bool:
    """Return whether a panel begins, bit for bit, with the panel of this extent, frame and digest.

    A new asset without values before the new dates does not change the past.
    """
    known = set(frame.assets)
    if known - set(panel.assets) or Frame.of(panel).tables != frame.tables:
        return False
    beginning = extent.beginning(panel)
    fresh = [j for j, name in enumerate(panel.assets) if name not in known]
    for name in frame.tables:
        if not np.isnan(getattr(beginning, name)[:, fresh]).all():
            return False
    return narrow_types(beginning, frame.assets).digest() == digest


def difference(old: Panel, new: Panel) -> Difference:
    """Return all changes from one panel to another, cell by cell."""
    before, now = to_cells(old), to_cells(new)
    both = before.merge(now, on=KEY, how="outer", suffixes=("_old", ""), indicator=True)
    side = both.pop("_merge").to_numpy()
    kind = np.select([side == "right_only", side == "left_only"], ["added", "removed"], "changed")
    differs = (kind != "changed") | (bits(both["value_old"]) != bits(both["value"]))
    both.insert(0, "change", kind)
    changes = both[differs].rename(columns={"value_old": "old"})[COLUMNS].reset_index(drop=True)
    described = tuple(_described(old, new))
    return Difference(changes, _past(changes, old), described, not described and find_rescaling(old, new))


def added(panel: Panel, beyond: Extent) -> Difference:
    """Return the cells of a panel beyond an extent, as additions."""
    cells = to_cells(panel, beyond)
    cells.insert(0, "change", "added")
    cells["old"] = np.nan
    return Difference(cells[COLUMNS], np.zeros(len(cells), dtype=np.bool_))


def _past(changes: pd.DataFrame, old: Panel) -> NDArray[np.bool_]:
    """Mark changes of known data: all except additions after the end of the old panel or series."""
    ends = {MACRO + name: s.known_at[-1] for name, s in old.macro.items() if len(s.known_at)}
    ends |= {TABLE + name: table.known_at[-1] for name, table in old.tables.items() if len(table.known_at)}
    last = old.dates[-1]
    end = pd.to_datetime(changes["field"].map(lambda name: ends.get(name, last)))
    beyond = (changes["change"] == "added") & (changes["date"] > end)
    return np.asarray(~beyond, dtype=np.bool_)


def _described(old: Panel, new: Panel) -> Iterator[str]:
    """Yield one sentence per change of the panel's metadata."""
    before, now = Frame.of(old), Frame.of(new)
    for name in ("name", "periods_per_year"):
        if getattr(before, name) != getattr(now, name):
            yield f"{name} was {getattr(before, name)!r}, is {getattr(now, name)!r}"
    for what, plural, was, are in (
        ("asset", "assets", before.assets, now.assets),
        ("table", "tables", before.tables, now.tables),
        ("macro series", "macro series", tuple(before.macro), tuple(now.macro)),
        ("table of yours", "tables of yours", tuple(before.asset_tables), tuple(now.asset_tables)),
    ):
        if gone := [name for name in was if name not in are]:
            yield f"{what if len(gone) == 1 else plural} gone from the source: {', '.join(gone)}"
        if what != "asset" and (added_names := [name for name in are if name not in was]):
            yield f"{what if len(added_names) == 1 else plural} new in the source: {', '.join(added_names)}"
    yield from _describe_readings(
        "macro series", before.macro, now.macro, {0: "max_age_days", 3: "transform"}
    )
    yield from _describe_readings(
        "table", before.asset_tables, now.asset_tables, {0: "max_age_days", 1: "transform"}
    )


def _describe_readings(
    what: str,
    before: Mapping[str, tuple[Any, ...]],
    now: Mapping[str, tuple[Any, ...]],
    names: dict[int, str],
) -> Iterator[str]:
    """Yield one sentence per change of how a series or table is read."""
    for name in sorted(before.keys() & now.keys()):
        for place, key in names.items():
            if before[name][place] != now[name][place]:
                yield f"{what} {name}: {key} was {before[name][place]}, is {now[name][place]}"


def _place(row: Any) -> dict[str, str]:
    of_asset = row["field"] in TABLES or str(row["field"]).startswith(TABLE)
    asset = {"asset": str(row["asset"])} if of_asset else {}
    return {"field": str(row["field"]), **asset, "date": f"{row['date']:%Y-%m-%d}"}


def _named(place: dict[str, Any]) -> str:
    return f"{place['field']}{' of ' + place['asset'] if 'asset' in place else ''} on {place['date']}"


def _values(row: Any) -> str:
    was = "" if row["change"] == "added" else f" was {row['old']:.10g}"
    now = "" if row["change"] == "removed" else f" is {row['value']:.10g}"
    return ":" + ",".join(filter(None, (was, now)))
