"""Target: labels in units of risk, relative to the universe, and the way back to returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.rolling import rolling_std
from market.panel import Panel
from validation.labels import Labels

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Target:
    """What the models are fitted to.

    Attributes
    ----------
    value : ndarray of shape (T, N)
        Label divided by `risk`; if `relative`, less its mean over the assets of the date.
    risk : ndarray of shape (T, N)
        Trailing volatility over one horizon, a fraction: multiplying by it leads back to returns.
    relative : bool
        Whether only differences between assets are forecast. The level then comes from the historical mean.
    """

    value: Floats
    risk: Floats
    relative: bool


def trailing_risk(panel: Panel, window: int, horizon: int) -> Floats:
    """Return the standard deviation of the last `window` excess returns, scaled to the horizon, shape (T, N).

    NaN while too little of the window is there (`features.rolling.required`) and outside of an asset's life.
    Scaling is by the square root of time.
    """
    excess = panel.returns - panel.cash[:, None]
    risk = rolling_std(excess, window) * np.sqrt(horizon)
    return np.where(panel.listed & (risk > 0), risk, np.nan)


def risk_scaled(labels: Labels, risk: Floats, *, relative: bool) -> Target:
    """Return the target made of labels divided by risk.

    Assets differ in volatility: a raw return target is fitted to the noisiest ones.
    """
    value = labels.value / risk
    if relative:
        value = value - row_mean(value)[:, None]
    return Target(value, risk, relative)


def row_mean(values: Floats) -> Floats:
    """Return the mean of the finite values of each row, NaN where there is none."""
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(
            finite.any(axis=1), np.where(finite, values, 0.0).sum(axis=1) / finite.sum(axis=1), np.nan
        )
