"""Draft: a price file before it is written, as text cells, with the information for reading it correctly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Expectation = Literal["good", "sound", "truth", "readers", "suspect", "anything"]
"""What must hold if the file is read: see `benchmarks.fuzz.prices.check`."""

RAW = "\ue000"
"""Prefix of a cell that is written unchanged, without added quotes."""


@dataclass
class Style:
    """The format in which cells are written.

    Attributes
    ----------
    ending : str
        File extension: ".csv", ".csv.gz", ".csv.bz2", ".parquet" or ".pq".
    separator, line_end, encoding : str
    quote : {"needed", "all", "text"}
        Which cells of a CSV file are quoted.
    final_line_end : bool
    before, after : str
        Text above the header and below the last row, written unchanged.
    number_type, date_type : str
        Types of columns in Parquet files.
    """

    ending: str = ".csv"
    separator: str = ","
    line_end: str = "\n"
    encoding: str = "utf-8"
    quote: str = "needed"
    final_line_end: bool = True
    before: str = ""
    after: str = ""
    number_type: str = "float64"
    date_type: str = "string"

    @property
    def is_parquet(self) -> bool:
        """Whether the file is a Parquet file."""
        return self.ending in (".parquet", ".pq")


@dataclass(frozen=True)
class Reading:
    """The correct interpretation of the file: its layout and the meaning of its columns.

    Attributes
    ----------
    layout : {"wide", "long", "single"}
    date : str
        Column of the dates.
    day_first : bool
        Whether a date like 3/4/2020 is in April.
    price : str
        Column of the values; "" in wide tables.
    asset : str
        Column of the assets in long tables; the asset's name in files of one asset; "" in wide ones.
    values : {"prices", "returns", "percent_returns"}
    ignored : tuple of str
        Columns of a wide table that are not assets.
    cash, market : str or None
        Columns of a wide table.
    cash_values : str
        Kind of values in the column of cash.
    is_cash_declared : bool
        Whether the options say so; otherwise it counts as returns.
    bars : dict of str to str
        Column of each bar price and of the volume, by its name in the panel.
    unadjusted : str
        Column of the close in the unit of the bars, where `price` is adjusted.
    steps_per_year : int
    """

    layout: str
    date: str
    day_first: bool = False
    price: str = ""
    asset: str = ""
    values: str = "prices"
    ignored: tuple[str, ...] = ()
    cash: str | None = None
    cash_values: str = "returns"
    is_cash_declared: bool = True
    market: str | None = None
    bars: dict[str, str] = field(default_factory=dict)
    unadjusted: str = ""
    steps_per_year: int = 252

    def options(self) -> dict[str, Any]:
        """Return the options for loading the file."""
        out: dict[str, Any] = {"values": self.values}
        if self.cash is not None:
            explicit = {"column": self.cash, "values": self.cash_values}
            out["cash"] = explicit if self.is_cash_declared else self.cash
        if self.market is not None:
            out["market"] = self.market
        return out


@dataclass(frozen=True, eq=False)
class Content:
    """The content of a file.

    Attributes
    ----------
    dates : ndarray of datetime64[D], shape (T,)
        Increasing.
    assets : tuple of str, length N
    values : ndarray of shape (T, N)
        Missing values are NaN.
    extra : dict of str to ndarray
        Cash and market, shape (T,); bars, volume and the unadjusted close, shape (T, N).
    """

    dates: NDArray[np.datetime64]
    assets: tuple[str, ...]
    values: NDArray[np.float64]
    extra: dict[str, NDArray[np.float64]]


@dataclass
class Draft:
    """A file that is not yet written.

    Attributes
    ----------
    header : list of str
    rows : list of list of str
    reading : Reading
    style : Style
    stem : str
        Name of the file without its extension.
    notes : list of str
        Descriptions of the file and its mutations.
    expectation : str
    truth : Content or None
        Content of the file, or its content before damage; None if it cannot be read.
    named : tuple of str
        If the file is read differently, a printed finding must mention one of these names.
    is_strict : bool
        Whether a different content is a fault even with a finding.
    """

    header: list[str]
    rows: list[list[str]]
    reading: Reading
    style: Style
    stem: str
    notes: list[str]
    expectation: Expectation = "good"
    truth: Content | None = None
    named: tuple[str, ...] = ()
    is_strict: bool = False

    def column(self, name: str) -> int:
        """Return the position of a column, -1 if there is none."""
        return self.header.index(name) if name in self.header else -1

    def value_columns(self) -> list[int]:
        """Return the positions of columns of numbers that the reading uses."""
        if self.reading.layout == "wide":
            skipped = {self.reading.date, *self.reading.ignored}
            return [n for n, name in enumerate(self.header) if name not in skipped]
        used = {self.reading.price, *self.reading.bars.values(), self.reading.unadjusted}
        return [n for n, name in enumerate(self.header) if name in used]


@dataclass(frozen=True, eq=False)
class PriceCase:
    """The payload of a case: how to read its file, and the expected result.

    `options` are those for loading the file. `as_of` states whether the file is read a second time as of a date in its
    middle. `sheet` is that of a workbook. The other attributes are as in `Draft`.
    """

    reading: Reading
    options: dict[str, Any]
    expectation: Expectation
    truth: Content | None
    named: tuple[str, ...]
    is_strict: bool
    is_parquet: bool
    as_of: bool
    sheet: str | None = None
