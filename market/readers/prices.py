"""The user's own file: prices or returns, wide or long, to a panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.suggestions import suggest
from market.checks.asset_names import check_lookalikes
from market.checks.units import convert_percent
from market.errors import SourceError
from market.findings import Finding, Kind, ValueKind, raise_if_fatal
from market.grid import Grid
from market.panel import Panel
from market.readers.assembly import GridContents, assemble_panel, find_return_columns
from market.readers.cash import RawCash, find_compounding, read_role
from market.readers.layouts import Layout, read_grid
from market.readers.trading_calendar import RunningPeriod, apply_calendar
from market.text.names import clean_name


@dataclass(frozen=True)
class FileSettings:
    """How to read a file of prices or returns.

    Attributes
    ----------
    layout : {"wide", "long"}, optional
        Wide: a date column, and one column per asset. Long: columns date, asset, price (or return), and optionally
        volume, open, high, low, close and vwap. Inferred from the column names by default.
    values : {"prices", "returns", "percent_returns"}
        Prices are adjusted closes. Returns are simple, as fractions or in percent.
    date_column : str, optional
        Its name, if it is not called date.
    cash : str or mapping, optional
        Column (wide) or asset (long) with the return of cash in each step, a fraction, or
        `{"column": ..., "values": ...}`, with one of `market.checks.cash.KINDS`. Without it cash earns 0.
    market : str or mapping, optional
        Column or asset with the market, of the same kind as the assets (`values`), or
        `{"column": ..., "values": "prices" or "returns"}`. Without it the market is the mean of the assets.
    calendar : str, optional
        "weekdays" leaves out Saturdays and Sundays. The name of a column leaves out the rows at which that column has
        no value. By default all rows are kept. Returns run from one kept row to the next.
    running_period : {"keep", "drop"}
        "drop" leaves out monthly and weekly rows that do not complete their period.
    """

    layout: Layout | None = None
    values: ValueKind = "prices"
    date_column: str | None = None
    cash: str | Mapping[str, str] | None = None
    market: str | Mapping[str, str] | None = None
    calendar: str | None = None
    running_period: RunningPeriod = "keep"

    @property
    def kind(self) -> Kind:
        """What the assets hold after percent became fractions."""
        return "prices" if self.values == "prices" else "returns"


def load_file(
    path: Path,
    settings: FileSettings | None = None,
    *,
    start: date | None = None,
    end: date | None = None,
    known_by: pd.Timestamp | None = None,
) -> tuple[Panel, tuple[Finding, ...]]:
    """Read a CSV or Parquet file of prices or returns.

    Parameters
    ----------
    path : Path
    settings : FileSettings, optional
    start, end : date, optional
        First and last date at which cash must have a return; nothing is cut.
    known_by : Timestamp, optional
        Read the rows up to this date alone, as if the file ended there. Assets that are listed later are left out.

    Returns
    -------
    panel : Panel
        In a table of prices the first row starts no return: the panel begins with the second.
    findings : tuple of Finding
        Warnings and notes.

    Raises
    ------
    DataError
        SourceError if the file cannot be read, IntegrityError if its values are impossible.
    """
    settings = settings or FileSettings()
    source, kind, percent = str(path), settings.kind, settings.values == "percent_returns"
    cash_name, cash_kind = read_role(source, "cash", settings.cash)
    market_name, market_kind = read_role(source, "market", settings.market)
    cash_name, market_name = (name and clean_name(name) for name in (cash_name, market_name))
    grid = read_grid(path, layout=settings.layout, kind=kind, date_column=settings.date_column)
    grid = grid.cut_at(source, known_by)
    raise_if_fatal(check_lookalikes(source, grid.names))
    _check_roles(source, grid, cash_name, market_name)
    if percent:
        grid = convert_percent(source, grid, [cash_name, market_name if market_kind else None])
    compounding = find_return_columns(
        grid.names, kind, {market_name: market_kind or kind, cash_name: find_compounding(cash_kind)}
    )
    whole, calendar = grid, settings.calendar and clean_name(settings.calendar)
    grid = apply_calendar(source, grid, calendar, settings.running_period, compounding)
    cash = None
    if cash_name is not None:
        column = RawCash(cash_name, whole.values[:, whole.names.index(cash_name)], cash_kind)
        cash = replace(column, values=column.select_rows(np.isin(whole.dates, grid.dates)))
        grid = grid.drop_column(cash_name)
    contents = GridContents(kind, percent, cash, market_name, market_kind)
    panel, findings = assemble_panel("prices", source, grid, contents, (start, end))
    return replace(panel, notes=_note_roles(cash_name, market_name)), findings


def _check_roles(source: str, grid: Grid, cash: str | None, market: str | None) -> None:
    """Refuse cash and market columns that are missing or the same."""
    for role, name in (("cash", cash), ("market", market)):
        if name is not None and name not in grid.names:
            raise SourceError(f"{source}: no {role} column {name!r}{suggest(name, grid.names)}")
    if cash is not None and cash == market:
        raise SourceError(f"{source}: column {cash!r} is named as cash and as market")


def _note_roles(cash: str | None, market: str | None) -> tuple[str, ...]:
    """Return notes for the roles that no column has."""
    no_cash = "No cash column was named: cash earns 0."
    no_market = "No market column was named: the market is the equally weighted mean of the listed assets."
    return (*([no_cash] if cash is None else []), *([no_market] if market is None else []))
