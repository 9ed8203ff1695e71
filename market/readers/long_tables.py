"""Long tables: one row per date and asset."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.suggestions import list_names
from market.errors import SourceError
from market.findings import Finding, Kind, raise_if_fatal
from market.grid import Grid
from market.panel import BARS
from market.readers.column_roles import find_asset, find_role, find_value, find_volume
from market.readers.unused_columns import check_unused
from market.text.coded_texts import CodedTexts
from market.text.columns import read_columns
from market.text.dates import Dates, read_dates
from market.text.names import check_clean, clean_name


def read_long(path: Path, header: Sequence[str], date_name: str, kind: Kind, *, guessed: bool) -> Grid:
    """Read a file with one row per date and asset.

    Parameters
    ----------
    path : Path
    header : sequence of str
        What `read_header` returned.
    date_name : str
        Column of the dates.
    kind : {"prices", "returns"}
    guessed : bool
        Whether the layout was inferred from the column names.

    Raises
    ------
    SourceError
        If no column names the assets or holds their values.
    IntegrityError
        If numbers are text, a row has no asset, or an asset has two rows at one date.
    """
    asset_name, value_name = _find_columns(path, header, date_name, kind)
    volume_name = find_volume(header)
    bar_names = {bar: name for bar in BARS if kind == "prices" and (name := find_role(header, bar))}
    if kind == "prices":
        # Without an unadjusted close beside the price, the price is the close, and bars are in its unit.
        bar_names.setdefault("close", value_name)
    numbers = list(
        dict.fromkeys([value_name, *bar_names.values(), *([] if volume_name is None else [volume_name])])
    )
    contents = read_columns(path, header, texts=[date_name, asset_name], numbers=numbers)
    dates = read_dates(str(path), date_name, contents.coded[date_name])
    labels = contents.coded[asset_name]
    if guessed:
        _refuse_wide(path, asset_name, value_name, labels)
    written = {text: clean_name(text) for text in labels.texts}
    # Work per row is one lookup and one sum: dates and assets are codes of few distinct texts.
    day_codes, days = pd.factorize(dates.by_text, sort=True)
    name_codes, names = pd.factorize(
        np.array([written[text] for text in labels.texts], dtype=object), sort=True
    )
    cells = day_codes[dates.codes] * len(names) + name_codes[labels.codes]
    notices = raise_if_fatal(
        [
            *contents.findings,
            *check_clean(str(path), "assets", written),
            *_check_rows(str(path), dates, labels, cells, len(days) * len(names)),
            *contents.warnings,
            *dates.warnings,
            *check_unused(str(path), header, [date_name, asset_name, *numbers], value_name, kind),
        ]
    )

    def spread(name: str) -> NDArray[np.float64]:
        out = np.full(len(days) * len(names), np.nan)
        out[cells] = contents.numbers[name]
        return out.reshape(len(days), len(names))

    values, volume = spread(value_name), None if volume_name is None else spread(volume_name)
    bars = {bar: spread(column) for bar, column in bar_names.items()}
    return Grid(pd.DatetimeIndex(days), tuple(names), values, volume, notices, bars)


def _find_columns(path: Path, header: Sequence[str], date_name: str, kind: Kind) -> tuple[str, str]:
    """Return the columns of assets and of their values."""
    columns = [name for name in header if name != date_name]
    asset_name, value_name = find_asset(columns), find_value(columns, kind)
    found = f"found {list_names(header)}"
    if asset_name is None:
        raise SourceError(
            f"{path}: a long table of {kind} needs a column called 'asset', 'symbol' or 'ticker'; {found}"
        )
    if value_name is None:
        expected = "'price', 'adj_close' or 'close'" if kind == "prices" else "'return' or 'ret'"
        other: Kind = "returns" if kind == "prices" else "prices"
        beside = find_value(columns, other)
        switch = f"; set data.values to {other} to read {beside!r}" if beside is not None else ""
        raise SourceError(f"{path}: a long table of {kind} needs a column called {expected}; {found}{switch}")
    return asset_name, value_name


def _refuse_wide(path: Path, asset_name: str, value_name: str, labels: CodedTexts) -> None:
    """Refuse a table that is long by its names, but has numbers with decimals for assets."""
    decimal = (text for text in labels.texts if re.fullmatch(r"-?\d*\.\d+([eE][-+]?\d+)?", text.strip()))
    label = next(decimal, None)
    if label is not None:
        row = labels.find_first_row(labels.texts.index(label))
        raise SourceError(
            f"{path}: column {asset_name!r} would name the assets and {value_name!r} hold their values, but data row"
            f" {row + 1} has {label.strip()!r} for an asset; if each column is an asset, set data.layout to wide"
        )


def _check_rows(
    source: str, dates: Dates, labels: CodedTexts, cells: NDArray[np.int64], size: int
) -> Iterator[Finding]:
    """Find rows of a long table without an asset, and assets with two rows at one date."""

    def explain(rows: NDArray[np.int64]) -> tuple[int, pd.Timestamp, str]:
        row = int(rows[0])
        more = f" ({len(rows)} such rows)" if len(rows) > 1 else ""
        return row, dates.by_text[dates.codes[row]], more

    nameless = [position for position, text in enumerate(labels.texts) if not clean_name(text)]
    if nameless:
        row, date, more = explain(np.flatnonzero(np.isin(labels.codes, nameless)))
        text = f"{source}: data row {row + 1}, {date:%Y-%m-%d}: no asset name{more}"
        yield Finding("no asset name", "fatal", None, date, text)
    taken = np.zeros(size, dtype=np.bool_)
    taken[cells] = True
    if np.count_nonzero(taken) < len(cells):
        row, date, more = explain(np.flatnonzero(pd.Series(cells).duplicated()))
        name = clean_name(labels.texts[labels.codes[row]])
        text = (
            f"{source}: asset {name!r} has more than one row at {date:%Y-%m-%d},"
            f" the second in data row {row + 1}{more}; keep one row per date and asset"
        )
        yield Finding("duplicate dates", "fatal", name, date, text)
