"""The user's own file: prices or returns, wide or long, to a panel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from market.checks.checklist import check_inputs
from market.findings import Finding, Kind, ValueKind, raise_if_fatal
from market.panel import Panel
from market.readers.layouts import Layout, arrange_values, parse_columns, pick_columns
from market.readers.roles import Roles, RoleSetting, read_roles
from market.readers.traded import TradedSetting, add_traded
from market.text.dates import read_dates
from market.text.headers import read_header
from market.text.names import check_lookalikes, clean_name
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
    traded : str or mapping, optional
        Column of a long file with the prices that were paid, beside adjusted ones, or `{"path": ...}` of a wide file of
        such prices. They count shares; features and returns do not use them.
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
    traded: TradedSetting = None

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
    """Read a CSV or Parquet file of prices or returns to a panel, with warnings and notes.

    In a table of prices the first row starts no return: the panel begins with the second.

    Parameters
    ----------
    path : Path
    settings : FileSettings, optional
    start, end : date, optional
        First and last date at which cash must have a return; nothing is cut.
    known_by : Timestamp, optional
        Read the rows up to this date alone, as if the file ended there. Assets that are listed later are left out.

    Raises
    ------
    DataError
        SourceError if the file cannot be read, IntegrityError if its values are impossible.
    """
    settings = settings or FileSettings()
    source = str(path)
    roles = read_roles(source, settings.cash, settings.market)
    header = read_header(path)
    columns = pick_columns(path, header, settings.layout, settings.kind, settings.date_column)
    contents = parse_columns(path, columns)
    dates = read_dates(source, columns.date, contents.coded[columns.date])
    grid = arrange_values(path, columns, contents, dates).cut_at(source, known_by)
    del contents, dates  # as large as the file
    inputs = _convert_grid(source, grid, settings, roles, (start, end))
    findings = (*inputs.grid.findings, *check_inputs(inputs))
    panel = make_panel(inputs, roles.notes)
    if settings.traded is None:
        return panel, findings
    panel, more = add_traded(panel, path, settings.traded, settings.layout, settings.date_column)
    return panel, (*findings, *more)


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
