"""Forecasts as views: how far a model's forecasts may be believed, by its own past out-of-sample errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocation.errors import InputError
from foundation.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class ForecastViews:
    """A view of each asset at each decision.

    Attributes
    ----------
    positions : ndarray of int, shape (D,)
        Rows of the panel, increasing.
    value : ndarray of shape (D, N)
        Expected excess return over one horizon; NaN is no view.
    confidence : ndarray of shape (D, N)
        Between 0, no view, and 1.
    """

    positions: Ints
    value: Floats
    confidence: Floats

    def at(self, position: int) -> tuple[Floats, Floats]:
        """Return values and confidences at a row of the panel, both of shape (N,).

        Raises
        ------
        InputError
            If nothing was forecast there.
        """
        index = int(np.searchsorted(self.positions, position))
        if index == len(self.positions) or self.positions[index] != position:
            raise InputError(f"row {position}: there is no forecast to make a view of")
        return self.value[index], self.confidence[index]


def forecast_views(
    positions: Ints,
    forecast: Floats,
    realised: Floats,
    prior: Floats,
    ends: Ints,
    *,
    prior_dates: float,
    relative: bool = False,
    by_asset: bool = False,
) -> ForecastViews:
    """Make a view of each forecast, believed as far as past forecasts were better than the prior.

    The confidence at a date is, over the forecasts whose outcome y was known by then,

        c = sum[(y - pi)^2 - (y - q)^2] / sum[(q - pi)^2], kept between 0 and 1:

    what the forecasts q won in squared error on the prior pi, as a share of what they would have won had they been
    the conditional mean (for then the two sums are equal in expectation). c is the out-of-sample R2 against the
    prior in another unit: an R2 of 0 or less is confidence 0, and the posterior is the prior. With true expectations
    m and forecasts q = m + e whose errors e do not depend on m, the c that loses least is (1 + c) / 2: this one is
    the more careful, and 0 where the forecasts are no better than the prior by themselves.

    Parameters
    ----------
    positions : ndarray of int, shape (D,)
        Rows of the panel at whose close the forecasts were made, increasing.
    forecast : ndarray of shape (D, N)
        Out-of-sample forecasts of the excess return over one horizon; NaN where there is none.
    realised : ndarray of shape (D, N)
        What was earned; NaN where that is not known yet.
    prior : ndarray of shape (D, N)
        What was expected without the forecast, for example `equilibrium_path`.
    ends : ndarray of int, shape (D,)
        Rows of the panel at whose close each outcome was known, increasing.
    prior_dates : float
        Strength of the belief that forecasts are worth nothing, in dates: as if that many further dates with average
        (q - pi)^2 had won nothing. Labels of horizon h that overlap carry the news of one in h dates.
    relative : bool
        Whether only differences between assets are forecast: each date's forecasts are then moved to the mean of the
        prior, over the assets that have both. A model of a relative target says nothing of the level, and the level
        that was put under it would be judged with it.
    by_asset : bool
        Whether each asset is judged by its own record; otherwise the model is, by all assets.

    Raises
    ------
    InputError
        If shapes do not fit or rows are not in order.
    """
    _check(positions, forecast, realised, prior, ends, prior_dates)
    if relative:
        forecast = forecast + _row_mean(prior - forecast)[:, None]
    with np.errstate(invalid="ignore"):
        energy = (forecast - prior) ** 2
        gain = (realised - prior) ** 2 - (realised - forecast) ** 2
    seen = np.isfinite(gain) & np.isfinite(energy)
    record = np.stack([np.where(seen, gain, 0.0), np.where(seen, energy, 0.0), seen.astype(np.float64)])
    if not by_asset:
        record = np.stack([*record[:2].sum(axis=2), seen.any(axis=1).astype(np.float64)])[:, :, None]
    known = np.searchsorted(ends, positions, side="right")
    total = np.concatenate([np.zeros((3, 1, record.shape[2])), np.cumsum(record, axis=1)], axis=1)
    won, spent, dates = total[:, known]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = won / (spent + np.where(dates > 0, spent / dates, 0.0) * prior_dates)
    confidence = np.where(spent > 0, np.clip(share, 0.0, 1.0), 0.0)
    return ForecastViews(positions, forecast, np.broadcast_to(confidence, forecast.shape).copy())


def _row_mean(values: Floats) -> Floats:
    """Return the mean of each row's finite values, 0 where there is none."""
    finite = np.isfinite(values)
    return np.asarray(np.where(finite, values, 0.0).sum(axis=1) / np.maximum(finite.sum(axis=1), 1))


def _check(
    positions: Ints, forecast: Floats, realised: Floats, prior: Floats, ends: Ints, prior_dates: float
) -> None:
    """Refuse arrays that do not belong together."""
    for what, array, shape in (
        ("realised", realised, forecast.shape),
        ("prior", prior, forecast.shape),
        ("positions", positions, forecast.shape[:1]),
        ("ends", ends, forecast.shape[:1]),
    ):
        if array.shape != shape:
            raise InputError(f"forecast views: {what} has shape {array.shape}, expected {shape}")
    if (np.diff(positions) <= 0).any() or (np.diff(ends) < 0).any():
        raise InputError("forecast views: positions must increase, and ends must not decrease")
    if (ends <= positions).any():
        raise InputError("forecast views: an outcome cannot be known when its forecast is made")
    if not prior_dates >= 0:
        raise InputError(f"forecast views: prior_dates is {prior_dates:g}, expected 0 or more")
