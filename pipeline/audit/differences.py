"""Differences between the values of a run and those of its replay, up to a date."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.audit.certificate import Leak
from pipeline.audit.point_in_time import PointInTimeValue


def compare(
    expected: PointInTimeValue,
    actual: PointInTimeValue,
    last: int,
    dates: pd.DatetimeIndex,
    tolerance: float = 0.0,
) -> Leak | None:
    """Return the first difference among the values known at row `last`, or None if all bits are the same."""
    n, m = (int(np.searchsorted(item.rows, last, side="right")) for item in (expected, actual))
    rows = expected.rows[:n]
    stage, name = expected.stage, expected.name
    if not np.array_equal(rows, actual.rows[:m]):
        odd = np.setxor1d(rows, actual.rows[:m])
        row = int(odd[0]) if len(odd) else int(rows[0])
        there = ("there", "gone") if row in rows else ("not there", "there")
        return Leak("", "", stage, name, f"{dates[row]:%Y-%m-%d}", (), *there)
    before, after = expected.values[:n], actual.values[:m]
    if expected.axes != actual.axes:
        odd_names = set().union(*(set(a) ^ set(b) for a, b in zip(expected.axes, actual.axes, strict=True)))
        date = f"{dates[last]:%Y-%m-%d}"
        return Leak("", "", stage, name, date, tuple(sorted(odd_names))[:5], "of these columns", "of others")
    if not before.size or _same_bits(before, after):
        return None
    differs = _differences(before, after, tolerance)
    if not differs.any():
        return None
    where = tuple(int(i) for i in np.argwhere(differs)[0])
    columns = (
        differs.any(axis=tuple(range(differs.ndim - 1))) if differs.ndim > 1 else np.zeros(0, dtype=bool)
    )
    names = tuple(expected.axes[-1][i] for i in np.flatnonzero(columns)[:10]) if expected.axes else ()
    labels = tuple(axis[i] for axis, i in zip(expected.axes[::-1], where[:0:-1], strict=True))
    date = f"{dates[rows[where[0]]]:%Y-%m-%d}"
    return Leak("", "", stage, name, date, labels, f"{before[where]:.17g}", f"{after[where]:.17g}", names)


def _same_bits(a: NDArray[Any], b: NDArray[Any]) -> bool:
    if a.dtype != b.dtype:
        return False
    if a.dtype.itemsize in (1, 2, 4, 8):
        # Compare each value in place, without first copying the columns of a matrix together.
        word = f"u{a.dtype.itemsize}"
        return bool(np.array_equal(a.view(word), b.view(word)))
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    return bool(np.array_equal(a.view(np.uint8), b.view(np.uint8)))


def _differences(a: NDArray[Any], b: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    """Return where two arrays differ: in any bit, or by more than a tolerance. NaN equals NaN."""
    if a.dtype.kind != "f":
        return np.asarray(a != b, dtype=bool)
    missing = np.isnan(a) & np.isnan(b)
    if tolerance:
        flat = a.reshape(-1, a.shape[-1])
        there = np.isfinite(flat)
        n = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, flat, 0.0).sum(axis=0) / n
        spread = np.sqrt(np.where(there, (flat - mean) ** 2, 0.0).sum(axis=0) / n)
        return np.asarray(~missing & ~(np.abs(a - b) <= tolerance * (spread + np.abs(a))), dtype=bool)
    signs = (a == 0) & (b == 0) & (np.signbit(a) != np.signbit(b))
    return np.asarray(((a != b) & ~missing) | signs, dtype=bool)
