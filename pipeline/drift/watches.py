"""Watches: compare expected with realised series, and test whether the recent dates differ from all earlier stretches.

Each function takes complete results and a row, and uses only values known at that row's close.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from foundation.counts import format_count
from foundation.types import Floats
from models.forecast import Forecast
from models.regimes.path import RegimePath
from models.target import Target, row_mean
from pipeline.drift.drift import Watch
from pipeline.settings.drift import Subject
from validation.drift.change import page_hinkley, recent_p_value
from validation.folds.labels import Labels
from validation.forecasts.scores import information_coefficient

Statistic = Callable[[Floats, Floats], Floats]

TOLERANCE = 0.5
"""Drift allowance of the CUSUM, in standard deviations of the reference. The CUSUM is most sensitive to a shift of
twice this size (Page, 1954)."""


def watch_series(
    subject: Subject,
    what: str,
    values: Floats,
    length: int,
    statistic: Statistic,
    text: str,
    level: Callable[[Floats], float] = np.mean,
) -> Watch:
    """Return the watch over a series.

    Parameters
    ----------
    subject, what : str
    values : ndarray of shape (n,)
        In time order; non-finite values are left out.
    length : int
        Number of recent dates.
    statistic : callable
        Statistic in the format of `validation.drift.change.recent_p_value`.
    text : str
        Template with the fields {recent}, {before} and {n}.
    level : callable
        Summary reported for the reference and for the recent dates; their mean by default.
    """
    known = values[np.isfinite(values)]
    reference, recent = known[:-length], known[-length:]
    if not len(reference):
        nan = float("nan")
        too_few = f"There are only {format_count(len(known), 'date')} of it: none before the last {length}"
        return Watch(subject, what, nan, nan, nan, nan, nan, 0, too_few)
    before, now = float(level(reference)), float(level(recent))
    observed, usual, p_value = recent_p_value(known, length, statistic)
    message = text.format(recent=now, before=before, n=length)
    return Watch(subject, what, before, now, observed, usual, p_value, len(reference), message)


def _measure_rise(stretches: Floats, reference: Floats) -> Floats:
    """Return the largest CUSUM of each stretch above the mean of the reference."""
    return _cusum(stretches, reference)[0]


def _measure_fall(stretches: Floats, reference: Floats) -> Floats:
    """Return the largest CUSUM of each stretch below the mean of the reference."""
    return _cusum(stretches, reference)[1]


def _measure_shift(stretches: Floats, reference: Floats) -> Floats:
    """Return the larger of the rise and the fall."""
    return np.maximum(*_cusum(stretches, reference))


def measure_increase(stretches: Floats, reference: Floats) -> Floats:
    """Return the mean of each stretch."""
    return np.asarray(stretches.mean(axis=1))


def _cusum(stretches: Floats, reference: Floats) -> tuple[Floats, Floats]:
    up, down = page_hinkley(stretches, TOLERANCE * float(reference.std()), float(reference.mean()))
    return up.max(axis=1), down.max(axis=1)


def watch_forecast(
    forecast: Forecast, target: Target, labels: Labels, row: int, length: int
) -> Iterator[Watch]:
    """Watch errors and ranking at the dates whose labels had ended by the row.

    Errors are divided by the combined forecast standard error and trailing risk of the asset, and averaged over the
    assets of a date. Their squares average 1 if the forecast's standard errors are right.

    Parameters
    ----------
    forecast : Forecast
        Calibrated, for the dates and assets of labels and target.
    target : Target
    labels : Labels
    row : int
    length : int
        Number of recent dates.
    """
    kept = labels.end[forecast.positions] <= row
    at = forecast.positions[kept]
    unit = np.hypot(forecast.stderr[kept], target.risk[at])
    error = (labels.value[at] - forecast.mean[kept]) / unit
    tail = "over the last {n} dates, "
    yield watch_series(
        "forecast",
        "size of the errors",
        row_mean(error * error),
        length,
        _measure_rise,
        "Squared errors in units of expected risk averaged {recent:.2f} " + tail + "{before:.2f} before",
    )
    yield watch_series(
        "forecast",
        "sign of the errors",
        row_mean(error),
        length,
        _measure_shift,
        "Errors in units of expected risk averaged {recent:+.2f} " + tail + "{before:+.2f} before",
    )
    yield watch_series(
        "forecast",
        "rank correlation",
        information_coefficient(forecast.raw[kept], target.value[at]),
        length,
        _measure_fall,
        "The rank correlation averaged {recent:+.3f} " + tail + "{before:+.3f} before",
    )


def watch_regimes(path: RegimePath, row: int, length: int) -> Watch:
    """Watch the share of novel dates: more unusual than all training dates, or in a state not seen before.

    Parameters
    ----------
    path : RegimePath
    row, length : int
        As for `watch_forecast`.
    """
    known = np.flatnonzero(path.label[: row + 1] >= 0)
    anomaly, label = path.anomaly[known], path.label[known]
    new = ~np.isin(label, label[:-length])
    strange = np.where(np.isfinite(anomaly), (anomaly >= 1.0) | new, np.nan)
    return watch_series(
        "regimes",
        "dates unlike any before",
        strange,
        length,
        measure_increase,
        "{recent:.0%} of the last {n} dates were more unusual than every training date or in a state never assigned, "
        "{before:.0%} before",
    )
