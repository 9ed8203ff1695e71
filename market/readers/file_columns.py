"""The columns that are read from a file, and how they are picked if one column holds all prices or returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from foundation.suggestions import list_names
from market.errors import SourceError
from market.findings import Kind
from market.panel import BARS
from market.readers.column_roles import find_asset, find_role, find_value, find_volume


@dataclass(frozen=True)
class FileColumns:
    """The columns that are read from a file, by their roles.

    Attributes
    ----------
    layout : {"wide", "long", "single"}
        One column per asset, one row per date and asset, or bars of one asset.
    header : tuple of str
        All columns of the file.
    kind : {"prices", "returns"}
    date : str
    values : tuple of str
        Prices or returns: of each asset in a wide table, otherwise one column.
    asset : str
        The column of a long table that names the asset of each row; "" in others.
    volume : str or None
    bars : mapping of str to str
        Columns of `market.panel.BARS`.
    guessed : bool
        Whether the layout was inferred from the column names.
    """

    layout: Literal["wide", "long", "single"]
    header: tuple[str, ...]
    kind: Kind
    date: str
    values: tuple[str, ...]
    asset: str = ""
    volume: str | None = None
    bars: Mapping[str, str] = field(default_factory=dict)
    guessed: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns of text."""
        return (self.date, self.asset) if self.asset else (self.date,)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns of numbers."""
        volume = () if self.volume is None else (self.volume,)
        return tuple(dict.fromkeys((*self.values, *self.bars.values(), *volume)))


def pick_long_columns(
    path: Path, header: Sequence[str], date_name: str, kind: Kind, *, guessed: bool
) -> FileColumns:
    """Return the columns of a table with one row per date and asset."""
    columns = [name for name in header if name != date_name]
    asset, value = find_asset(columns), find_value(columns, kind)
    found = f"found {list_names(header)}"
    if asset is None:
        raise SourceError(
            f"{path}: a long table of {kind} needs a column called 'asset', 'symbol' or 'ticker'; {found}"
        )
    if value is None:
        expected = "'price', 'adj_close' or 'close'" if kind == "prices" else "'return' or 'ret'"
        other: Kind = "returns" if kind == "prices" else "prices"
        beside = find_value(columns, other)
        switch = f"; set data.values to {other} to read {beside!r}" if beside is not None else ""
        raise SourceError(f"{path}: a long table of {kind} needs a column called {expected}; {found}{switch}")
    bars = _pick_bars(header, value) if kind == "prices" else {}
    volume = find_volume(header)
    return FileColumns("long", tuple(header), kind, date_name, (value,), asset, volume, bars, guessed=guessed)


def pick_single_columns(
    path: Path, header: Sequence[str], date_name: str, columns: Sequence[str]
) -> FileColumns:
    """Return the columns of bars of one asset, chosen from those with a role in bars."""
    price = find_value(columns, "prices")
    if price is None:
        raise SourceError(
            f"{path}: the columns {list_names(columns)} look like bars of one asset, without its close;"
            " add a column 'close', or rename the columns if they are assets"
        )
    bars = _pick_bars(columns, price)
    volume = find_volume(columns)
    return FileColumns("single", tuple(header), "prices", date_name, (price,), "", volume, bars)


def _pick_bars(header: Sequence[str], price: str) -> dict[str, str]:
    """Return the columns of bars. Without an unadjusted close beside the price, the price is the close."""
    bars = {bar: name for bar in BARS if (name := find_role(header, bar)) is not None}
    bars.setdefault("close", price)
    return bars
