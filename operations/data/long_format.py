"""Long format: convert a panel to one long table with a number per row, and back, bit for bit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.types import Floats
from market.as_of.asset_tables import AssetTable
from market.macro import MacroSeries
from market.panel import Panel
from operations.data.panel_frame import TABLE, TABLES, Extent, Frame, Unit

KEY = ["field", "asset", "date", "observed_at", "nth"]
"""Columns that identify a cell. Only cells of macro series and of the user's tables are observed before they are known
(`date`), and only cells of series can share both clocks: `nth` counts them."""
SERIES = ("cash", "market")
MACRO = "macro/"
"""Prefix of the name of a macro series in the column `field`."""
ABSENT = np.float64(np.nan).view(np.int64)
"""Bits of the NaN that stands for a missing value; such cells are omitted. Other NaN are kept unchanged."""


def to_cells(panel: Panel, beyond: Extent | None = None) -> pd.DataFrame:
    """Return the cells of a panel, with the columns of `KEY` and value.

    Parameters
    ----------
    panel : Panel
    beyond : Extent, optional
        Omit cells within this extent.
    """
    beyond = beyond or Extent()
    later = panel.select_rows(slice(beyond.dates, None))
    dates = later.dates.as_unit("us").to_numpy()
    assets = np.array(panel.assets, dtype=object)
    parts = [_rows(name, np.array([""], object), dates, getattr(later, name)[:, None]) for name in SERIES]
    for name in TABLES:
        if (values := getattr(later, name)) is not None:
            parts.append(_rows(name, assets, dates, values, sparse=True))
    for name, series in panel.macro.items():
        parts.append(_observations(name, series).iloc[beyond.observations.get(name, 0) :])
    for name, table in panel.tables.items():
        parts.append(_records(name, table, beyond.observations.get(TABLE + name, 0)))
    return pd.concat(parts, ignore_index=True)


def from_cells(cells: pd.DataFrame, frame: Frame) -> Panel:
    """Build a panel from all its cells, each given once, in any order."""
    of: dict[Any, pd.DataFrame] = dict(iter(cells.groupby("field", sort=False)))
    dates = pd.DatetimeIndex(np.sort(of["cash"]["date"].to_numpy()), name=None)
    parts: dict[str, Any] = {}
    for name in (*SERIES, *frame.tables):
        values = _spread(of.get(name), dates, frame.assets if name in TABLES else ("",))
        parts[name] = values if name in TABLES else values[:, 0]
    macro = {
        name: _series(name, of.get(MACRO + name, cells.iloc[:0]), *metadata)
        for name, metadata in frame.macro.items()
    }
    own = {
        name: _table(name, frame.assets, of.get(TABLE + name, cells.iloc[:0]), *metadata)
        for name, metadata in frame.asset_tables.items()
    }
    return Panel(
        name=frame.name,
        dates=dates.as_unit(frame.unit),
        assets=frame.assets,
        periods_per_year=frame.periods_per_year,
        macro=macro,
        tables=own,
        notes=frame.notes,
        **parts,
    )


def _spread(cells: pd.DataFrame | None, dates: pd.DatetimeIndex, assets: Sequence[str]) -> Floats:
    """Return the cells of a field as a table (T, N), with NaN where there is none."""
    values = np.full((len(dates), len(assets)), np.nan)
    if cells is not None:
        rows = dates.get_indexer(pd.DatetimeIndex(cells["date"]))
        columns = pd.Index(list(assets), dtype=object).get_indexer(pd.Index(cells["asset"], dtype=object))
        values[rows, columns] = cells["value"].to_numpy()
    return values


def narrow_types(panel: Panel, assets: Iterable[str]) -> Panel:
    """Return the panel restricted to the given assets, in the given order."""
    order = tuple(assets)
    places = [panel.assets.index(name) for name in order]
    tables = {name: getattr(panel, name) for name in TABLES}
    some: dict[str, Any] = {name: value[:, places] for name, value in tables.items() if value is not None}
    own = {
        name: table.select_assets(np.array(places, dtype=np.int64)) for name, table in panel.tables.items()
    }
    return replace(panel, assets=order, tables=own, **some)


def bits(values: Any) -> NDArray[np.int64]:
    """Return the bits of float64 values as integers, so that NaN equals itself and -0 differs from 0."""
    return np.ascontiguousarray(values, dtype=np.float64).view(np.int64)


def _series(
    name: str, cells: pd.DataFrame, age: int, observed: Unit, known: Unit, transform: str, months: int
) -> MacroSeries:
    """Build a macro series from its cells, with its clocks in these units."""
    rows = cells.sort_values(["date", "observed_at", "nth"])
    observed_at = pd.DatetimeIndex(rows["observed_at"].to_numpy()).as_unit(observed)
    known_at = pd.DatetimeIndex(rows["date"].to_numpy()).as_unit(known)
    return MacroSeries(name, np.asarray(rows["value"]), observed_at, known_at, age, transform, months)


def _table(name: str, assets: tuple[str, ...], cells: pd.DataFrame, age: int, transform: str) -> AssetTable:
    """Build one of the user's tables from its cells."""
    asset = pd.Index(list(assets), dtype=object).get_indexer(pd.Index(cells["asset"], dtype=object))
    known, observed = cells["date"].to_numpy(), cells["observed_at"].to_numpy()
    order = np.lexsort((asset, observed, known))
    clocks = pd.DatetimeIndex(observed[order]), pd.DatetimeIndex(known[order])
    return AssetTable(name, assets, asset[order], *clocks, cells["value"].to_numpy()[order], age, transform)


def _rows(
    name: str, assets: NDArray[np.object_], dates: NDArray[Any], values: Floats, *, sparse: bool = False
) -> pd.DataFrame:
    """Return the cells of a table (T, N); a sparse table omits cells without a value."""
    flat = np.ascontiguousarray(values).reshape(-1)
    kept = np.flatnonzero(bits(flat) != ABSENT) if sparse else np.arange(len(flat))
    stamps = dates[kept // max(len(assets), 1)]
    return _frame(name, assets[kept % max(len(assets), 1)], stamps, stamps, 0, flat[kept])


def _observations(name: str, series: MacroSeries) -> pd.DataFrame:
    known = series.known_at.as_unit("us").to_numpy()
    observed = series.observed_at.as_unit("us").to_numpy()
    cells = _frame(MACRO + name, "", known, observed, 0, series.values)
    cells["nth"] = cells.groupby(["date", "observed_at"]).cumcount().to_numpy(np.int32)
    return cells


def _records(name: str, table: AssetTable, first: int) -> pd.DataFrame:
    """Return the cells of one of the user's tables from its record `first` on."""
    asset = np.array(table.assets, dtype=object)[table.asset[first:]]
    known = table.known_at[first:].as_unit("us").to_numpy()
    observed = table.observed_at[first:].as_unit("us").to_numpy()
    return _frame(TABLE + name, asset, known, observed, 0, table.value[first:])


def _frame(name: str, asset: Any, date: Any, observed_at: Any, nth: int, value: Any) -> pd.DataFrame:
    index = pd.RangeIndex(len(value))
    parts = {"field": name, "asset": asset, "date": date, "observed_at": observed_at, "nth": nth}
    return pd.DataFrame(parts | {"value": value}, index=index).astype({"nth": np.int32})
