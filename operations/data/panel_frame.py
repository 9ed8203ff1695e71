"""Frame and extent of a panel: its metadata, and its size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from market.panel import BARS, Panel

Unit = Literal["s", "ms", "us", "ns"]
TABLES = ("returns", "volume", *BARS)
TABLE = "table/"
"""Prefix of the name of one of the user's tables among observations and fields of cells."""


def strip_unrecorded(panel: Panel) -> Panel:
    """Return the panel without what versions hold no cells of: scores, the universe and traded prices."""
    return replace(panel, scores=None, member=None, delisted=None, traded=None)


@dataclass(frozen=True)
class Frame:
    """The metadata of a panel: everything but its numbers.

    Attributes
    ----------
    name : str
    periods_per_year : int
    assets : tuple of str
        In the panel's order.
    tables : tuple of str
        The members of `TABLES` that the panel has.
    macro : mapping of str to tuple
        `max_age_days` of each series, the units of `observed_at` and `known_at`, its transform and the months of its
        periods.
    unit : str
        Unit of the dates.
    notes : tuple of str
    asset_tables : mapping of str to tuple of int and str
        `max_age_days` and transform of each of the user's tables.
    membership : mapping of str to tuple of str, optional
        When each asset entered and left the universe (`operations.data.membership_record`); empty without a universe,
        None in versions that were recorded before it was looked at.
    """

    name: str
    periods_per_year: int
    assets: tuple[str, ...]
    tables: tuple[str, ...]
    macro: Mapping[str, tuple[int, Unit, Unit, str, int]]
    unit: Unit
    notes: tuple[str, ...]
    asset_tables: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    membership: Mapping[str, tuple[str, ...]] | None = None

    @classmethod
    def of(cls, panel: Panel) -> Frame:
        """Return the frame of a panel."""
        tables = tuple(name for name in TABLES if getattr(panel, name) is not None)
        macro = {
            name: (
                series.max_age_days,
                series.observed_at.unit,
                series.known_at.unit,
                series.transform,
                series.period_months,
            )
            for name, series in panel.macro.items()
        }
        own = {name: (table.max_age_days, table.transform) for name, table in panel.tables.items()}
        year = panel.periods_per_year
        return cls(panel.name, year, panel.assets, tables, macro, panel.dates.unit, panel.notes, own)

    def to_json(self) -> str:
        """Return the frame as JSON."""
        return json.dumps({each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def from_json(cls, text: str) -> Frame:
        """Parse a frame from JSON."""
        content: dict[str, Any] = json.loads(text)
        lists = {name: tuple(content[name]) for name in ("assets", "tables", "notes")}
        # Frames of earlier versions have neither transforms nor tables.
        macro = {name: (*value, *("level", 0)[len(value) - 3 :]) for name, value in content["macro"].items()}
        own = {name: tuple(value) for name, value in content.get("asset_tables", {}).items()}
        flips = content.get("membership")
        membership = None if flips is None else {name: tuple(days) for name, days in flips.items()}
        return cls(**(content | lists | {"macro": macro, "asset_tables": own, "membership": membership}))


@dataclass(frozen=True)
class Extent:
    """The size of a panel. A later panel must begin with the same rows, unless the past was revised.

    Attributes
    ----------
    dates : int
        Number of dates.
    observations : mapping of str to int
        Number of observations of each macro series, and of records of each of the user's tables, whose name follows
        `TABLE`.
    """

    dates: int = 0
    observations: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, panel: Panel) -> Extent:
        """Return the extent of a panel."""
        series = {name: len(series.values) for name, series in panel.macro.items()}
        own = {TABLE + name: len(table.value) for name, table in panel.tables.items()}
        return cls(len(panel.dates), series | own)

    def beginning(self, panel: Panel) -> Panel:
        """Return the first part of a panel, up to this extent."""
        known = self.observations
        macro = {name: series.first_records(known.get(name, 0)) for name, series in panel.macro.items()}
        own = {name: each.first_records(known.get(TABLE + name, 0)) for name, each in panel.tables.items()}
        return replace(panel.select_rows(slice(self.dates)), macro=macro, tables=own)
