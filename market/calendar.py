"""The time convention, decision dates, and markets that are closed.

The convention of every package:

- A row of a panel is a close. A value stamped `dates[t]` is known at that close, not before.
- A decision at t uses only what is known at the close of t.
- It trades at the close of `dates[t + execution_lag]`. The lag is 0 for monthly returns, where a day between
  decision and trade would be lost in the month, and 1 for daily prices, since a trade cannot happen at the close
  from which its decision is computed.
- It earns from there: the first return that belongs to it is that of row `t + execution_lag + 1`, the step
  from the trade's close to the next.

Decision dates are counted in observations from a first row. "The last trading day of the month" would need
the next date to be recognised, and so a decision would already know that no other close follows in its month.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from market.errors import DataError


def find_closed_markets(listed: NDArray[np.bool_], longest: int) -> NDArray[np.bool_]:
    """Return where an asset has no price because its market is closed, as far as that is known at the row.

    Parameters
    ----------
    listed : ndarray of bool, shape (T, N)
        Where an asset has a return.
    longest : int
        Rows in a row without a price that a closure can last; an asset that has none for longer is delisted.

    Returns
    -------
    ndarray of bool, shape (T, N)
        Where there is no return, but one of the `longest` rows before has one.
    """
    if listed.all():
        return np.zeros(listed.shape, dtype=bool)
    rows = np.arange(len(listed))[:, None]
    newest = np.maximum.accumulate(np.where(listed, rows, -1), axis=0)
    return np.asarray(~listed & (newest >= 0) & (rows - newest <= longest))


def measure_missing_share(listed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of the rows between each asset's first and last return that have none, shape (N,)."""
    after = np.maximum.accumulate(listed, axis=0)
    alive = after & np.maximum.accumulate(listed[::-1], axis=0)[::-1]
    count = alive.sum(axis=0)
    share = 1.0 - listed.sum(axis=0) / np.maximum(count, 1)
    return np.asarray(np.where(count > 0, share, 0.0), dtype=np.float64)


def list_decision_positions(n_dates: int, *, first: int, every: int) -> NDArray[np.int64]:
    """Return the rows at which decisions are made: every `every`-th from `first` on.

    More dates add decisions at the end and never move an earlier one.

    Parameters
    ----------
    n_dates : int
        Rows of the panel.
    first : int
        Row of the first decision.
    every : int
        Observations between decisions: 1 is each month of a monthly panel, 21 about a month of a daily one.

    Returns
    -------
    ndarray of int, shape (D,)
        Increasing; empty if the panel ends before `first`.
    """
    if first < 0:
        raise ValueError(f"first is {first}, expected a row, 0 or more")
    if every < 1:
        raise ValueError(f"every is {every}, expected 1 observation or more")
    return np.arange(first, n_dates, every, dtype=np.int64)


def find_position(dates: pd.DatetimeIndex, when: date | str) -> int:
    """Return the first row at or after a date.

    Parameters
    ----------
    dates : DatetimeIndex of length T
        Strictly increasing.
    when : date, Timestamp or str

    Raises
    ------
    DataError
        If `when` is no date or lies after the last row.
    """
    try:
        wanted = pd.Timestamp(when)
    except ValueError as error:
        raise DataError(f"{when!r} is not a date; expected YYYY-MM-DD") from error
    position = int(dates.searchsorted(wanted, side="left"))
    if position == len(dates):
        raise DataError(f"no date at or after {wanted:%Y-%m-%d}: {_describe_span(dates)}")
    return position


def _describe_span(dates: pd.DatetimeIndex) -> str:
    if not len(dates):
        return "there are no dates"
    return f"the data runs from {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}"
