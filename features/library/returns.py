"""Returns of each asset over past windows.

Returns over windows are simple, not logarithmic. Log returns of adjacent windows add up exactly, so the returns over 1
and 12 months and the momentum without the last month would make the Gram matrix singular. For the same reason the
reversal is in units of risk; it is not the last month's return with the opposite sign.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.kernels.carried_state import first_wanted_row
from features.kernels.past_windows import past_sum
from features.kernels.recursive import wealth
from features.kernels.rolling import divide, lag, required_count, rolling_mean, rolling_std, rolling_sum
from features.spec import feature
from foundation.compiled import compiled
from foundation.types import Floats

__all__ = ["compound_window", "wealth"]


def compound_window(log_returns: Floats, window: int, ago: int = 0) -> Floats:
    """Return the simple return over a trailing window that ended `ago` rows ago, given log returns.

    Use it as the last step of a feature: rows of history are NaN.
    """
    total = past_sum(log_returns, window, ago, required_count(window))
    np.expm1(total, out=total)
    return _pad_history(total, log_returns)


def _pad_history(wanted: Floats, like: Floats) -> Floats:
    """Return an array of the shape of `like`, with the requested rows at its end and NaN before them."""
    if len(wanted) == len(like):
        return wanted.reshape(like.shape)
    out = np.full(like.shape, np.nan)
    out[len(like) - len(wanted) :] = wanted
    return out


@feature(stage="asset", lookback=1, unit="fraction")
def return_1(log_returns: Floats, month: int) -> Floats:
    """Return over the last month."""
    return compound_window(log_returns, month)


@feature(stage="asset", lookback=3, quarters=True, unit="fraction")
def return_3(log_returns: Floats, month: int) -> Floats:
    """Return over the last 3 months."""
    return compound_window(log_returns, 3 * month)


@feature(stage="asset", lookback=6, quarters=True, unit="fraction")
def return_6(log_returns: Floats, month: int) -> Floats:
    """Return over the last 6 months."""
    return compound_window(log_returns, 6 * month)


@feature(stage="asset", lookback=12, quarters=True, unit="fraction")
def return_12(log_returns: Floats, month: int) -> Floats:
    """Return over the last 12 months."""
    return compound_window(log_returns, 12 * month)


@feature(stage="asset", lookback=36, quarters=True, unit="fraction")
def return_36(log_returns: Floats, month: int) -> Floats:
    """Return over the last 36 months."""
    return compound_window(log_returns, 36 * month)


@feature(stage="asset", lookback=12, unit="fraction")
def momentum_12_1(log_returns: Floats, month: int) -> Floats:
    """Return from 12 months ago to 1 month ago (Jegadeesh and Titman 1993)."""
    return compound_window(log_returns, 11 * month, month)


@feature(stage="asset", lookback=6, unit="fraction")
def momentum_6_1(log_returns: Floats, month: int) -> Floats:
    """Return from 6 months ago to 1 month ago."""
    return compound_window(log_returns, 5 * month, month)


@feature(stage="asset", unit="standard deviations of a month")
def reversal_1(return_1: Floats, volatility_12: Floats, month: int) -> Floats:
    """Minus the last month's return, divided by the volatility of 12 months per square root of a month."""
    return -divide(return_1, volatility_12 * np.sqrt(month))


@feature(stage="asset", lookback=36, quarters=True, unit="fraction")
def long_term_reversal_36_12(log_returns: Floats, month: int) -> Floats:
    """Minus the return from 36 months ago to 12 months ago (De Bondt and Thaler 1985)."""
    return -compound_window(log_returns, 24 * month, 12 * month)


@feature(stage="asset", lookback=60, calendar=True, unit="fraction per month")
def seasonality_60(log_returns: Floats, month: int) -> Floats:
    """Mean log return of the coming calendar month in the past 5 years (Heston and Sadka 2008).

    The months are found by arithmetic, 11, 23, 35, 47 and 59 months ago, where the daily calendar has 21
    observations in a month. At least four of the five must be present.
    """
    years = np.arange(11, 60, 12) * month
    if first_wanted_row() == 0:
        monthly, places = rolling_sum(log_returns, month), -years
    else:
        past = [past_sum(log_returns, month, int(ago), required_count(month)) for ago in years]
        monthly, places = np.concatenate(past), np.arange(len(years)) * len(past[0])
    out = np.empty((len(log_returns) - first_wanted_row(), log_returns.shape[1]))
    _mean_of_places(monthly, places, float(required_count(len(years))), out)
    return _pad_history(out, log_returns)


@compiled
def _mean_of_places(x: Floats, places: NDArray[np.int64], enough: float, out: Floats) -> None:
    """Write to row t the mean of the existing rows t + `places` of x; NaN for fewer than `enough` values."""
    count = np.empty(out.shape[1])
    for t in range(len(out)):
        to = out[t]
        to[:] = 0.0
        count[:] = 0.0
        for place in places:
            if t + place < 0:
                continue
            row = x[t + place]
            for i in range(len(to)):
                there = row[i] - row[i] == 0.0
                to[i] += row[i] if there else 0.0
                count[i] += 1.0 if there else 0.0
        for i in range(len(to)):
            to[i] = to[i] / count[i] if count[i] >= enough else np.nan


@feature(stage="asset", lookback=12, reach=12, unit="monthly information ratio")
def residual_momentum_12_1(
    excess: Floats, market: Floats, cash: Floats, beta_36: Floats, month: int
) -> Floats:
    """Mean over standard deviation of the excess returns less beta times the market's, 12 to 1 months ago.

    After Blitz, Huij and Martens (2011). Each return is adjusted with the beta known at its own date.
    """
    residual = lag(excess - beta_36 * (market - cash)[:, None], month)
    window = 11 * month
    mean = month * rolling_mean(residual, window)
    return divide(mean, rolling_std(residual, window) * np.sqrt(month))
