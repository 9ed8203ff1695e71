"""The user's own file: prices or returns, wide or long, to a panel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd

from market.checks.checklist import check_inputs
from market.errors import SourceError
from market.findings import Finding, Kind, ValueKind, join_findings, raise_if_fatal
from market.panel import Panel
from market.readers.file_columns import FileColumns
from market.readers.intraday import read_sessions
from market.readers.layouts import Layout, arrange_values, parse_columns, pick_columns
from market.readers.roles import Roles, RoleSetting, read_roles
from market.text.dates import read_dates
from market.text.headers import read_header
from market.text.names import check_lookalikes, clean_name
from market.values.grid import Grid, convert_percent
from market.values.inputs import PanelInputs, Span, make_panel
from market.values.periods import PeriodName
from market.values.row_selection import RowSettings
from market.values.trading_calendar import RunningPeriod


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
        no value, that of an exchange (such as XNYS) the rows at which it is closed. By default all rows are kept.
        Returns run from one kept row to the next.
    sessions : str, optional
        An exchange or a time zone: stamps with a time of day are placed in its sessions, of each of which one row is
        made. By default the time of day is dropped.
    frequency : str, optional
        Makes one row of each complete period of a finer file: "daily", "weekly" (or "W-FRI", ...), "monthly" or
        "quarterly". By default all rows are kept.
    running_period : {"keep", "drop"}, optional
        "drop" leaves out rows that do not complete their period. The default is "drop" with a frequency, otherwise
        "keep".
    """

    layout: Layout | None = None
    values: ValueKind = "prices"
    date_column: str | None = None
    cash: RoleSetting = None
    market: RoleSetting = None
    calendar: str | None = None
    sessions: str | None = None
    frequency: PeriodName | None = None
    running_period: RunningPeriod | None = None

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
    grid = _read_grid(path, columns, settings, roles).cut_at(source, known_by)
    span = (start, end)
    found: tuple[Finding, ...] = ()
    if settings.frequency is not None:
        # Faults of single days, such as missed splits, may be invisible in months.
        finer = replace(settings, frequency=None, running_period=None)
        found = check_inputs(_convert_grid(source, grid, finer, roles, span))
        found = tuple(
            finding for finding in found if finding.check not in ("running period", "repeated period")
        )
    inputs = _convert_grid(source, grid, settings, roles, span)
    findings = (*inputs.grid.findings, *join_findings(found, check_inputs(inputs)))
    return make_panel(inputs, roles.notes), findings


def _read_grid(path: Path, columns: FileColumns, settings: FileSettings, roles: Roles) -> Grid:
    """Return the values of a file by date, or by session, and asset."""
    source, name = str(path), columns.date
    contents = parse_columns(path, columns)
    dates = read_dates(source, name, contents.coded[name], in_zone=settings.sessions is not None)
    if settings.sessions is None:
        return arrange_values(path, columns, contents, dates)
    stamps = read_sessions(source, name, dates, settings.sessions)
    grid = arrange_values(path, columns, contents, stamps.date_rows(dates))
    if roles.cash_kind == "percent_returns" or settings.values == "percent_returns":
        raise SourceError(
            f"{source}: data.sessions: percentages cannot be compounded here; divide them by 100"
        )
    own: dict[str | None, Kind | None] = {roles.market: roles.market_kind}
    own[roles.cash] = "prices" if roles.cash_kind not in (None, "returns") else "returns"
    return stamps.reduce(
        grid, [own.get(label) or settings.kind for label in grid.names], settings.running_period
    )


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
    rows = RowSettings(calendar, settings.frequency, settings.running_period, settings.kind)
    selected = rows.select(source, grid, kinds)
    kept = selected.kept
    cash = roles.select_cash(source, selected.whole, kept.dates)
    kept = kept if cash is None else kept.drop_column(cash.name)
    market, market_kind = roles.market, roles.market_kind
    return PanelInputs("prices", source, kept, settings.kind, percent, cash, market, market_kind, span)
