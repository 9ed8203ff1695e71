"""Metrics of the calibration: products of past forecasts and outcomes, by pairs or in the inverse covariance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from foundation.types import Bools, Floats, Ints

_REGULAR = 1e-8
"""Share of the mean variance that is added to each variance, so that a semidefinite covariance can be inverted."""

_ENTRIES_AT_ONCE = 1 << 22
"""Entries of the matrices that are solved at a time: 32 MB."""


@dataclass(frozen=True, eq=False)
class Products:
    """Products of forecasts and outcomes at each date.

    Attributes
    ----------
    by_date : ndarray of shape (T, 5)
        Forecast with outcome, forecast with itself, outcome with itself, number of pairs, and 1 where there is a pair.
    overlap : float
        Dates with pairs that one horizon spans: so many repeat one another.
    """

    by_date: Floats
    overlap: float


@dataclass(frozen=True, eq=False)
class CovarianceMetric:
    """Covariances of returns in which forecasts are compared with outcomes, as the optimiser uses them.

    Attributes
    ----------
    rows : ndarray of int, shape (D,)
        Rows of the panel, increasing.
    step : int
        Dates from one of these rows to the next.
    covariance_at : callable
        Returns the covariance (N, N) over one horizon as it was known at a row, NaN for assets without one.
    """

    rows: Ints
    step: int
    covariance_at: Callable[[int], Floats]


def multiply_pairs(forecast: Floats, outcome: Floats, horizon: int) -> Products:
    """Return the products over pairs of asset and date, each counting the same.

    Parameters
    ----------
    forecast, outcome : ndarray of shape (T, N)
        NaN pairs are left out.
    horizon : int
        Observations that a label spans.
    """
    ok = np.isfinite(forecast) & np.isfinite(outcome)
    f, y = np.where(ok, forecast, 0.0), np.where(ok, outcome, 0.0)
    by_date = np.stack([(f * y).sum(1), (f * f).sum(1), (y * y).sum(1), ok.sum(1), ok.any(1)], axis=1)
    return Products(by_date, float(horizon))


def multiply_in_covariance(
    forecast: Floats, outcome: Floats, metric: CovarianceMetric, *, horizon: int, relative: bool
) -> Products:
    """Return the products f' Sigma^-1 y, f' Sigma^-1 f and y' Sigma^-1 y at the rows of a metric, 0 at others.

    Parameters
    ----------
    forecast, outcome : ndarray of shape (T, N)
        In returns; NaN pairs are left out, and a date needs two.
    metric : CovarianceMetric
    horizon : int
    relative : bool
        Whether only differences between assets are compared: Sigma^-1 is replaced by
        Sigma^-1 - Sigma^-1 1 1' Sigma^-1 / (1' Sigma^-1 1), in which a common part of forecasts counts nothing. It is
        the metric of a fully invested portfolio.

    Notes
    -----
    The slope from these products is that of generalised least squares. An optimiser that trades a forecast mu holds
    Sigma^-1 mu / gamma; the slope by which mu should be multiplied for the largest past utility is
    sum mu' Sigma^-1 r / sum mu' Sigma^-1 mu.
    """
    by_date = np.zeros((len(forecast), 5))
    ok = np.isfinite(forecast[metric.rows]) & np.isfinite(outcome[metric.rows])
    for rows, inside, sigma in _batches(metric, ok):
        f, y = forecast[np.ix_(rows, inside)], outcome[np.ix_(rows, inside)]
        right = np.stack([f, y, np.ones_like(f)], axis=2)
        solved = np.linalg.solve(sigma, right)
        # Entry (i, j) is the product of vectors i and j: forecast, outcome, ones.
        forms = (right[:, :, :, None] * solved[:, :, None, :]).sum(axis=1)
        if relative:
            forms = forms - forms[:, :, 2:] * forms[:, 2:, :] / forms[:, 2:, 2:]
        known = np.full(len(rows), float(len(inside)))
        by_date[rows] = np.stack(
            [forms[:, 0, 1], forms[:, 0, 0], forms[:, 1, 1], known, np.ones(len(rows))], axis=1
        )
    return Products(by_date, horizon / metric.step)


def _batches(metric: CovarianceMetric, ok: Bools) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield rows that have the same assets, the assets, and their covariances (rows, n, n), which can be inverted.

    Parameters
    ----------
    metric : CovarianceMetric
    ok : ndarray of bool, shape (D, N)
        Assets with a forecast and an outcome.
    """
    waiting: dict[bytes, tuple[list[int], list[Floats], Ints]] = {}
    for place, row in enumerate(metric.rows.tolist()):
        if ok[place].sum() < 2:
            continue
        sigma = metric.covariance_at(row)
        inside = np.flatnonzero(ok[place] & np.isfinite(sigma.diagonal()))
        if len(inside) < 2:
            continue
        rows, matrices, _ = waiting.setdefault(inside.tobytes(), ([], [], inside))
        rows.append(row)
        matrices.append(_regularise(sigma[np.ix_(inside, inside)]))
        if len(rows) * len(inside) ** 2 >= _ENTRIES_AT_ONCE:
            del waiting[inside.tobytes()]
            yield np.array(rows), inside, np.stack(matrices)
    for rows, matrices, inside in waiting.values():
        yield np.array(rows), inside, np.stack(matrices)


def _regularise(sigma: Floats) -> Floats:
    """Return a covariance (n, n) with a trace of its mean variance on the diagonal."""
    variance = sigma.diagonal()
    return np.asarray(sigma + np.diag(np.full(len(sigma), _REGULAR * variance.mean())))
