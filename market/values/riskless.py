"""Nearly riskless assets, such as Treasury bills: where a panel holds them, and the panel or the mean without them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from foundation.types import Bools, Floats
from market.panel import Panel

ENTER = 0.05
"""An asset becomes nearly riskless where its volatility falls below this share of the median asset's."""
LEAVE = 0.1
"""It stops being so above this share: an asset near the border must not change sides every other day."""
FEWEST = 12
"""Returns that a volatility is measured on, at least."""


def find_riskless(returns: Floats, cash: Floats, window: int) -> Bools:
    """Return where assets are nearly riskless beside the others of the date, shape (T, N).

    The volatility of the last `window` excess returns is compared with the median over the assets that have a
    return at the date. Row t depends on rows up to t alone.

    Parameters
    ----------
    returns : ndarray of shape (T, N)
        Simple returns, fractions; NaN where an asset is not listed.
    cash : ndarray of shape (T,)
        Return of cash.
    window : int
        Observations; a year's, by convention.
    """
    share = relative_volatility(returns, cash, window)
    with np.errstate(invalid="ignore"):
        verdict = np.where(share < ENTER, 1, np.where(share > LEAVE, 0, -1))
    # Between the borders, and where there is no volatility, the last verdict stands.
    rows = np.arange(len(returns))[:, None]
    newest = np.maximum.accumulate(np.where(verdict >= 0, rows, -1), axis=0)
    last = np.take_along_axis(verdict, np.maximum(newest, 0), axis=0)
    return np.asarray((newest >= 0) & (last == 1) & np.isfinite(returns))


def relative_volatility(returns: Floats, cash: Floats, window: int) -> Floats:
    """Return each asset's trailing volatility as a share of the median asset's of the date, shape (T, N).

    Returns of exactly 0 are left out: an asset that is not traded for months is stale, not riskless. NaN where an
    asset is not listed, has fewer than `FEWEST` other returns in the window, or the median asset does not move.
    """
    moved = np.isfinite(returns) & (returns != 0.0)
    x = np.where(moved, returns - cash[:, None], 0.0)
    count, total, squares = (_window_sum(values, window) for values in (moved.astype(np.float64), x, x * x))
    known = np.isfinite(returns) & (count >= FEWEST)
    count = np.maximum(count, 1.0)
    variance = np.maximum(squares / count - (total / count) ** 2, 0.0)
    volatility = np.where(known, np.sqrt(variance), np.nan)
    typical = row_median(volatility)
    return np.asarray(volatility / np.where(typical > 0, typical, np.nan)[:, None])


def _window_sum(values: Floats, window: int) -> Floats:
    """Return the sum of the last `window` rows, of fewer at the beginning, shape (T, N)."""
    total = np.cumsum(values, axis=0)
    out = total.copy()
    out[window:] -= total[:-window]
    return out


def row_median(values: Floats) -> Floats:
    """Return the median of the finite values of each row, NaN where there is none, shape (T,)."""
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum(count - 1, 0) // 2, np.maximum(count, 1) // 2
    return np.asarray(np.where(count > 0, 0.5 * (ordered[rows, low] + ordered[rows, high]), np.nan))


def find_riskless_in_panel(panel: Panel) -> Bools:
    """Return where the assets of a panel are nearly riskless, shape (T, N)."""
    return find_riskless(panel.returns, panel.cash, panel.periods_per_year)


def drop_riskless(panel: Panel, riskless: Bools) -> Panel:
    """Return the panel in which nearly riskless assets are not listed where they are nearly riskless."""
    if not riskless.any():
        return panel
    arrays: dict[str, Any] = {"returns": panel.returns, "volume": panel.volume, **panel.bars}
    kept: dict[str, Any] = {
        name: np.where(riskless, np.nan, values) for name, values in arrays.items() if values is not None
    }
    return replace(panel, **kept)


def average_risky(returns: Floats, riskless: Bools) -> Floats:
    """Return the mean over the assets that have a return and are not nearly riskless, NaN where there is none."""
    listed = np.isfinite(returns) & ~riskless
    count = listed.sum(axis=1)
    total = np.where(listed, returns, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
