"""Inputs of features: the arrays of a panel, by name, for any interval of dates and any assets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.spec import FeatureError, FeatureSpec
from foundation.suggestions import suggest
from foundation.types import Floats
from market.as_of.expressions import SEPARATOR, split_input
from market.frequency import ThirdOfRow
from market.panel import BARS, Panel

_SMALLEST_GROWTH = 1e-6
"""Growth factor that stands for a total loss, whose logarithm would be infinite."""

OPTIONAL = {name: name for name in ("volume", *BARS)}
"""Inputs that a panel may lack: the attribute that holds them, by name."""


class Inputs:
    """The inputs that a panel has.

    Parameters
    ----------
    panel : Panel
    names : collection of str
        Series and tables to include, beside the panel's own arrays, or statistics of them: `cpi.zscore_60`.

    Attributes
    ----------
    series : dict of str to ndarray of shape (T,)
        Series that all assets share, read-only.
    tables : dict of str to ndarray of shape (T, N)
        The user's tables, read-only.
    """

    def __init__(self, panel: Panel, names: set[str]) -> None:
        self.panel = panel
        self.series: dict[str, Floats] = {"market": panel.market, "cash": panel.cash}
        self.tables: dict[str, Floats] = {}
        for name in sorted(names):
            base, statistic = split_input(name)
            if base in panel.macro:
                self.series[name] = panel.macro[base].at(panel.dates, statistic)
            elif base in panel.tables:
                self.tables[name] = panel.tables[base].at(panel.dates, statistic)
        for array in (*self.series.values(), *self.tables.values()):
            array.setflags(write=False)

    def table(self, name: str, rows: slice, assets: slice) -> Floats:
        """Return an input (rows, assets), C-ordered and read-only; a view where it can be."""
        own = self.tables.get(name)
        part = _TABLES[name](self.panel, rows, assets) if own is None else own[rows, assets]
        out: Floats = np.ascontiguousarray(part)
        out = out.view()
        out.setflags(write=False)
        return out


_Table = Callable[[Panel, slice, slice], Floats]


def _log_returns(panel: Panel, rows: slice, assets: slice) -> Floats:
    growth: Floats = 1.0 + panel.returns[rows, assets]
    np.maximum(growth, _SMALLEST_GROWTH, out=growth)
    return np.log(growth, out=growth)


def _excess(panel: Panel, rows: slice, assets: slice) -> Floats:
    return panel.returns[rows, assets] - panel.cash[rows, None]


def _make_reader(name: str) -> _Table:
    def table(panel: Panel, rows: slice, assets: slice) -> Floats:
        values: Floats = getattr(panel, name)
        return values[rows, assets]

    return table


_TABLES: Mapping[str, _Table] = {
    "returns": _make_reader("returns"),
    "log_returns": _log_returns,
    "excess": _excess,
    **{name: _make_reader(attribute) for name, attribute in OPTIONAL.items()},
}


def explain_missing(spec: FeatureSpec, panel: Panel, series: set[str], missing: Mapping[str, str]) -> str:
    """Return why the panel cannot give the feature, or nothing."""
    year, rows = panel.periods_per_year, 12 * panel.month
    in_quarters = isinstance(panel.month, ThirdOfRow)
    if in_quarters and not spec.quarters and (spec.lookback or "month" in spec.inputs):
        return "it looks back over months, and the rows are quarters"
    if spec.calendar and rows != year:
        return f"it looks for a calendar month; twelve months are {rows} rows here, and a year is {year}"
    for needed in spec.inputs:
        if needed in missing:
            return f"it needs {needed}, and {missing[needed]}"
        if needed in OPTIONAL and getattr(panel, OPTIONAL[needed]) is None:
            return f"the panel has no {needed}"
        base, _ = split_input(needed)
        if needed in series and base not in panel.macro:
            return f"the panel has no macro series {base!r}{suggest(base, panel.macro)}"
    return ""


def check_losses(panel: Panel, start: int = 0) -> None:
    """Raise if a return is below -1: a loss cannot exceed 100 %, and has no logarithm.

    Raises
    ------
    FeatureError
        If there is one at row `start` or later.
    """
    wrong = np.argwhere(panel.returns[start:] < -1.0)
    if len(wrong):
        t, j = wrong[0] + (start, 0)
        raise FeatureError(
            f"panel {panel.name!r}: the return of {panel.assets[j]} on {panel.dates[t]:%Y-%m-%d} is "
            f"{panel.returns[t, j]:g}, expected a fraction of at least -1"
        )


def select_assets(panel: Panel, assets: NDArray[np.int64]) -> Panel:
    """Return the panel of some of its assets, without scores, which are no input of features."""
    parts: dict[str, Any] = {
        field.name: value[:, assets]
        for field in fields(panel)
        if isinstance(value := getattr(panel, field.name), np.ndarray) and value.ndim == 2
    }
    tables = {name: table.select_assets(assets) for name, table in panel.tables.items()}
    names = tuple(panel.assets[j] for j in assets)
    return replace(panel, assets=names, scores=None, tables=tables, **parts)


def find_table_inputs(panel: Panel, specs: Iterable[FeatureSpec]) -> set[str]:
    """Return the inputs of features that are tables of the panel, or statistics of one."""
    asked = {needed for spec in specs for needed in spec.inputs}
    return {name for name in asked if name.partition(SEPARATOR)[0] in panel.tables}
