"""Tables with one column of prices or returns: long ones, with a row per date and asset, and bars of one asset."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.suggestions import list_names
from foundation.types import Floats, Ints
from market.errors import SourceError
from market.findings import IGNORED_COLUMN, Finding, Severity, raise_if_fatal
from market.readers.column_roles import find_role_of, is_adjusted, looks_adjusted
from market.readers.file_columns import FileColumns
from market.text.coded_texts import CodedTexts
from market.text.columns import Contents
from market.text.dates import Dates, check_order
from market.text.names import check_clean, clean_name
from market.text.paths import CSV, PARQUET
from market.values.grid import Grid


@dataclass(frozen=True, eq=False)
class _Cells:
    """The places of a file's rows in a grid of dates (T,) and assets (N,).

    `places` (rows,) counts along the dates, N a date.
    """

    dates: pd.DatetimeIndex
    names: tuple[str, ...]
    places: Ints

    @classmethod
    def locate(cls, dates: Dates, codes: Ints, names: Sequence[str]) -> _Cells:
        """Place each row by its date and the code of its asset's name; some names may be alike."""
        # Work per row is one lookup and one sum: dates and assets are codes of few distinct texts.
        day_codes, days = pd.factorize(dates.by_text, sort=True)
        name_codes, unique = pd.factorize(np.array(names, dtype=object), sort=True)
        places = day_codes[dates.codes] * len(unique) + name_codes[codes]
        return cls(pd.DatetimeIndex(days), tuple(unique), places)

    def spread(self, values: Floats) -> Floats:
        """Return the values of the rows by date and asset, shape (T, N)."""
        out = np.full(len(self.dates) * len(self.names), np.nan)
        out[self.places] = values
        return out.reshape(len(self.dates), len(self.names))

    def make_grid(self, columns: FileColumns, contents: Contents, findings: tuple[Finding, ...]) -> Grid:
        """Return the grid of all columns of numbers."""
        numbers = contents.numbers
        volume = None if columns.volume is None else self.spread(numbers[columns.volume])
        bars = {bar: self.spread(numbers[name]) for bar, name in columns.bars.items()}
        values = self.spread(numbers[columns.values[0]])
        return Grid(self.dates, self.names, values, volume, findings, bars)


def arrange_long(path: Path, columns: FileColumns, contents: Contents, dates: Dates) -> Grid:
    """Return the values of a long table by date and asset."""
    labels, source = contents.coded[columns.asset], str(path)
    if columns.guessed:
        _refuse_wide(path, columns.asset, columns.values[0], labels)
    written = {text: clean_name(text) for text in labels.texts}
    cells = _Cells.locate(dates, labels.codes, [written[text] for text in labels.texts])
    findings = raise_if_fatal(
        [
            *contents.findings,
            *check_clean(source, "assets", written),
            *_check_identity(source, columns, contents),
            *_check_rows(source, dates, labels, cells),
            *contents.warnings,
            *dates.warnings,
            *_check_unused(path, columns, notice=True),
        ]
    )
    return cells.make_grid(columns, contents, findings)


def arrange_single(path: Path, columns: FileColumns, contents: Contents, dates: Dates) -> Grid:
    """Return the bars of one asset, which is named after the file."""
    findings = raise_if_fatal(
        [
            *contents.findings,
            *_check_unused(path, columns, notice=False),
            *contents.warnings,
            *dates.warnings,
            *check_order(str(path), dates.rows, dates.hint),
        ]
    )
    name = _asset_name(path)
    cells = _Cells.locate(dates, np.zeros(len(dates.codes), dtype=np.int64), [name])
    return cells.make_grid(columns, contents, (*_note_columns(path, name, columns), *findings))


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


def _check_rows(source: str, dates: Dates, labels: CodedTexts, cells: _Cells) -> Iterator[Finding]:
    """Find rows of a long table without an asset, and assets with two rows at one date."""

    def explain(rows: Ints) -> tuple[int, pd.Timestamp, str]:
        row = int(rows[0])
        more = f" ({len(rows)} such rows)" if len(rows) > 1 else ""
        return row, dates.by_text[dates.codes[row]], more

    nameless = [position for position, text in enumerate(labels.texts) if not clean_name(text)]
    if nameless:
        row, date, more = explain(np.flatnonzero(np.isin(labels.codes, nameless)))
        text = f"{source}: data row {row + 1}, {date:%Y-%m-%d}: no asset name{more}"
        yield Finding("no asset name", "fatal", None, date, text)
    taken = np.zeros(len(cells.dates) * len(cells.names), dtype=np.bool_)
    taken[cells.places] = True
    if np.count_nonzero(taken) < len(cells.places):
        row, date, more = explain(np.flatnonzero(pd.Series(cells.places).duplicated()))
        name = clean_name(labels.texts[labels.codes[row]])
        text = (
            f"{source}: asset {name!r} has more than one row at {date:%Y-%m-%d},"
            f" the second in data row {row + 1}{more}; keep one row per date and asset"
            f"{'' if dates.hint else ', or set data.duplicate_rows to last or first'}"
        )
        yield Finding("duplicate dates", "fatal", name, date, text, dates.hint)


def _check_identity(source: str, columns: FileColumns, contents: Contents) -> Iterator[Finding]:
    """Find a name that two assets bear: tickers are given to other companies again."""
    if not columns.identity:
        return
    labels, numbers = contents.coded[columns.asset], contents.coded[columns.identity]
    pairs = pd.DataFrame({"name": labels.codes, "number": numbers.codes}).drop_duplicates()
    repeated = pairs[pairs["name"].duplicated(keep=False)]
    if len(repeated):
        code = int(repeated["name"].iloc[0])
        which = [numbers.texts[number] for number in repeated.loc[repeated["name"] == code, "number"]]
        text = (
            f"{source}: {columns.asset} {labels.texts[code]!r} is the name of several assets by {columns.identity}:"
            f" {list_names(which)}; set data.asset_column to {columns.identity}"
        )
        yield Finding("names of several assets", "fatal", labels.texts[code], None, text)


def _check_unused(path: Path, columns: FileColumns, *, notice: bool) -> Iterator[Finding]:
    """Find columns that are not used: fatal where one of them looks like an adjusted price, and the price does not.

    `notice` names columns that are not used and do no harm.
    """
    value, used = columns.values[0], {*columns.texts, *columns.numbers}
    unused = [name for name in columns.header if name not in used]
    adjusted = [name for name in unused if looks_adjusted(name)]
    if adjusted and columns.kind == "prices" and not is_adjusted(value):
        names = list_names(adjusted)
        text = (
            f"{path}: {value!r} would be the price, but {names} looks like an adjusted one, which returns need; call"
            " the column of adjusted prices 'adj_close' and the other 'close', or delete the other; if"
            f" {value!r} is adjusted for dividends and splits, delete {names}"
        )
        yield Finding("adjusted price not used", "fatal", None, None, text)
    elif notice:
        for name in unused:
            also = " and looks adjusted" if name in adjusted else ""
            text = f"{path}: column {name!r} is not used{also}; {columns.kind} are those of {value!r}"
            yield Finding(IGNORED_COLUMN, "warning", name, None, text)


def _asset_name(path: Path) -> str:
    """Return the name of a file without its ending."""
    ending = max((end for end in CSV + PARQUET if path.name.lower().endswith(end)), key=len, default="")
    return path.name[: len(path.name) - len(ending)].strip()


def _note_columns(path: Path, asset: str, columns: FileColumns) -> Iterator[Finding]:
    """Report how bars of one asset were read: price, bars, and unused columns."""
    price, used = columns.values[0], columns.numbers
    doubt = "" if is_adjusted(price) else ", which must be adjusted for dividends and splits"
    others = [name for name in columns.header if name not in (columns.date, *used)]
    unused = f"; not used: {list_names(others)}" if others else ""
    beside = [name for name in used if name != price]
    bars = f", and {list_names(beside)} its bars" if beside else ""
    text = f"{path}: read as one asset, called {asset!r} after the file: its price is {price!r}{doubt}{bars}{unused}"
    yield Finding("one asset", "note", asset, None, text)
    for name in others:
        # A word of vendors, such as dividends, is no surprise; any other column may be one of the bars.
        severity: Severity = "note" if find_role_of(name) == "other" else "warning"
        yield Finding(IGNORED_COLUMN, severity, name, None, f"{path}: column {name!r} is not used")
