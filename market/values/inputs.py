"""What a panel is made from: the values of a source, and what its columns hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from foundation.types import Bools, Floats
from market.calendar import infer_frequency
from market.findings import Kind, Table
from market.panel import Panel
from market.values.bars import adjust_bars
from market.values.cash import CashColumn, RawCash
from market.values.grid import Grid
from market.values.returns import select_rows, simple_returns
from market.values.riskless import find_riskless

Span = tuple[date | None, date | None]


@dataclass(frozen=True, eq=False)
class PanelInputs:
    """The values of a source and all that follows from them, for the checks and the panel.

    Each property is computed when it is first used. The checks use them in their order, so that nothing is computed
    from values that they refuse.

    Attributes
    ----------
    name : str
        Name of the panel.
    source : str
        Name of the source in messages.
    grid : Grid
        Columns of assets, and of the market where it has one.
    kind : {"prices", "returns"}
        Of the assets.
    percent : bool
        Whether the returns were in percent before.
    cash : RawCash or None
        In the rows of the grid; None earns 0.
    market : str or None
        Column that is the market and no asset; None takes the mean of the listed assets that are not nearly
        riskless.
    market_kind : {"prices", "returns"}, optional
        What the market's column holds, if not what the assets hold.
    span : tuple of date or None
        First and last date at which cash must have a return; None is the first or last there is.
    """

    name: str
    source: str
    grid: Grid
    kind: Kind
    percent: bool = False
    cash: RawCash | None = None
    market: str | None = None
    market_kind: Kind | None = None
    span: Span = (None, None)

    @property
    def columns(self) -> list[int]:
        """Columns of the N assets."""
        return [column for column, label in enumerate(self.grid.names) if label != self.market]

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets, length N."""
        return tuple(self.grid.names[column] for column in self.columns)

    @cached_property
    def filled(self) -> Bools:
        """Rows of the grid in which an asset has a value; T are left."""
        return np.asarray(~np.isnan(self.grid.values[:, self.columns]).all(axis=1))

    @cached_property
    def table(self) -> Table:
        """These rows of assets and market; returns compound over the others."""
        dates = self.grid.dates[self.filled].rename(None)
        own = {self.market: self.market_kind}
        kinds = [own.get(name) or self.kind for name in self.grid.names]
        values = select_rows(self.grid.values, self.filled, kinds)
        return Table(
            self.source, dates, self.grid.names, values, self.kind, infer_frequency(dates, self.source)
        )

    @cached_property
    def returns(self) -> Floats:
        """Returns of the table, as if all its columns held what the assets hold."""
        return _to_returns(self.table)

    @property
    def has_other_market(self) -> bool:
        """Whether the market's column holds another kind of values than the assets."""
        return self.market is not None and self.market_kind not in (None, self.kind)

    @property
    def alike(self) -> Table:
        """The columns of the table that hold what the assets hold."""
        return self.table.select_columns(self.columns) if self.has_other_market else self.table

    @property
    def alike_returns(self) -> Floats:
        """The returns of these columns."""
        return self.returns[:, self.columns] if self.has_other_market else self.returns

    @cached_property
    def market_column(self) -> tuple[Table, Floats] | None:
        """The column of the market, and its returns; None without one."""
        if self.market is None:
            return None
        column = self.table.select_columns([self.table.names.index(self.market)])
        column = replace(column, kind=self.market_kind or self.kind)
        return column, _to_returns(column)

    @cached_property
    def bars(self) -> Mapping[str, Floats]:
        """Prices of bars in the rows of the table, as the source holds them."""
        return {name: prices[self.filled] for name, prices in self.grid.bars.items()}

    @cached_property
    def volume(self) -> Floats | None:
        """Volumes in the rows of the table, as the source holds them."""
        return None if self.grid.volume is None else self.grid.volume[self.filled]

    @cached_property
    def cash_column(self) -> CashColumn | None:
        """Cash in the rows of the table, None without a column."""
        if self.cash is None:
            return None
        held = self.cash.select_rows(self.filled)
        table = self.table
        year = table.frequency.periods_per_year
        return CashColumn(self.source, held.column, table.dates, held.values, held.kind, year)

    @cached_property
    def cash_returns(self) -> Floats:
        """Returns of cash, shape (T,)."""
        return np.zeros(len(self.table.dates)) if self.cash_column is None else self.cash_column.returns

    @cached_property
    def first(self) -> int:
        """First row of the panel. The first close ends no step: no asset, market or cash has a return before."""
        first = int(np.argmax(np.isfinite(self.returns[:, self.columns]).any(axis=1)))
        column = self.cash_column
        # The first price of cash ends no step either: beside returns of assets, the panel begins a row later.
        unpaid = column is not None and np.isnan(column.returns[0]) and np.isfinite(column.values[0])
        return max(first, 1) if unpaid else first

    @cached_property
    def used(self) -> Bools:
        """Rows of the table in the panel and in the span, shape (T,)."""
        dates, (start, end) = self.table.dates, self.span
        used = np.arange(len(dates)) >= self.first
        if start is not None:
            used &= np.asarray(dates >= pd.Timestamp(start))
        if end is not None:
            used &= np.asarray(dates <= pd.Timestamp(end))
        return used

    @cached_property
    def listed(self) -> Floats:
        """Returns of the assets in the rows of the panel."""
        return self.returns[self.first :, self.columns]

    @cached_property
    def riskless(self) -> Bools:
        """Where assets are nearly riskless, in the rows of the panel."""
        return find_riskless(self.listed, self.known_cash, self.table.frequency.periods_per_year)

    @property
    def known_cash(self) -> Floats:
        """Returns of cash in the rows of the panel; before the first date that is used they may be unknown: 0."""
        return np.nan_to_num(self.cash_returns[self.first :])


def make_panel(inputs: PanelInputs, notes: tuple[str, ...]) -> Panel:
    """Return the panel of inputs that passed the checks (`market.checks.checklist`)."""
    kept, columns = slice(inputs.first, None), inputs.columns
    market = inputs.market_column
    return Panel(
        name=inputs.name,
        dates=inputs.table.dates[kept],
        assets=inputs.assets,
        returns=inputs.listed,
        cash=inputs.cash_returns[kept],
        market=_average_risky(inputs.listed, inputs.riskless) if market is None else market[1][kept, 0],
        periods_per_year=inputs.table.frequency.periods_per_year,
        notes=notes,
        **{key: array[kept, columns] for key, array in _adjust_bars(inputs).items()},
    )


def _adjust_bars(inputs: PanelInputs) -> dict[str, Any]:
    """Return bars and volume, as far as there are, in the unit of the prices."""
    volume = {} if inputs.volume is None else {"volume": inputs.volume}
    if not inputs.bars:
        return volume
    bars, factor = adjust_bars(inputs.bars, inputs.table.values)
    return {**bars, **{name: units / factor for name, units in volume.items()}}


def _average_risky(returns: Floats, riskless: Bools) -> Floats:
    """Return the mean over the assets that have a return and are not nearly riskless, NaN where there is none."""
    listed = np.isfinite(returns) & ~riskless
    count = listed.sum(axis=1)
    total = np.where(listed, returns, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _to_returns(table: Table) -> Floats:
    """Return the returns of a table; prices of 0 have none, and are refused before."""
    return simple_returns(table.values) if table.kind == "prices" else table.values
