"""Scores of regimes: persistence, and difference of returns out of sample.

States are labelled 0, 1, ... by date, with -1 where the state was not known. Returns are those of the period that
follows the label's date, in excess of cash.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from foundation.types import Floats, Ints
from validation.errors import StatisticError
from validation.forecasts.scores import hac_lags, small_sample
from validation.forecasts.wald import hac_covariance, wald_p_value
from validation.shapes import check_same_shape


@dataclass(frozen=True, eq=False)
class RegimePersistence:
    """How regimes follow each other.

    Attributes
    ----------
    flip_rate : float
        Share of pairs of neighbouring dates, both known, that differ in state.
    duration : ndarray of shape (K,)
        Mean run in dates by state, whole or cut off by the ends; NaN for a state that never came.
    share : ndarray of shape (K,)
        Of the known dates.
    confidence : float
        Mean probability of the labelled state; NaN without probabilities.
    n : int
        Known dates.
    """

    flip_rate: float
    duration: Floats = field(repr=False)
    share: Floats = field(repr=False)
    confidence: float
    n: int


def regime_persistence(labels: Ints, n_states: int, probabilities: Floats | None = None) -> RegimePersistence:
    """Return flip rate, durations and shares.

    Parameters
    ----------
    labels : ndarray of int, shape (T,)
    n_states : int
    probabilities : ndarray of shape (T, K), optional
    """
    _check_states(labels, n_states)
    known = labels >= 0
    n = int(known.sum())
    days = np.bincount(labels[known], minlength=n_states).astype(np.float64)
    begins = known & np.r_[True, labels[1:] != labels[:-1]] if len(labels) else known
    runs = np.bincount(labels[begins], minlength=n_states)
    paired = known[1:] & known[:-1]
    flips = (labels[1:] != labels[:-1])[paired]
    return RegimePersistence(
        float(flips.mean()) if len(flips) else math.nan,
        np.where(runs > 0, days / np.maximum(runs, 1), np.nan),
        days / n if n else np.full(n_states, np.nan),
        math.nan if probabilities is None else _mean_confidence(labels, probabilities),
        n,
    )


def _mean_confidence(labels: Ints, probabilities: Floats) -> float:
    """Return the mean probability of the labelled state; NaN if none is known."""
    rows = np.flatnonzero(labels >= 0)
    confidence = probabilities[rows, labels[rows]]
    confidence = confidence[np.isfinite(confidence)]
    return float(confidence.mean()) if len(confidence) else math.nan


@dataclass(frozen=True, eq=False)
class RegimeDifference:
    """Next-period returns by state.

    Attributes
    ----------
    mean, volatility : ndarray of shape (K,)
        Of the returns after each state, per period; NaN for a state with fewer than 2 dates.
    p_mean, p_volatility : float
        That all states have the same mean, the same variance: Wald tests with HAC covariance.
    p_mean_shift, p_volatility_shift : float
        The same by shifting the labels along the returns, all ways round: neither the persistence of the labels
        nor that of volatility is lost. Read these where states last long.
    n : int
        Dates with a label and a return.
    """

    mean: Floats = field(repr=False)
    volatility: Floats = field(repr=False)
    p_mean: float
    p_volatility: float
    p_mean_shift: float
    p_volatility_shift: float
    n: int


def regime_difference(labels: Ints, returns: Floats, n_states: int, overlap: int = 0) -> RegimeDifference:
    """Test whether the returns after the states differ in mean and in volatility.

    Parameters
    ----------
    labels : ndarray of int, shape (T,)
        As known at each date, not smoothed afterwards.
    returns : ndarray of shape (T,)
        Of the period after each date; NaN are left out.
    n_states : int
    overlap : int
        Following dates whose returns share part of the period.

    Notes
    -----
    Wald: the means by state, with a Bartlett covariance of their influence series (Newey and West, 1987). Shift:
    the between-state sum of squares at each of the n circular shifts, the true one included, by one Fourier
    transform a state; the p-value is the share that differ at least as much. States seen on fewer than 2 dates
    are left out, and dates without label or return are closed up.
    """
    check_same_shape(labels=labels, returns=returns)
    _check_states(labels, n_states)
    both = (labels >= 0) & np.isfinite(returns)
    state, y = labels[both], returns[both]
    count = np.bincount(state, minlength=n_states)
    usable = np.flatnonzero(count >= 2)
    mean, volatility = np.full(n_states, np.nan), np.full(n_states, np.nan)
    for k in usable:
        mean[k], volatility[k] = y[state == k].mean(), y[state == k].std(ddof=1)
    kept = np.isin(state, usable)
    state, y = state[kept], y[kept]
    if len(usable) < 2 or len(y) < 10:
        return RegimeDifference(mean, volatility, math.nan, math.nan, math.nan, math.nan, len(y))
    member = (state[:, None] == usable).astype(np.float64)
    # Each state's own mean is taken out, so that a difference in means is not one in variance.
    square = (y - mean[state]) ** 2
    return RegimeDifference(
        mean,
        volatility,
        _test_states(member, y, overlap),
        _test_states(member, square, overlap),
        _test_shifts(member, y),
        _test_shifts(member, square),
        len(y),
    )


def _check_states(labels: Ints, n_states: int) -> None:
    if len(labels) and labels.max() >= n_states:
        raise StatisticError(f"labels go up to {labels.max()}, expected states 0 to {n_states - 1}")


def _test_states(member: Floats, y: Floats, overlap: int) -> float:
    n = len(y)
    share = member.mean(axis=0)
    mean = member.T @ y / (n * share)
    influence = member * (y[:, None] - mean) / share
    lags = hac_lags(n, overlap)
    contrast = np.eye(len(mean))[1:] - np.eye(len(mean))[0]
    covariance = contrast @ hac_covariance(influence, lags) @ contrast.T
    return wald_p_value(contrast @ mean, covariance, small_sample(n, lags)[1])


def _test_shifts(member: Floats, y: Floats) -> float:
    centred = y - y.mean()
    spectrum = np.fft.rfft(centred)[:, None] * np.conj(np.fft.rfft(member, axis=0))
    sums = np.fft.irfft(spectrum, n=len(y), axis=0)
    between = (sums**2 / member.sum(axis=0)).sum(axis=1)
    rounding = 1e-9 * float(centred @ centred)
    return float((between >= between[0] - rounding).mean()) if rounding > 0 else math.nan
