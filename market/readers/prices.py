"""The user's own files: prices or returns, wide or long, to a panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from market.checks.checklist import check_inputs
from market.findings import Finding, Kind, ValueKind, raise_if_fatal
from market.panel import Panel
from market.readers.layouts import Layout, arrange_values, parse_columns, pick_columns
from market.readers.roles import Roles, RoleSetting, read_roles
from market.text.dates import read_dates
from market.text.headers import read_header
from market.text.names import check_lookalikes, clean_name
from market.values.combining import combine_grids
from market.values.grid import Grid, convert_percent
from market.values.inputs import PanelInputs, Span, make_panel
from market.values.trading_calendar import RunningPeriod, apply_calendar


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
        `{"column": ..., "values": ...}`, with one of `market.values.cash.KINDS`. Without it cash earns 0.
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
    cash: RoleSetting = None
    market: RoleSetting = None
    calendar: str | None = None
    running_period: RunningPeriod = "keep"

    @property
    def kind(self) -> Kind:
        """What the assets hold after percent became fractions."""
        return "prices" if self.values == "prices" else "returns"


def load_file(
    path: Path, settings: FileSettings | None = None, **options: Any
) -> tuple[Panel, tuple[Finding, ...]]:
    """Read a CSV or Parquet file to a panel; see `load_files`."""
    return load_files(str(path), [path], settings, **options)


def load_files(
    source: str,
    paths: Sequence[Path],
    settings: FileSettings | None = None,
    *,
    start: date | None = None,
    end: date | None = None,
    known_by: pd.Timestamp | None = None,
) -> tuple[Panel, tuple[Finding, ...]]:
    """Read CSV or Parquet files of prices or returns to a panel, with warnings and notes.

    In a table of prices the first row starts no return: the panel begins with the second. Several files hold one asset
    each, or pieces of one table.

    Parameters
    ----------
    source : str
        What to call the files together in messages.
    paths : sequence of Path
        One at least.
    settings : FileSettings, optional
    start, end : date, optional
        First and last date at which cash must have a return; nothing is cut.
    known_by : Timestamp, optional
        Read the rows up to this date alone, as if the file ended there. Assets that are listed later are left out.

    Raises
    ------
    DataError
        SourceError if a file cannot be read, IntegrityError if values are impossible or two files disagree.
    """
    settings = settings or FileSettings()
    roles = read_roles(source, settings.cash, settings.market)
    grids = [_read_grid(path, settings) for path in paths]
    grid = combine_grids([str(path) for path in paths], grids).cut_at(source, known_by)
    del grids  # as large as the files
    inputs = _convert_grid(source, grid, settings, roles, (start, end))
    findings = (*inputs.grid.findings, *check_inputs(inputs))
    return make_panel(inputs, roles.notes), findings


def _read_grid(path: Path, settings: FileSettings) -> Grid:
    """Read the values of one file by date and column."""
    header = read_header(path)
    columns = pick_columns(path, header, settings.layout, settings.kind, settings.date_column)
    contents = parse_columns(path, columns)
    dates = read_dates(str(path), columns.date, contents.coded[columns.date])
    return arrange_values(path, columns, contents, dates)


def _convert_grid(source: str, grid: Grid, settings: FileSettings, roles: Roles, span: Span) -> PanelInputs:
    """Return the rows of the calendar, as fractions where they are returns, with cash apart."""
    raise_if_fatal(check_lookalikes(source, grid.names))
    roles.check_names(source, grid.names)
    percent = settings.values == "percent_returns"
    if percent:
        grid = convert_percent(source, grid, [roles.cash, roles.market if roles.market_kind else None])
    calendar = settings.calendar and clean_name(settings.calendar)
    own = {roles.market: roles.market_kind, roles.cash: "prices"}  # cash compounds by itself
    kinds = [own.get(name) or settings.kind for name in grid.names]
    kept = apply_calendar(source, grid, calendar, settings.running_period, kinds)
    cash = roles.select_cash(source, grid, kept.dates)
    kept = kept if cash is None else kept.drop_column(cash.name)
    market, market_kind = roles.market, roles.market_kind
    return PanelInputs("prices", source, kept, settings.kind, percent, cash, market, market_kind, span)
