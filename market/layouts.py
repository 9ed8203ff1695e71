"""Wide and long tables, read to one grid of dates and columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from market.checks import Finding, Kind, check_order, settle
from market.dates import read_dates
from market.errors import SourceError
from market.files import copy_rows, read_columns, read_header
from market.hints import suggest
from market.panel import BARS, Floats

Layout = Literal["wide", "long"]

DATE_NAMES = ("date", "dates", "datetime", "timestamp", "time", "month", "__index_level_0__", "")
ASSET_NAMES = ("asset", "symbol", "ticker")
VALUE_NAMES: dict[Kind, tuple[str, ...]] = {
    "prices": ("price", "adj_close", "adj close", "adjusted_close", "adjusted close", "close"),
    "returns": ("return", "returns", "ret"),
}


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

    def without(self, name: str) -> Grid:
        """Return the grid without one column."""
        kept = [column for column, label in enumerate(self.names) if label != name]
        names = tuple(self.names[column] for column in kept)
        volume = None if self.volume is None else self.volume[:, kept]
        bars = {bar: prices[:, kept] for bar, prices in self.bars.items()}
        return replace(self, names=names, values=self.values[:, kept], volume=volume, bars=bars)

    def until(self, date: pd.Timestamp | None) -> Grid:
        """Return the rows up to a date, with the columns that have a value in them; all if None."""
        if date is None:
            return self
        n = int(self.dates.searchsorted(date, side="right"))
        empty = np.isnan(self.values[:n]).all(axis=0)
        volume = None if self.volume is None else self.volume[:n]
        bars = {bar: prices[:n] for bar, prices in self.bars.items()}
        grid = replace(self, dates=self.dates[:n], values=self.values[:n], volume=volume, bars=bars)
        for column in np.flatnonzero(empty):
            grid = grid.without(self.names[column])
        return grid


def read_grid(path: Path, *, layout: Layout | None, kind: Kind, date_column: str | None) -> Grid:
    """Read a file in either layout.

    Parameters
    ----------
    path : Path
    layout : {"wide", "long"} or None
        None tells it by the column names.
    kind : {"prices", "returns"}
    date_column : str or None
        None looks for a column called date.

    Raises
    ------
    SourceError
        If the file or a column is missing, or cannot be read.
    IntegrityError
        If numbers are text, dates repeat, cannot be read or (wide) are out of order.
    """
    header = read_header(path)
    name = _date_column(str(path), header, date_column)
    if (layout or _layout_of(header)) == "long":
        return _read_long(path, header, name, kind)
    return _read_wide(path, header, name)


def copy_until(path: Path, date: pd.Timestamp, folder: Path, date_column: str | None) -> Path:
    """Write the rows of a file up to a date to another of the same name, and return its path."""
    header = read_header(path)
    name = _date_column(str(path), header, date_column)
    dates = read_dates(str(path), name, read_columns(path, header, texts=[name], numbers=[]).texts[name])
    target = folder / path.name
    copy_rows(path, header, np.asarray(dates <= date), target)
    return target


def _date_column(source: str, header: Sequence[str], wanted: str | None) -> str:
    """Return the name of the date column."""
    if wanted is not None:
        if wanted not in header:
            raise SourceError(f"{source}: no date column {wanted!r}{suggest(wanted, header)}")
        return wanted
    for name in header:
        if name.lower() in DATE_NAMES:
            return name
    separator = "; columns are separated by commas" if len(header) == 1 else ""
    raise SourceError(
        f"{source}: no date column: expected one called 'date', or its name as date_column;"
        f" found {', '.join(map(repr, header[:8]))}{', ...' if len(header) > 8 else ''}{separator}"
    )


def _find(header: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the column that bears the first of some names, in any case of letters."""
    by_lower = {name.lower(): name for name in reversed(header)}
    return next((by_lower[name] for name in names if name in by_lower), None)


def _layout_of(header: Sequence[str]) -> Layout:
    """Tell the layout: long files have a column of asset names and one of values."""
    valued = any(_find(header, names) for names in VALUE_NAMES.values())
    return "long" if _find(header, ASSET_NAMES) and valued else "wide"


def _read_wide(path: Path, header: Sequence[str], date_name: str) -> Grid:
    """Read a file with one column an asset."""
    names = tuple(name for name in header if name != date_name)
    if not names:
        raise SourceError(
            f"{path}: no asset: {date_name!r} is the only column; columns are separated by commas"
        )
    contents = read_columns(path, header, texts=[date_name], numbers=names)
    dates = read_dates(str(path), date_name, contents.texts[date_name])
    findings = settle([*contents.findings, *check_order(str(path), dates)])
    values = np.column_stack([contents.numbers[name] for name in names])
    if any(finding.check == "unsorted dates" for finding in findings):
        dates, values = dates[::-1], values[::-1]
    return Grid(dates, names, values, None, findings)


def _read_long(path: Path, header: Sequence[str], date_name: str, kind: Kind) -> Grid:
    """Read a file with one row a date and asset."""
    asset_name, value_name = _find(header, ASSET_NAMES), _find(header, VALUE_NAMES[kind])
    for wanted, found in ((ASSET_NAMES, asset_name), (VALUE_NAMES[kind], value_name)):
        if found is None:
            raise SourceError(
                f"{path}: a long table of {kind} needs a column called {' or '.join(map(repr, wanted))};"
                f" found {', '.join(map(repr, header))}"
            )
    volume_name = _find(header, ("volume",))
    bar_names = {bar: found for bar in BARS if kind == "prices" and (found := _find(header, (bar,)))}
    # Without an unadjusted close beside the price, the price is the close, and bars are in its unit.
    bar_names = {**bar_names, "close": bar_names.get("close", str(value_name))} if kind == "prices" else {}
    numbers = [name for name in (value_name, volume_name, *bar_names.values()) if name is not None]
    contents = read_columns(
        path, header, texts=[date_name, str(asset_name)], numbers=list(dict.fromkeys(numbers))
    )
    stamps = read_dates(str(path), date_name, contents.texts[date_name])
    labels = np.array([label.strip() for label in contents.texts[str(asset_name)]], dtype=object)
    days, dates = pd.factorize(stamps, sort=True)
    columns, names = pd.factorize(labels, sort=True)
    settle([*contents.findings, *_check_pairs(str(path), stamps, labels, days, columns)])
    shape = (len(dates), len(names))

    def spread(name: str) -> Floats:
        out = np.full(shape, np.nan)
        out[days, columns] = contents.numbers[name]
        return out

    values, volume = spread(str(value_name)), spread(volume_name) if volume_name is not None else None
    bars = {bar: spread(column) for bar, column in bar_names.items()}
    return Grid(pd.DatetimeIndex(dates), tuple(names), values, volume, (), bars)


def _check_pairs(
    path: str,
    stamps: pd.DatetimeIndex,
    labels: NDArray[np.object_],
    days: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> Iterator[Finding]:
    """Find rows of a long table without an asset, and assets with two rows at one date."""
    nameless = np.flatnonzero(labels == "")
    if len(nameless):
        row, more = nameless[0], f" ({len(nameless)} such rows)" if len(nameless) > 1 else ""
        text = f"{path}: data row {row + 1}, {stamps[row]:%Y-%m-%d}: no asset name{more}"
        yield Finding("no asset name", "fatal", None, stamps[row], text)
    twice = np.flatnonzero(pd.DataFrame({"day": days, "column": columns}).duplicated())
    if len(twice):
        row, more = twice[0], f" ({len(twice)} such rows)" if len(twice) > 1 else ""
        text = (
            f"{path}: asset {labels[row]!r} has more than one row at {stamps[row]:%Y-%m-%d},"
            f" the second in data row {row + 1}{more}"
        )
        yield Finding("duplicate dates", "fatal", str(labels[row]), stamps[row], text)
