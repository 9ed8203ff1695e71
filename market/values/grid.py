"""Grid: the values of a source by date and column, before any check, and returns in percent as fractions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.types import Floats
from market.errors import SourceError
from market.findings import MISSING_CODES, Finding


@dataclass(frozen=True, eq=False)
class Grid:
    """A file's values by date and column.

    Attributes
    ----------
    dates : DatetimeIndex of length T
        Strictly increasing.
    names : tuple of str, length N
    values : ndarray of shape (T, N)
    volume : ndarray of shape (T, N) or None
    findings : tuple of Finding
    bars : mapping of str to ndarray of shape (T, N)
        Prices of bars as the file holds them; if there are any, with the close in their unit, which differs from
        `values` where those are adjusted.
    """

    dates: pd.DatetimeIndex
    names: tuple[str, ...]
    values: Floats
    volume: Floats | None
    findings: tuple[Finding, ...]
    bars: Mapping[str, Floats] = field(default_factory=dict)

    def drop_column(self, name: str) -> Grid:
        """Return the grid without one column."""
        kept = [column for column, label in enumerate(self.names) if label != name]
        names = tuple(self.names[column] for column in kept)
        volume = None if self.volume is None else self.volume[:, kept]
        bars = {bar: prices[:, kept] for bar, prices in self.bars.items()}
        return replace(self, names=names, values=self.values[:, kept], volume=volume, bars=bars)

    def cut_at(self, source: str, date: pd.Timestamp | None) -> Grid:
        """Return the rows up to a date, with the columns that have a value in them; all if None.

        Raises
        ------
        SourceError
            If no row is left; the message calls the data `source`.
        """
        if date is None:
            return self
        n = int(self.dates.searchsorted(date, side="right"))
        if n == 0 and len(self.dates):
            raise SourceError(
                f"{source}: nothing was known at the close of {date:%Y-%m-%d}: its first date is "
                f"{self.dates[0]:%Y-%m-%d}"
            )
        empty = np.isnan(self.values[:n]).all(axis=0)
        volume = None if self.volume is None else self.volume[:n]
        bars = {bar: prices[:n] for bar, prices in self.bars.items()}
        grid = replace(self, dates=self.dates[:n], values=self.values[:n], volume=volume, bars=bars)
        for column in np.flatnonzero(empty):
            grid = grid.drop_column(self.names[column])
        return grid


def convert_percent(source: str, grid: Grid, kept: Collection[str | None]) -> Grid:
    """Return a grid of returns in percent as fractions; codes for missing values become missing, with a warning.

    Parameters
    ----------
    source : str
        What to call the grid in messages.
    grid : Grid
        Returns in percent.
    kept : collection of str
        Columns that are not in percent.
    """
    columns = np.array([name not in kept for name in grid.names], dtype=np.bool_)
    coded = np.isin(grid.values, MISSING_CODES) & columns
    values = np.where(columns, np.where(coded, np.nan, grid.values / 100.0), grid.values)
    findings = list(grid.findings)
    if coded.any():
        row, column = (int(place) for place in np.argwhere(coded)[0])
        text = (
            f"{source}: column {grid.names[column]!r}, {grid.dates[row]:%Y-%m-%d}: {grid.values[row, column]:g} is"
            f" read as a missing value ({format_count(int(coded.sum()), 'such cell')})"
        )
        findings.append(Finding("missing code", "warning", grid.names[column], grid.dates[row], text))
    return replace(grid, values=values, findings=tuple(findings))
