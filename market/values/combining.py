"""Combine the grids of several files: one asset each, or pieces of one table, whose common cells must agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.types import Bools, Floats, Ints
from market.errors import IntegrityError
from market.values.grid import Grid


def combine_grids(labels: Sequence[str], grids: Sequence[Grid]) -> Grid:
    """Return one grid with all dates and columns of several.

    A cell that only some grids fill has their value.

    Parameters
    ----------
    labels : sequence of str
        What to call the source of each grid in messages.
    grids : sequence of Grid
        One at least.

    Returns
    -------
    Grid
        Columns in the order of the grids, with the findings of all.

    Raises
    ------
    IntegrityError
        If two grids have different values in a cell; names the first such cell.
    """
    if len(grids) == 1:
        return grids[0]
    dates = _join_dates(grids)
    columns = {
        name: place for place, name in enumerate(dict.fromkeys(n for grid in grids for n in grid.names))
    }
    shape = (len(dates), len(columns))
    tables: dict[str, Floats] = {}
    for place, grid in enumerate(grids):
        cells = np.ix_(dates.get_indexer(grid.dates), np.array([columns[name] for name in grid.names]))
        for field, new in _tables_of(grid).items():
            known = tables.setdefault(field, np.full(shape, np.nan))[cells]
            wrong = ~np.isnan(known) & ~np.isnan(new) & (known != new)
            if wrong.any():
                raise _describe_clash(labels, grids, place, field, wrong)
            tables[field][cells] = np.where(np.isnan(new), known, new)
    findings = tuple(finding for grid in grids for finding in grid.findings)
    values, volume = tables.pop("value"), tables.pop("volume", None)
    return Grid(dates, tuple(columns), values, volume, findings, tables)


def _join_dates(grids: Sequence[Grid]) -> pd.DatetimeIndex:
    stamps: list[Ints] = [grid.dates.as_unit("us").asi8 for grid in grids]
    joined = np.unique(np.concatenate(stamps)).astype("datetime64[us]")
    return pd.DatetimeIndex(joined).as_unit(grids[0].dates.unit)


def _tables_of(grid: Grid) -> dict[str, Floats]:
    """Return all tables (T, N) of a grid by name."""
    volume = {} if grid.volume is None else {"volume": grid.volume}
    return {"value": grid.values, **volume, **grid.bars}


def _describe_clash(
    labels: Sequence[str], grids: Sequence[Grid], place: int, field: str, wrong: Bools
) -> IntegrityError:
    """Word the first cell of a grid that differs from an earlier grid."""
    grid = grids[place]
    row, column = (int(each) for each in np.argwhere(wrong)[0])
    date, name = grid.dates[row], grid.names[column]
    new = _tables_of(grid)[field][row, column]
    for label, other in zip(labels[:place], grids[:place], strict=True):
        table = _tables_of(other).get(field)
        at = int(other.dates.get_indexer(pd.DatetimeIndex([date]))[0])
        if table is None or at < 0 or name not in other.names:
            continue
        old = table[at, other.names.index(name)]
        if not np.isnan(old):
            what = f"column {name!r}" if field == "value" else f"{field} of {name!r}"
            return IntegrityError(
                f"{what}, {date:%Y-%m-%d}: {old:.10g} in {label}, but {new:.10g} in {labels[place]}"
                f" ({format_count(int(wrong.sum()), 'such cell')}); files that hold the same cell must agree: leave one"
                " of them out of path, or correct it; bars of one asset need a column called close or adj_close"
            )
    raise AssertionError("a cell differs from no earlier grid")
