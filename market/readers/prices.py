"""The user's own file: prices or returns, wide or long, to a panel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.counts import format_count
from foundation.suggestions import suggest
from foundation.types import Floats
from market.calendar import infer_frequency
from market.checks.anomalies import check_anomalies, check_magnitude
from market.checks.asset_names import check_lookalikes, check_names
from market.checks.bars import adjust_bars, check_bars
from market.checks.integrity import check_impossible
from market.checks.riskless import check_riskless, find_riskless
from market.checks.units import check_counts, check_fractions, check_units, convert_percent
from market.errors import DataError, SourceError
from market.findings import Finding, Kind, Table, ValueKind, raise_if_fatal
from market.grid import Grid
from market.panel import Panel
from market.readers.cash import CashKind, check_cash, convert_cash, read_role
from market.readers.layouts import Layout, read_grid
from market.readers.trading_calendar import RunningPeriod, apply_calendar, compound_returns
from market.returns import simple_returns
from market.text.names import clean_name


def load_file(
    path: Path,
    *,
    layout: Layout | None = None,
    values: ValueKind = "prices",
    date_column: str | None = None,
    cash: str | Mapping[str, str] | None = None,
    market: str | Mapping[str, str] | None = None,
    calendar: str | None = None,
    running_period: RunningPeriod = "keep",
    start: date | None = None,
    end: date | None = None,
    known_by: pd.Timestamp | None = None,
) -> tuple[Panel, tuple[Finding, ...]]:
    """Read a CSV or Parquet file of prices or returns.

    Parameters
    ----------
    path : Path
    layout : {"wide", "long"}, optional
        Wide: a date column, and one column an asset. Long: columns date, asset, price (or return), and
        volume, open, high, low, close and vwap as far as there are. Told by the column names when not given.
    values : {"prices", "returns", "percent_returns"}
        Prices are adjusted closes. Returns are simple, as fractions or in percent.
    date_column : str, optional
        Its name, when it is not called date.
    cash : str or mapping, optional
        Column (wide) or asset (long) with the return of cash in each step, a fraction, or
        `{"column": ..., "values": ...}` with what it holds, one of `market.readers.cash.KINDS`. Without it cash
        earns 0.
    market : str or mapping, optional
        Column or asset with the market, which holds what the assets hold (`values`), or
        `{"column": ..., "values": "prices" or "returns"}`. Without it the market is the mean of the assets.
    calendar : str, optional
        "weekdays" leaves out Saturdays and Sundays, and the name of a column the rows at which it has no value; by
        default all rows are kept. Returns run from one kept row to the next.
    running_period : {"keep", "drop"}
        "drop" leaves out monthly and weekly rows that do not complete their period.
    start, end : date, optional
        First and last date at which cash must have a return; nothing is cut.
    known_by : Timestamp, optional
        Read the rows up to this date alone, as if the file ended there; assets that are listed later are not in it.

    Returns
    -------
    panel : Panel
        In a table of prices the first row starts no return: the panel begins with the second.
    findings : tuple of Finding
        Warnings and notes.

    Raises
    ------
    DataError
        SourceError if the file cannot be read, IntegrityError if what it says cannot be.
    """
    source = str(path)
    kind: Kind = "prices" if values == "prices" else "returns"
    cash_name, cash_kind = read_role(source, "cash", cash)
    market_name, market_kind = read_role(source, "market", market)
    cash_name, market_name = (name and clean_name(name) for name in (cash_name, market_name))
    grid = read_grid(path, layout=layout, kind=kind, date_column=date_column).cut_at(str(path), known_by)
    raise_if_fatal(check_lookalikes(source, grid.names))
    for role, name in (("cash", cash_name), ("market", market_name)):
        if name is not None and name not in grid.names:
            raise SourceError(f"{source}: no {role} column {name!r}{suggest(name, grid.names)}")
    if cash_name is not None and cash_name == market_name:
        raise SourceError(f"{source}: column {cash_name!r} is named as cash and as market")
    notes = []
    if cash_name is None:
        notes.append("No cash column was named: cash earns 0.")
    if market_name is None:
        notes.append(
            "No market column was named: the market is the equally weighted mean of the listed assets."
        )
    if values == "percent_returns":
        grid = convert_percent(source, grid, [cash_name, market_name if market_kind else None])
    compounding = _find_return_columns(
        grid.names, kind, {market_name: market_kind or kind, cash_name: _compounding_kind(cash_kind)}
    )
    whole = grid
    grid = apply_calendar(source, grid, calendar and clean_name(calendar), running_period, compounding)
    levels = None
    if cash_name is not None:
        column = Cash(cash_name, whole.values[:, whole.names.index(cash_name)], cash_kind)
        levels = replace(column, values=column.at(np.isin(whole.dates, grid.dates)))
        grid = grid.drop_column(cash_name)
    panel, findings = assemble_panel(
        "prices",
        source,
        grid,
        kind,
        percent=values == "percent_returns",
        cash=levels,
        market=market_name,
        market_kind=market_kind,
        span=(start, end),
    )
    return replace(panel, notes=tuple(notes)), findings


@dataclass(frozen=True, eq=False)
class Cash:
    """A column of cash as the source holds it.

    Attributes
    ----------
    column : str
    values : ndarray of shape (T,)
    kind : str or None
        One of `market.readers.cash.KINDS`; None if the configuration does not say.
    """

    column: str
    values: Floats
    kind: CashKind | None

    def at(self, rows: NDArray[np.bool_]) -> Floats:
        """Return the values at some rows; returns compound over the rows that are left out."""
        if rows.all() or _compounding_kind(self.kind) == "prices":
            return self.values[rows]
        unit = 100.0 if self.kind == "percent_returns" else 1.0
        return unit * compound_returns(self.values[:, None] / unit, rows)[:, 0]


def _compounding_kind(kind: CashKind | None) -> Kind:
    """Return whether a column of cash compounds over rows that are left out, as returns do; prices and rates do not."""
    return "returns" if kind in (None, "returns", "percent_returns") else "prices"


def _find_return_columns(names: Sequence[str], kind: Kind, others: Mapping[str | None, Kind]) -> list[str]:
    """Return the columns that hold returns, where some hold another kind than the assets."""
    return [name for name in names if others.get(name, kind) == "returns"]


def assemble_panel(
    name: str,
    source: str,
    grid: Grid,
    kind: Kind,
    *,
    percent: bool = False,
    cash: Cash | None,
    market: str | None,
    market_kind: Kind | None = None,
    span: tuple[date | None, date | None] = (None, None),
) -> tuple[Panel, tuple[Finding, ...]]:
    """Check a grid and make it a panel.

    Parameters
    ----------
    name : str
        Name of the panel.
    source : str
        What messages call the grid.
    grid : Grid
    kind : {"prices", "returns"}
    percent : bool
        Whether the returns were in percent before.
    cash : Cash or None
        None earns 0.
    market : str or None
        Column that is the market and no asset; None takes the mean of the listed assets that are not nearly
        riskless.
    market_kind : {"prices", "returns"}, optional
        What the market's column holds, where that is not what the assets hold.
    span : tuple of date or None
        First and last date at which cash must have a return; None is the first or last there is.

    Raises
    ------
    DataError
        If there is too little data, or a fatal finding.
    """
    assets = [column for column, label in enumerate(grid.names) if label != market]
    if not assets:
        raise SourceError(f"{source}: no asset is left beside the date, cash and market columns")
    notices = raise_if_fatal(check_names(source, [grid.names[column] for column in assets]))
    filled = np.asarray(~np.isnan(grid.values[:, assets]).all(axis=1))
    findings = [*grid.findings, *notices, *_note_empty_rows(source, grid.dates[~filled])]
    dates, values = grid.dates[filled].rename(None), grid.values[filled]
    if not filled.all():
        returned = np.isin(grid.names, _find_return_columns(grid.names, kind, {market: market_kind or kind}))
        values[:, returned] = compound_returns(grid.values[:, returned], filled)
    frequency = infer_frequency(dates, source)
    table = Table(source, dates, grid.names, values, kind, frequency)
    own = market is not None and market_kind not in (None, kind)
    checked = table.select_columns(assets) if own else table
    findings += raise_if_fatal(
        [
            *check_impossible(checked),
            *check_units(checked, percent=percent),
            *_check_volume(table, grid, filled),
        ]
    )
    findings += raise_if_fatal(check_fractions(checked) if percent else [])
    findings += raise_if_fatal(
        check_bars(table, {name: prices[filled] for name, prices in grid.bars.items()})
    )
    returns = simple_returns(values) if kind == "prices" else values
    findings += raise_if_fatal([*check_magnitude(table, returns), *check_counts(table, returns)])
    findings += check_anomalies(checked, returns[:, assets] if own else returns)
    # The first close ends no step: there is no return, of assets, market or cash, before the second.
    traded = np.isfinite(returns[:, assets]).any(axis=1)
    if not traded.any():
        raise DataError(f"{source}: no asset has two prices, so there is no return")
    first = int(np.argmax(traded))
    earned = np.zeros(len(dates))
    if cash is not None:
        held = cash.at(filled)
        earned, found = convert_cash(source, cash.column, dates, held, cash.kind, frequency.periods_per_year)
        findings += found
        # Nor does the first price of cash: beside returns of assets, the panel begins a row later.
        first = max(first, 1) if np.isnan(earned[0]) and np.isfinite(held[0]) else first
    kept = slice(first, None)
    used = _select_span(dates, *span) & (np.arange(len(dates)) >= first)
    findings += raise_if_fatal(check_cash(source, dates[used], earned[used]))
    listed = returns[kept, assets]
    names, year = tuple(grid.names[column] for column in assets), frequency.periods_per_year
    # Cash before the first date that is used may be unknown.
    known_cash = np.nan_to_num(earned[kept])
    riskless = find_riskless(listed, known_cash, year)
    findings += check_riskless(source, dates[kept], names, listed, known_cash, year, riskless)
    panel = Panel(
        name=name,
        dates=dates[kept],
        assets=names,
        returns=listed,
        cash=earned[kept],
        market=_average_risky(listed, riskless)
        if market is None
        else _read_market(table, market, market_kind, findings)[kept],
        periods_per_year=year,
        **{name: array[kept, assets] for name, array in _make_bars(grid, filled, values).items()},
    )
    return panel, tuple(findings)


def _select_span(dates: pd.DatetimeIndex, first: date | None, last: date | None) -> NDArray[np.bool_]:
    """Return which dates lie in a span, both ends included, shape (T,)."""
    inside = np.ones(len(dates), dtype=bool)
    if first is not None:
        inside &= np.asarray(dates >= pd.Timestamp(first))
    if last is not None:
        inside &= np.asarray(dates <= pd.Timestamp(last))
    return inside


def _read_market(table: Table, name: str, kind: Kind | None, findings: list[Finding]) -> Floats:
    """Return the returns of the market's column; the checks of one of another kind than the assets' are added."""
    column = replace(table.select_columns([table.names.index(name)]), kind=kind or table.kind)
    returns = simple_returns(column.values) if column.kind == "prices" else column.values
    if column.kind != table.kind:
        findings += raise_if_fatal([*check_impossible(column), *check_units(column)])
        findings += check_anomalies(column, returns)
    return returns[:, 0]


def _make_bars(grid: Grid, filled: NDArray[np.bool_], values: Floats) -> dict[str, Any]:
    """Return bars and volume, as far as there are, in the unit of the prices `values`."""
    bars = {name: prices[filled] for name, prices in grid.bars.items()}
    volume = {} if grid.volume is None else {"volume": grid.volume[filled]}
    if not bars:
        return volume
    bars, factor = adjust_bars(bars, values)
    return {**bars, **{name: units / factor for name, units in volume.items()}}


def _average_risky(returns: Floats, riskless: NDArray[np.bool_]) -> Floats:
    """Return the mean over the assets that have a return and are not nearly riskless, NaN where there is none."""
    listed = np.isfinite(returns) & ~riskless
    count = listed.sum(axis=1)
    total = np.where(listed, returns, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _note_empty_rows(source: str, dates: pd.DatetimeIndex) -> Iterator[Finding]:
    """Note rows without any value, which are left out: nobody could trade at them."""
    if len(dates):
        text = (
            f"{source}: {format_count(len(dates), 'row holds', 'rows hold')} no asset's "
            f"value, the first {dates[0]:%Y-%m-%d}; left out"
        )
        yield Finding("empty row", "note", None, dates[0], text)


def _check_volume(table: Table, grid: Grid, filled: NDArray[np.bool_]) -> Iterator[Finding]:
    """Find volumes that cannot be."""
    if grid.volume is not None:
        volume = grid.volume[filled]
        wrong = np.isinf(volume) | (volume < 0)
        yield from table.find_by_column(
            "impossible volume",
            "fatal",
            wrong,
            lambda t, n: f"volume is {volume[t, n]:g}, expected 0 or more",
        )
