"""What a panel is made from: the values of a source, and what its columns hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from foundation.types import Bools, Floats
from market.findings import Kind
from market.frequency import infer_frequency
from market.panel import Panel
from market.values.bars import adjust_bars
from market.values.cash import CashColumn
from market.values.grid import Grid
from market.values.returns import select_rows
from market.values.riskless import average_risky, find_riskless
from market.values.table import Table

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
    cash : CashColumn or None
        In the rows of the grid; None earns 0.
    market : str or None
        Column that is the market and no asset; None takes the mean of the listed assets that are not nearly
        riskless.
    market_kind : {"prices", "returns"}, optional
        What the market's column holds, if not what the assets hold.
    span : tuple of date or None
        First and last date at which cash must have a return; None is the first or last there is.
    finer : PanelInputs, optional
        The same source before it was resampled, to be checked as well.
    """

    name: str
    source: str
    grid: Grid
    kind: Kind
    percent: bool = False
    cash: CashColumn | None = None
    market: str | None = None
    market_kind: Kind | None = None
    span: Span = (None, None)
    finer: PanelInputs | None = None

    @cached_property
    def filled(self) -> Bools:
        """Rows of the grid in which an asset has a value; T are left."""
        return np.asarray(~np.isnan(self.grid.values[:, self._positions(self.grid.names)]).all(axis=1))

    @cached_property
    def table(self) -> Table:
        """These rows of the columns that hold what the assets hold: also the market's, unless it is of another kind."""
        return self._make_table(self._alike, self.kind)

    @cached_property
    def market_table(self) -> Table | None:
        """These rows of the market's column, None without one."""
        if self.market is None:
            return None
        return self._make_table([self.grid.names.index(self.market)], self.market_kind or self.kind)

    @property
    def has_other_market(self) -> bool:
        """Whether the market's column holds another kind of values than the assets."""
        return self.market is not None and self.market_kind not in (None, self.kind)

    @property
    def columns(self) -> list[int]:
        """Columns of the table that hold the N assets."""
        return self._positions(self.table.names)

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets, length N."""
        return tuple(name for name in self.grid.names if name != self.market)

    @cached_property
    def bars(self) -> Mapping[str, Floats]:
        """Prices of bars, shape of the table, as the source holds them."""
        return {name: prices[self._rows][:, self._alike] for name, prices in self.grid.bars.items()}

    @cached_property
    def volume(self) -> Floats | None:
        """Volumes, shape of the table, as the source holds them."""
        return None if self.grid.volume is None else self.grid.volume[self._rows][:, self._alike]

    @cached_property
    def cash_column(self) -> CashColumn | None:
        """Cash in the rows of the table, None without a column."""
        return None if self.cash is None else self.cash.select_rows(self.filled)

    @cached_property
    def cash_returns(self) -> Floats:
        """Returns of cash, shape (T,)."""
        return np.zeros(len(self.table.dates)) if self.cash_column is None else self.cash_column.returns

    @cached_property
    def first(self) -> int:
        """First row of the panel. The first close ends no step: no asset, market or cash has a return before."""
        first = int(np.argmax(np.isfinite(self.table.returns[:, self.columns]).any(axis=1)))
        column = self.cash_column
        # The first price of cash ends no step either: beside returns of assets, the panel begins a row later.
        unpaid = column is not None and np.isnan(column.returns[0]) and np.isfinite(column.values[0])
        return max(first, 1) if unpaid else first

    @cached_property
    def used(self) -> Bools:
        """Rows of the table in the panel and in the span, shape (T,)."""
        dates, (start, end) = self.table.dates, self.span
        begin, stop = pd.Timestamp(start or dates[0]), pd.Timestamp(end or dates[-1])
        return (np.arange(len(dates)) >= self.first) & np.asarray((dates >= begin) & (dates <= stop))

    @cached_property
    def listed(self) -> Floats:
        """Returns of the assets in the rows of the panel."""
        return self.table.returns[self.first :, self.columns]

    @cached_property
    def riskless(self) -> Bools:
        """Where assets are nearly riskless, in the rows of the panel."""
        return find_riskless(self.listed, self.known_cash, self.table.frequency.periods_per_year)

    @property
    def known_cash(self) -> Floats:
        """Returns of cash in the rows of the panel; before the first date that is used they may be unknown: 0."""
        return np.nan_to_num(self.cash_returns[self.first :])

    @property
    def _rows(self) -> Any:
        """Index of the filled rows; all rows are no copy."""
        return slice(None) if self.filled.all() else self.filled

    @property
    def _alike(self) -> Any:
        """Index of the grid's columns that hold what the assets hold."""
        return self._positions(self.grid.names) if self.has_other_market else slice(None)

    def _positions(self, names: Sequence[str]) -> list[int]:
        """Return the positions of assets among names."""
        return [position for position, name in enumerate(names) if name != self.market]

    def _make_table(self, columns: Any, kind: Kind) -> Table:
        """Return the table of some columns of the grid; returns compound over the rows that are left out."""
        dates = self.grid.dates[self.filled].rename(None)
        names = tuple(np.array(self.grid.names, dtype=object)[columns])
        values = select_rows(self.grid.values[:, columns], self.filled, [kind] * len(names))
        return Table(self.source, dates, names, values, kind, infer_frequency(dates, self.source))


def make_panel(inputs: PanelInputs, notes: tuple[str, ...]) -> Panel:
    """Return the panel of inputs that passed the checks (`market.checks.checklist`)."""
    kept, columns = slice(inputs.first, None), inputs.columns
    market = inputs.market_table
    return Panel(
        name=inputs.name,
        dates=inputs.table.dates[kept],
        assets=inputs.assets,
        returns=inputs.listed,
        cash=inputs.cash_returns[kept],
        market=average_risky(inputs.listed, inputs.riskless) if market is None else market.returns[kept, 0],
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
