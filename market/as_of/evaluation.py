"""Statistics of one series of records at dates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from foundation.types import Floats, Ints, SmallInts
from market.as_of.expressions import LEVEL, VALUE, parse_statistic, parse_transform
from market.as_of.kernels import evaluate


def count_days(dates: pd.DatetimeIndex) -> Ints:
    """Return dates as days since 1970; a time of day counts as its day."""
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def is_plain(transform: str, statistic: str) -> bool:
    """Whether a statistic is the newest value itself, which needs no earlier observations."""
    return parse_transform(transform).code == LEVEL and parse_statistic(statistic).code == VALUE


def evaluate_at(
    dates: Ints,
    known: Ints | SmallInts,
    observed: Ints | SmallInts,
    value: Floats,
    *,
    max_age: int,
    period: int,
    transform: str,
    statistic: str,
) -> Floats:
    """Return a statistic of a series at each date, NaN where it is not defined, shape (T,).

    Parameters
    ----------
    dates : ndarray of shape (T,)
        Days, in any order.
    known, observed : ndarray of shape (R,)
        Days, in the order in which the records became known.
    value : ndarray of shape (R,)
    max_age : int
        Days from the end of the newest observation's period after which it counts as missing.
    period : int
        Months in a period of a regular series, 0 for any other: then earlier observations are found by their dates.
    transform, statistic : str
        Names of `market.as_of.expressions`.
    """
    out = np.full(len(dates), np.nan)
    if not len(value) or not len(dates):
        return out
    if period:
        months = observed.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) // period
        slot = months - months.min()
        slot_days = np.zeros(int(slot.max()) + 1, dtype=np.int64)
    else:
        slot_days, slot = np.unique(observed.astype(np.int64), return_inverse=True)
    records = np.column_stack([known, slot, observed]).astype(np.int64)
    order = np.argsort(dates, kind="stable")
    shape, wanted = parse_transform(transform), parse_statistic(statistic)
    codes = np.array([shape.code, shape.count, wanted.code, wanted.count, period])
    sorted_out = np.full(len(dates), np.nan)
    # Copies, so that the kernel is compiled for one kind of arrays alone.
    evaluate(dates[order], records, np.array(value), slot_days, max_age, codes, sorted_out)
    out[order] = sorted_out
    return out
