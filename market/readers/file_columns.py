"""The columns that are read from a file, and how they are picked if one column holds all prices or returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from foundation.suggestions import list_names, suggest
from market.errors import SourceError
from market.findings import Kind
from market.panel import BARS
from market.readers.column_roles import find_asset, find_role, find_value, find_volume
from market.readers.recognition.price_rules import PriceRule, find_price_rule
from market.text.names import clean_name

Layout = Literal["wide", "long"]


@dataclass(frozen=True)
class ColumnChoice:
    """What a user states about the columns of a file. None leaves it to their names.

    Attributes
    ----------
    layout : {"wide", "long"}, optional
    kind : {"prices", "returns"}
    date, asset, value : str, optional
        Columns of the dates, and of the assets and their prices or returns in a long table.
    """

    layout: Layout | None = None
    kind: Kind = "prices"
    date: str | None = None
    asset: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class FileColumns:
    """The columns that are read from a file, by their roles.

    Attributes
    ----------
    layout : {"wide", "long", "single", "fields"}
        One column per asset, one row per date and asset, bars of one asset, or several fields of each asset.
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
    fields : mapping of str to mapping of str to str
        In a table of fields: by asset, its columns by their roles ("value", "volume", and those of bars).
    rule : PriceRule
        How the prices follow from the columns of some vendors.
    identity : str
        A column that tells assets of the same name apart; "" without one.
    """

    layout: Literal["wide", "long", "single", "fields"]
    header: tuple[str, ...]
    kind: Kind
    date: str
    values: tuple[str, ...]
    asset: str = ""
    volume: str | None = None
    bars: Mapping[str, str] = field(default_factory=dict)
    guessed: bool = False
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rule: PriceRule = field(default_factory=PriceRule)
    identity: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns of text."""
        return (self.date, *(name for name in (self.asset, self.identity) if name))

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns of numbers."""
        volume = () if self.volume is None else (self.volume,)
        parts = [name for columns in self.fields.values() for name in columns.values()]
        factors = (*self.rule.multiply, *self.rule.divide)
        return tuple(dict.fromkeys((*self.values, *self.bars.values(), *volume, *parts, *factors)))

    @property
    def missing(self) -> dict[str, tuple[str, ...]]:
        """By column, texts that stand for no value there."""
        return {self.values[0]: self.rule.missing} if self.rule.missing else {}


def pick_long_columns(
    path: Path, header: Sequence[str], date_name: str, choice: ColumnChoice, *, guessed: bool
) -> FileColumns:
    """Return the columns of a table with one row per date and asset."""
    kind, columns = choice.kind, [name for name in header if name != date_name]
    asset = _take(path, "asset_column", choice.asset, columns) or find_asset(columns)
    if asset is not None and choice.value is not None and clean_name(choice.value) == asset:
        raise SourceError(f"{path}: {asset!r} cannot be the column of assets and that of {kind} too")
    rule = find_price_rule(columns, kind)
    columns = [name for name in columns if name != asset]
    value = _take(path, "price_column", choice.value, columns) or rule.column or find_value(columns, kind)
    found = f"found {list_names(header)}"
    if asset is None:
        raise SourceError(
            f"{path}: a long table of {kind} needs a column called 'asset', 'symbol' or 'ticker', or its name as"
            f" asset_column; {found}"
        )
    if value is None:
        expected = "'price', 'adj_close' or 'close'" if kind == "prices" else "'return' or 'ret'"
        other: Kind = "returns" if kind == "prices" else "prices"
        beside = find_value(columns, other)
        switch = f"; set data.values to {other} to read {beside!r}" if beside is not None else ""
        raise SourceError(
            f"{path}: a long table of {kind} needs a column called {expected}, or its name as price_column;"
            f" {found}{switch}"
        )
    rule = rule if value == rule.column else PriceRule()
    identity = next((name for name in columns if name.casefold() == "permno"), "")
    bars = _pick_bars(columns, value) if kind == "prices" and not rule.column else {}
    volume = None if rule.column else find_volume(columns)
    return FileColumns(
        "long",
        tuple(header),
        kind,
        date_name,
        (value,),
        asset,
        volume,
        bars,
        guessed=guessed,
        rule=rule,
        identity=identity,
    )


def pick_single_columns(
    path: Path, header: Sequence[str], date_name: str, columns: Sequence[str], choice: ColumnChoice
) -> FileColumns:
    """Return the columns of bars of one asset, chosen from those with a role in bars."""
    price = _take(path, "price_column", choice.value, columns) or find_value(columns, "prices")
    if price is None:
        raise SourceError(
            f"{path}: the columns {list_names(columns)} look like bars of one asset, without its close;"
            " add a column 'close', or rename the columns if they are assets"
        )
    bars = _pick_bars(columns, price)
    volume = find_volume(columns)
    return FileColumns("single", tuple(header), "prices", date_name, (price,), "", volume, bars)


def _take(path: Path, key: str, wanted: str | None, columns: Sequence[str]) -> str | None:
    """Return a column that a setting names."""
    name = None if wanted is None else clean_name(wanted)
    if name is not None and name not in columns:
        raise SourceError(f"{path}: no column {name!r} for {key}{suggest(name, columns)}")
    return name


def _pick_bars(header: Sequence[str], price: str) -> dict[str, str]:
    """Return the columns of bars. Without an unadjusted close beside the price, the price is the close."""
    bars = {bar: name for bar in BARS if (name := find_role(header, bar)) is not None}
    bars.setdefault("close", price)
    return bars
