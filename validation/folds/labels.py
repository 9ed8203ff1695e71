"""Labels: the ONLY module that looks forward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foundation.types import Floats, Ints
from market.panel import Panel
from validation.errors import ScheduleError


@dataclass(frozen=True, eq=False)
class Labels:
    """Return of the trade decided at each date, over its holding period.

    Attributes
    ----------
    value : ndarray of shape (T, N)
        Simple return over the holding period less that of cash, a fraction. NaN where the asset was not
        listed or not in the universe at the decision, where it earned nothing in the period, and where the
        period ends beyond the panel.
    start : ndarray of int, shape (T,)
        Row at whose close the trade is done: the decision's row plus the execution lag.
    end : ndarray of int, shape (T,)
        Row at whose close the label becomes known. May lie beyond the panel.
    horizon : int
        Observations from start to end.
    """

    value: Floats
    start: Ints
    end: Ints
    horizon: int


def forward_excess_returns(panel: Panel, horizon: int, execution_lag: int) -> Labels:
    """Return the excess return of each asset over the `horizon` observations after its trade.

    A decision at the close of row t trades at the close of row t + execution_lag and is held over the next
    `horizon` observations, so its label multiplies the returns of rows t + lag + 1 to t + lag + horizon. An
    asset that dies on the way has earned what it earned until then, its delisting return included, and nothing
    after: leaving it out would keep survivors only. So has one that leaves the universe on the way.

    Parameters
    ----------
    panel : Panel
    horizon : int
        At least 1.
    execution_lag : int
        At least 0.

    Raises
    ------
    ScheduleError
        If the horizon or the lag is out of range.
    """
    if horizon < 1 or execution_lag < 0:
        raise ScheduleError(f"horizon is {horizon} and execution_lag {execution_lag}: expected >= 1 and >= 0")
    n_dates, n_assets = panel.returns.shape
    start = np.arange(n_dates, dtype=np.int64) + execution_lag
    value = np.full((n_dates, n_assets), np.nan)
    known = max(0, n_dates - execution_lag - horizon)
    if known:
        listed = panel.listed
        growth = np.where(listed, 1.0 + panel.returns, 1.0)
        asset, cash = np.ones((known, n_assets)), np.ones(known)
        earned = np.zeros((known, n_assets), dtype=bool)
        for step in range(execution_lag + 1, execution_lag + horizon + 1):
            asset *= growth[step : step + known]
            cash *= 1.0 + panel.cash[step : step + known]
            earned |= listed[step : step + known]
        held = listed[:known] & panel.holdable[:known]
        value[:known] = np.where(earned & held, asset - cash[:, None], np.nan)
    value.setflags(write=False)
    return Labels(value, start, start + horizon, horizon)


def average_uniqueness(labels: Labels, counted: NDArray[np.bool_]) -> Floats:
    """Return the average uniqueness of each label, shape (T, N); NaN for pairs that are not counted.

    The mean over the rows that a label spans of 1 / (number of the asset's labels that span the row): López de
    Prado (2018), *Advances in Financial Machine Learning*, section 4.3. It rests on dates and listings until the
    label's end, on no return.

    Parameters
    ----------
    labels : Labels
    counted : ndarray of bool, shape (T, N)
        Pairs that are trained on.
    """
    n_dates = len(counted)
    change = np.zeros((n_dates + 1, counted.shape[1]))
    first = np.minimum(labels.start + 1, n_dates)
    last = np.minimum(labels.end + 1, n_dates)
    np.add.at(change, first, counted)
    np.add.at(change, last, -counted.astype(np.float64))
    concurrent = np.cumsum(change[:-1], axis=0)
    share = 1.0 / np.maximum(concurrent, 1.0)
    total = np.concatenate([np.zeros((1, counted.shape[1])), np.cumsum(share, axis=0)])
    span = np.maximum(last - first, 1)[:, None]
    return np.where(counted & (last > first)[:, None], (total[last] - total[first]) / span, np.nan)
