"""Frame and extent of a panel: its metadata, and its size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from market.macro import MacroSeries
from market.panel import BARS, Panel

Unit = Literal["s", "ms", "us", "ns"]
TABLES = ("returns", "volume", *BARS)


def strip_unrecorded(panel: Panel) -> Panel:
    """Return the panel without what comes from files of its own: scores, the universe and traded prices."""
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
    macro : mapping of str to tuple of int, str and str
        `max_age_days` of each series, and the units of `observed_at` and `known_at`.
    unit : str
        Unit of the dates.
    notes : tuple of str
    """

    name: str
    periods_per_year: int
    assets: tuple[str, ...]
    tables: tuple[str, ...]
    macro: Mapping[str, tuple[int, Unit, Unit]]
    unit: Unit
    notes: tuple[str, ...]

    @classmethod
    def of(cls, panel: Panel) -> Frame:
        """Return the frame of a panel."""
        tables = tuple(name for name in TABLES if getattr(panel, name) is not None)
        macro = {
            name: (series.max_age_days, series.observed_at.unit, series.known_at.unit)
            for name, series in panel.macro.items()
        }
        year = panel.periods_per_year
        return cls(panel.name, year, panel.assets, tables, macro, panel.dates.unit, panel.notes)

    def to_json(self) -> str:
        """Return the frame as JSON."""
        return json.dumps({each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def from_json(cls, text: str) -> Frame:
        """Parse a frame from JSON."""
        content: dict[str, Any] = json.loads(text)
        lists = {name: tuple(content[name]) for name in ("assets", "tables", "notes")}
        macro = {name: tuple(value) for name, value in content["macro"].items()}
        return cls(**(content | lists | {"macro": macro}))


@dataclass(frozen=True)
class Extent:
    """The size of a panel. A later panel must begin with the same rows, unless the past was revised.

    Attributes
    ----------
    dates : int
        Number of dates.
    observations : mapping of str to int
        Number of observations of each macro series.
    """

    dates: int = 0
    observations: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, panel: Panel) -> Extent:
        """Return the extent of a panel."""
        return cls(len(panel.dates), {name: len(series.values) for name, series in panel.macro.items()})

    def beginning(self, panel: Panel) -> Panel:
        """Return the first part of a panel, up to this extent."""
        macro = {name: _slice(s, slice(self.observations.get(name, 0))) for name, s in panel.macro.items()}
        return replace(panel.select_rows(slice(self.dates)), macro=macro)


def _slice(series: MacroSeries, rows: slice) -> MacroSeries:
    """Return some observations of a series."""
    return replace(
        series,
        values=series.values[rows],
        observed_at=series.observed_at[rows],
        known_at=series.known_at[rows],
    )
