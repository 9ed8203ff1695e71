"""Target: labels in units of risk, relative to the universe, and the way back to returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.kernels.rolling import rolling_std
from foundation.types import Bools, Floats
from market.panel import Panel
from market.values.riskless import row_median
from validation.folds.labels import Labels

_FLOOR = 0.1
"""Least risk of an asset, as a share of the median asset's of the date."""


@dataclass(frozen=True, eq=False)
class Target:
    """Target of the models.

    Attributes
    ----------
    value : ndarray of shape (T, N)
        Label divided by `risk`; if `relative`, less its mean over the assets of the date.
    risk : ndarray of shape (T, N)
        Trailing volatility over one horizon, a fraction: multiplying by it leads back to returns. At least
        `_FLOOR` of the median asset's, except where an asset is nearly riskless.
    relative : bool
        Whether only differences between assets are forecast. The level then comes from the historical mean.
    riskless : ndarray of bool, shape (T, N)
        Where an asset is nearly riskless: no model is fitted to it or forecasts it there.
    """

    value: Floats
    risk: Floats
    relative: bool
    riskless: Bools


def trailing_risk(panel: Panel, window: int, horizon: int) -> Floats:
    """Return the standard deviation of the last `window` excess returns, scaled to the horizon, shape (T, N).

    NaN while too little of the window is there (`features.kernels.rolling.required_count`) and outside of an asset's
    life; 0 where a price did not move against cash. Scaling is by the square root of time.
    """
    excess = panel.returns - panel.cash[:, None]
    risk = rolling_std(excess, window) * np.sqrt(horizon)
    return np.where(panel.listed & (risk >= 0), risk, np.nan)


def floor_risk(risk: Floats, riskless: Bools) -> Floats:
    """Return risk that is at least `_FLOOR` of the median asset's of the date, shape (T, N); NaN where it would be 0.

    Divided by almost nothing, the label of a quiet asset would outweigh those of all others. Nearly riskless assets
    are left as they are, and do not count in the median.

    Parameters
    ----------
    risk : ndarray of shape (T, N)
        From `trailing_risk`.
    riskless : ndarray of bool, shape (T, N)
    """
    least = _FLOOR * row_median(np.where(riskless, np.nan, risk))[:, None]
    floored = np.where(riskless, risk, np.maximum(risk, least))
    return np.where(floored > 0, floored, np.nan)


def scale_labels(labels: Labels, risk: Floats, *, relative: bool, riskless: Bools | None = None) -> Target:
    """Return the target made of labels divided by risk, NaN where an asset is nearly riskless.

    Assets differ in volatility: a raw return target is fitted to the noisiest ones.
    """
    outside = np.zeros(risk.shape, dtype=np.bool_) if riskless is None else riskless
    # A constant price has risk 0 until `floor_risk` gives it a unit.
    value = labels.value / np.where((risk > 0) & ~outside, risk, np.nan)
    if relative:
        value = value - row_mean(value)[:, None]
    return Target(value, risk, relative, outside)


def row_mean(values: Floats) -> Floats:
    """Return the mean of the finite values of each row, NaN where there is none."""
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(
            finite.any(axis=1), np.where(finite, values, 0.0).sum(axis=1) / finite.sum(axis=1), np.nan
        )
