"""The user's own files: prices or returns, wide or long, to a panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from market.checks.checklist import check_inputs
from market.errors import SourceError
from market.findings import Finding, Kind, ValueKind, raise_if_fatal
from market.panel import Panel
from market.readers.duplicate_rows import keep_one_row
from market.readers.file_columns import ColumnChoice, Layout
from market.readers.intraday import read_sessions
from market.readers.layouts import arrange_values, parse_columns, pick_columns
from market.readers.roles import Roles, RoleSetting, read_roles
from market.readers.traded import NO_TRADED_PRICES, TradedSetting, add_traded, select_traded
from market.text.dates import read_dates
from market.text.headers import read_header
from market.text.names import check_lookalikes, clean_name
from market.text.options import DecimalMark, DuplicateRows, Scale, TextOptions
from market.values.combining import combine_grids
from market.values.dates.periods import PeriodName
from market.values.dates.row_selection import RowSettings
from market.values.dates.trading_calendar import RunningPeriod
from market.values.grid import Grid, convert_percent
from market.values.inputs import PanelInputs, Span, make_panel


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
    scale : {"fraction", "percent"}, optional
        The unit of returns: "percent" is the same as `values="percent_returns"`.
    asset_column, price_column : str, optional
        Columns of a long file that name the asset of each row and hold its price or return.
    duplicate_rows : {"refuse", "first", "last"}
        What becomes of several rows with the same date (and asset): "first" and "last" keep one by its place in the
        file.
    skip_rows : int, optional
        Lines above the line of column names.
    table : int, optional
        Which of several tables in a text file is read, counted from 1.
    decimal : {".", ","}, optional
        The decimal mark of a text file.
    date_format : str, optional
        How dates are written: codes of strptime such as "%d/%m/%Y", or "excel" or "yyyyq".
    na_values : tuple of str or float
        More texts and numbers that stand for no value.
    traded : str or mapping, optional
        Column of a long file with the prices that were paid, beside adjusted ones, or `{"path": ...}` of a wide file of
        such prices. They count shares; features and returns do not use them.
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
    scale: Scale | None = None
    asset_column: str | None = None
    price_column: str | None = None
    duplicate_rows: DuplicateRows = "refuse"
    skip_rows: int | None = None
    table: int | None = None
    decimal: DecimalMark | None = None
    date_format: str | None = None
    na_values: tuple[str | float, ...] = ()
    traded: TradedSetting = None

    @property
    def kind(self) -> Kind:
        """What the assets hold after percent became fractions."""
        return "prices" if self.values == "prices" else "returns"

    @property
    def is_percent(self) -> bool:
        """Whether returns are in percent."""
        return self.values == "percent_returns" or (self.kind == "returns" and self.scale == "percent")

    @property
    def text_options(self) -> TextOptions:
        """What is stated about the text of the file."""
        codes = tuple(map(str, self.na_values))
        return TextOptions(self.skip_rows, self.table, self.decimal, self.date_format, codes, self.is_percent)

    @property
    def column_choice(self) -> ColumnChoice:
        """What is stated about its columns."""
        return ColumnChoice(self.layout, self.kind, self.date_column, self.asset_column, self.price_column)


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
    texts: Sequence[TextOptions] | None = None,
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
    texts : sequence of TextOptions, optional
        What is known about the text of each file, instead of what the settings state about all.
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
    inputs = read_inputs(source, paths, settings, texts=texts, start=start, end=end, known_by=known_by)
    findings = (*inputs.grid.findings, *check_inputs(inputs))
    notes = read_roles(source, settings.cash, settings.market).notes
    if settings.traded is None and inputs.kind == "prices":
        notes = (*notes, NO_TRADED_PRICES)
    panel = make_panel(inputs, notes)
    if settings.traded is None:
        return panel, findings
    panel, more = add_traded(panel, *_read_traded(source, paths, settings, texts))
    return panel, (*findings, *more)


def read_inputs(
    source: str,
    paths: Sequence[Path],
    settings: FileSettings,
    *,
    texts: Sequence[TextOptions] | None = None,
    start: date | None = None,
    end: date | None = None,
    known_by: pd.Timestamp | None = None,
) -> PanelInputs:
    """Read files as `load_files` does, without checking their values.

    The findings of the reading itself are those of the grid.

    Raises
    ------
    DataError
        SourceError if a file cannot be read, IntegrityError if rows contradict each other.
    """
    roles = read_roles(source, settings.cash, settings.market)
    texts = texts or [settings.text_options] * len(paths)
    grids = [_read_grid(path, settings, options, roles) for path, options in zip(paths, texts, strict=True)]
    grid = combine_grids([str(path) for path in paths], grids).cut_at(source, known_by)
    del grids  # as large as the files
    inputs = _convert_grid(source, grid, settings, roles, (start, end))
    if settings.frequency is None:
        return inputs
    # Faults of single days, such as missed splits, may be invisible in months.
    finer = replace(settings, frequency=None, running_period=None)
    return replace(inputs, finer=_convert_grid(source, grid, finer, roles, (start, end)))


def _read_grid(
    path: Path, settings: FileSettings, options: TextOptions, roles: Roles, traded: str | None = None
) -> Grid:
    """Return the values of a file by date, or by session, and asset.

    With a column of traded prices, these are the closes of bars.
    """
    source, header = str(path), read_header(path, options)
    columns = pick_columns(path, header, settings.column_choice)
    if traded is not None:
        columns = select_traded(path, columns, traded)
    contents, name = parse_columns(path, columns, options), columns.date
    in_zone = settings.sessions is not None
    dates = read_dates(source, name, contents.coded[name], options.date_format, in_zone=in_zone)
    if settings.sessions is None:
        contents, dates = keep_one_row(source, columns, contents, dates, settings.duplicate_rows)
        return arrange_values(path, columns, contents, dates)
    stamps = read_sessions(source, name, dates, settings.sessions)
    contents, instants = keep_one_row(
        source, columns, contents, stamps.date_rows(dates), settings.duplicate_rows
    )
    grid = arrange_values(path, columns, contents, instants)
    if roles.cash_kind == "percent_returns" or settings.is_percent:
        raise SourceError(
            f"{source}: data.sessions: percentages cannot be compounded here; divide them by 100"
        )
    own: dict[str | None, Kind | None] = {roles.market: roles.market_kind}
    own[roles.cash] = "prices" if roles.cash_kind not in (None, "returns") else "returns"
    return stamps.reduce(
        grid, [own.get(label) or settings.kind for label in grid.names], settings.running_period
    )


def _read_traded(
    source: str, paths: Sequence[Path], settings: FileSettings, texts: Sequence[TextOptions] | None
) -> tuple[str, Grid]:
    """Return what to call the traded prices, and their grid."""
    roles = read_roles(source, settings.cash, settings.market)
    if settings.traded is None or isinstance(settings.traded, str):
        column = clean_name(settings.traded or "")
        texts = texts or [settings.text_options] * len(paths)
        read = [
            _read_grid(path, settings, text, roles, column) for path, text in zip(paths, texts, strict=True)
        ]
        grid = combine_grids([str(path) for path in paths], read)
        return source, replace(grid, values=grid.bars["close"])
    path = Path(settings.traded["path"])
    wide = replace(settings, layout="wide", asset_column=None, price_column=None)
    return str(path), _read_grid(path, wide, settings.text_options, roles)


def _convert_grid(source: str, grid: Grid, settings: FileSettings, roles: Roles, span: Span) -> PanelInputs:
    """Return the rows of the calendar, as fractions where they are returns, with cash apart."""
    raise_if_fatal(check_lookalikes(source, grid.names))
    roles.check_names(source, grid.names)
    percent = settings.is_percent
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
