"""What tests of stored data share: panels the same to the last bit, and ways in which a source changes its mind."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd

from market.as_of.asset_tables import AssetTable
from market.macro import MacroSeries
from market.panel import Panel


def assert_same(a: Panel, b: Panel) -> None:
    """Compare everything that a panel holds, bit for bit."""
    for each in fields(Panel):
        left, right = getattr(a, each.name), getattr(b, each.name)
        if isinstance(left, np.ndarray):
            assert left.shape == right.shape, each.name
            assert left.tobytes() == right.tobytes(), each.name
        elif isinstance(left, pd.DatetimeIndex):
            assert_same_dates(left, right)
        elif each.name == "macro":
            assert list(left) == list(right)
            for name in left:
                assert_same_series(left[name], right[name])
        elif each.name == "tables":
            assert list(left) == list(right)
            for name in left:
                assert_same_table(left[name], right[name])
        else:
            assert left == right, each.name


def assert_same_dates(a: pd.DatetimeIndex, b: pd.DatetimeIndex) -> None:
    assert a.dtype == b.dtype
    assert a.asi8.tobytes() == b.asi8.tobytes()


def assert_same_series(a: MacroSeries, b: MacroSeries) -> None:
    assert (a.name, a.max_age_days, a.extra) == (b.name, b.max_age_days, b.extra)
    assert a.values.tobytes() == b.values.tobytes()
    assert_same_dates(a.observed_at, b.observed_at)
    assert_same_dates(a.known_at, b.known_at)


def assert_same_table(a: AssetTable, b: AssetTable) -> None:
    assert (a.name, a.assets, a.max_age_days, a.transform) == (b.name, b.assets, b.max_age_days, b.transform)
    assert a.asset.tobytes() == b.asset.tobytes()
    assert a.value.tobytes() == b.value.tobytes()
    assert_same_dates(a.observed_at.as_unit("us"), b.observed_at.as_unit("us"))
    assert_same_dates(a.known_at.as_unit("us"), b.known_at.as_unit("us"))


def value_changed(panel: Panel, row: int, asset: int, value: float) -> Panel:
    """Return the panel with another return in one cell."""
    returns = panel.returns.copy()
    returns[row, asset] = value
    return replace(panel, returns=returns)


def without_dates(panel: Panel, rows: list[int]) -> Panel:
    """Return the panel without some of its dates."""
    kept = np.setdiff1d(np.arange(len(panel.dates)), rows)
    return panel.select_rows(kept)  # type: ignore[arg-type]  (any index will do)


def macro_changed(panel: Panel, name: str, row: int, value: float) -> Panel:
    """Return the panel with another value of one observation of a macro series."""
    series = panel.macro[name]
    values = series.values.copy()
    values[row] = value
    return replace(panel, macro={**panel.macro, name: replace(series, values=values)})


def macro_without(panel: Panel, name: str, row: int) -> Panel:
    """Return the panel without one observation of a macro series."""
    series = panel.macro[name]
    kept = np.delete(np.arange(len(series.values)), row)
    shorter = replace(
        series,
        values=series.values[kept],
        observed_at=series.observed_at[kept],
        known_at=series.known_at[kept],
    )
    return replace(panel, macro={**panel.macro, name: shorter})


def in_other_units(panel: Panel, factors: list[float], rows: slice = slice(None)) -> Panel:
    """Return the panel with each asset's prices multiplied by a factor, and returns as rounding leaves them."""
    scale = np.ones(panel.returns.shape)
    scale[rows] = factors
    parts = {name: prices * scale for name, prices in panel.bars.items()}
    returns = panel.returns + np.where(scale == 1.0, 0.0, 1e-16)
    returns = np.where(returns == panel.returns, np.nextafter(panel.returns, 1.0), returns)
    return replace(panel, returns=returns, volume=panel.volume / scale, **parts)
