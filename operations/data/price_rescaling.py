"""Detect price rescaling: the same history in another unit, as adjusted prices have after a dividend or split.

Returns are unchanged, and all prices of an asset are multiplied by one number. A rescaling is not a revision.
"""

from __future__ import annotations

import numpy as np

from foundation.types import Floats
from market.panel import Panel
from operations.data.long_format import bits, narrow_types
from operations.data.panel_frame import TABLES, Extent

TOLERANCE = 1e-6
"""Largest difference of a return, and relative difference of a price from its asset's factor: 0.01 basis points."""


def find_rescaling(old: Panel, new: Panel) -> bool:
    """Return whether two panels have the same history, up to a rescaling of each asset's prices.

    The new panel may have new dates, and new assets without earlier values; macro series, tables and cash must be
    equal.
    """
    if (
        set(old.assets) - set(new.assets)
        or set(old.macro) != set(new.macro)
        or set(old.tables) != set(new.tables)
    ):
        return False
    past = Extent.of(old).beginning(new)
    fresh = [j for j, name in enumerate(past.assets) if name not in old.assets]
    tables = [name for name in TABLES if getattr(old, name) is not None]
    if any((getattr(past, name) is None) != (name not in tables) for name in TABLES):
        return False
    if any(np.isfinite(getattr(past, name)[:, fresh]).any() for name in tables):
        return False
    past = narrow_types(past, old.assets)
    if (
        not old.dates.equals(past.dates)
        or (bits(old.cash) != bits(past.cash)).any()
        or not _same_macro(old, past)
        or not _same_tables(old, past)
    ):
        return False
    return _alike(old.market, past.market) and _alike(old.returns, past.returns) and _scaled(old, past)


def _same_macro(old: Panel, past: Panel) -> bool:
    for name, series in old.macro.items():
        other = past.macro[name]
        if len(series.values) != len(other.values) or (bits(series.values) != bits(other.values)).any():
            return False
        if not (series.known_at.equals(other.known_at) and series.observed_at.equals(other.observed_at)):
            return False
    return True


def _same_tables(old: Panel, past: Panel) -> bool:
    for name, table in old.tables.items():
        other = past.tables[name]
        if not np.array_equal(table.asset, other.asset) or (bits(table.value) != bits(other.value)).any():
            return False
        if not (table.known_at.equals(other.known_at) and table.observed_at.equals(other.observed_at)):
            return False
    return True


def _alike(a: Floats, b: Floats) -> bool:
    """Return whether returns are equal up to rounding, with the same missing values."""
    return bool(np.allclose(a, b, rtol=0.0, atol=TOLERANCE, equal_nan=True))


def _scaled(old: Panel, past: Panel) -> bool:
    """Return whether all prices of an asset are multiplied by one number, and its volumes by another.

    Vendors divide volumes by the factor of a split but do not adjust them for a dividend, so the two factors may be
    unrelated. If an asset's prices are unchanged, its volumes must be unchanged too.
    """
    factor = _factors([(old.bars[name], past.bars[name]) for name in old.bars], len(old.assets))
    same = [_equal(prices * factor, past.bars[name]) for name, prices in old.bars.items()]
    if old.volume is not None and past.volume is not None:
        units = _factors([(old.volume, past.volume)], len(old.assets))
        units[np.abs(factor - 1.0) <= TOLERANCE] = 1.0
        same.append(_equal(old.volume * units, past.volume))
    return all(same)


def _factors(tables: list[tuple[Floats, Floats]], n_assets: int) -> Floats:
    """Return the factor of each asset's first nonzero value, shape (N,); 1 if it has none."""
    factor = np.ones(n_assets)
    if not tables:
        return factor
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.concatenate([after / before for before, after in tables])
    known = np.isfinite(ratios)
    return np.where(known.any(axis=0), ratios[known.argmax(axis=0), np.arange(n_assets)], factor)


def _equal(a: Floats, b: Floats) -> bool:
    """Return whether values are equal up to rounding, with the same missing values."""
    return bool(np.allclose(a, b, rtol=TOLERANCE, atol=0.0, equal_nan=True))
