"""Data identity: a sketch of a panel's returns, which identifies the same data under any name."""

from __future__ import annotations

import base64
import functools

import numpy as np
from numpy.typing import NDArray

from market.panel import Panel

CELLS = 96
"""Hashes kept in a sketch. A part of 5 % of the data shares at least one kept hash with the whole 99 times in 100."""
SHARE = 0.5
"""Two panels are the same data if the larger one contains at least this share of the smaller one."""

Hashes = NDArray[np.uint32]


def sketch(panel: Panel) -> str:
    """Return a sketch of the asset returns of a panel, at most 480 characters long.

    It is computed from cells: a date and the last two returns of one asset, rounded to a basis point, without the
    asset's name. Each cell is hashed, and the smallest hashes are kept. Names of files, columns and configurations, the
    order of the assets, cash, market, bars, volume and macro series have no effect.

    Notes
    -----
    Bottom-k sketch: Cohen and Kaplan (2007), *Proceedings of PODC*, 225-234.
    """
    points = np.rint(np.nan_to_num(1e4 * panel.returns, nan=0.0))
    finite = np.isfinite(panel.returns)
    before, now = points[:-1], points[1:]
    # Two zero returns in a row look the same for every asset that was not traded.
    whole = finite[:-1] & finite[1:] & ((before != 0) | (now != 0))
    days = panel.dates[1:].as_unit("s").asi8 // 86_400
    parts = (np.broadcast_to(days[:, None], whole.shape)[whole], before[whole], now[whole])
    mixed = np.zeros(int(whole.sum()), dtype=np.uint64)
    for part in parts:
        mixed = _mix(mixed ^ part.astype(np.int64).view(np.uint64))
    hashes = (mixed >> np.uint64(32)).astype("<u4")
    return base64.b85encode(_smallest(hashes).tobytes()).decode()


def same_data(one: str, other: str) -> bool:
    """Return whether two sketches are of the same data, or of data of which at least half is shared.

    The share is that of the smaller panel's cells. Data extended by dates or assets, or cut to some of them, counts as
    the same data.
    """
    return bool(one and other) and (one == other or _same(*sorted((one, other))))


@functools.lru_cache(maxsize=4096)
def _same(one: str, other: str) -> bool:
    a, b = (np.frombuffer(base64.b85decode(text), dtype="<u4") for text in (one, other))
    # A full sketch is complete below its largest hash; the two sketches are compared in that range.
    limit = min(int(each[-1]) if len(each) == CELLS else 2**32 for each in (a, b))
    a, b = a[a <= limit], b[b <= limit]
    fewer = min(len(a), len(b))
    return fewer > 0 and len(np.intersect1d(a, b)) >= SHARE * fewer


def _smallest(hashes: Hashes) -> Hashes:
    """Return the smallest distinct hashes, sorted."""
    few = 8 * CELLS
    if len(hashes) > few:
        smallest = np.unique(np.partition(hashes, few)[:few])
        if len(smallest) >= CELLS:
            return smallest[:CELLS]
    return np.unique(hashes)[:CELLS]


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return values with their bits mixed: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)), dtype=np.uint64)
