"""Restatements: the same past in another unit, as adjusted prices have it after each later dividend or split.

What was earned is as it was, and every price of an asset is multiplied by one number. That is no change of mind.
"""

from __future__ import annotations

import numpy as np

from foundation.types import Floats
from market.panel import Panel
from operations.data.long_format import TABLES, Extent, bits, narrow_types

TOLERANCE = 1e-6
"""By so much a return may differ, and a price relative to its asset's factor: a hundredth of a basis point."""


def find_rescaling(old: Panel, new: Panel) -> bool:
    """Whether a panel says of the past what another said, in units of its own for the prices of each asset.

    New dates, and assets that have no value before them, may come beside it; macro series and cash must be the same.
    """
    if set(old.assets) - set(new.assets) or set(old.macro) != set(new.macro):
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


def _alike(a: Floats, b: Floats) -> bool:
    """Whether returns are the same but for rounding, and missing alike."""
    return bool(np.allclose(a, b, rtol=0.0, atol=TOLERANCE, equal_nan=True))


def _scaled(old: Panel, past: Panel) -> bool:
    """Whether all prices of an asset are multiplied by one number, and its volumes by one number as well.

    Vendors divide volumes by the factor of a split and leave them at a dividend, so that the two numbers need not
    belong together. Volumes of an asset whose prices are as they were must be as they were, too.
    """
    factor = _factors([(old.bars[name], past.bars[name]) for name in old.bars], len(old.assets))
    same = [_equal(prices * factor, past.bars[name]) for name, prices in old.bars.items()]
    if old.volume is not None and past.volume is not None:
        units = _factors([(old.volume, past.volume)], len(old.assets))
        units[np.abs(factor - 1.0) <= TOLERANCE] = 1.0
        same.append(_equal(old.volume * units, past.volume))
    return all(same)


def _factors(tables: list[tuple[Floats, Floats]], n_assets: int) -> Floats:
    """Return by what the first value of each asset that is not 0 was multiplied, 1 without one, shape (N,)."""
    factor = np.ones(n_assets)
    if not tables:
        return factor
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.concatenate([after / before for before, after in tables])
    known = np.isfinite(ratios)
    return np.where(known.any(axis=0), ratios[known.argmax(axis=0), np.arange(n_assets)], factor)


def _equal(a: Floats, b: Floats) -> bool:
    """Whether values are the same but for rounding, and missing alike."""
    return bool(np.allclose(a, b, rtol=TOLERANCE, atol=0.0, equal_nan=True))
