"""Combinations of forecasts: mean, median, trimmed mean, and weights by past errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from foundation.types import Floats, Ints
from models.errors import TrainingError
from models.target import Target, row_mean
from models.walk_forward.results import FoldFit, WalkResult


def pool_forecasts(forecasts: Floats, method: str) -> Floats:
    """Return one forecast from several, along the last axis.

    Parameters
    ----------
    forecasts : ndarray of shape (..., M)
    method : {"mean", "median", "trimmed"}
        "trimmed" is the mean without the lowest and the highest, of three or more.
    """
    if method == "median":
        return np.asarray(np.median(forecasts, axis=-1))
    if method == "trimmed" and forecasts.shape[-1] > 2:
        whole = np.isfinite(forecasts).all(axis=-1)
        return np.where(whole, np.sort(forecasts, axis=-1)[..., 1:-1].mean(axis=-1), np.nan)
    return np.asarray(forecasts.mean(axis=-1))


def weight_by_losses(losses: Floats) -> Floats:
    """Return weights (..., M) in proportion to the inverse of losses (..., M); equal ones where nothing was lost."""
    known = (losses > 0).all(axis=-1, keepdims=True)
    inverse = 1.0 / np.where(known, losses, 1.0)
    weights: Floats = inverse / inverse.sum(axis=-1, keepdims=True)
    return weights


def dmspe_weights(raw: Floats, y: Floats, ends: Ints, discount: float) -> Floats:
    """Return the weight of each member at each date, by the inverse of its discounted squared errors, shape (T, M).

    Bates and Granger (1969); Stock and Watson (2004, eq. 6). Only pairs whose label had ended by row t, and that
    all members forecast, enter row t.

    Parameters
    ----------
    raw : ndarray of shape (T, N, M)
    y : ndarray of shape (T, N)
        Target.
    ends : ndarray of int, shape (T,)
        Row at which the labels of each date end.
    discount : float
        What an error counts less with each date.
    """
    errors = (y[:, :, None] - raw) ** 2
    both = np.isfinite(errors).all(axis=2, keepdims=True)
    by_date = np.where(both, errors, 0.0).sum(axis=1)
    return weight_by_losses(_discount_sums(by_date, ends, discount))


def _discount_sums(by_date: Floats, ends: Ints, discount: float) -> Floats:
    """Return the discounted sum of what had ended by each date, shape (T, M)."""
    total = np.zeros(by_date.shape)
    sums, matured = np.zeros(by_date.shape[1]), 0
    for t in range(len(ends)):
        sums = discount * sums
        while matured < len(ends) and ends[matured] <= t:
            sums = sums + by_date[matured]
            matured += 1
        total[t] = sums
    return total


def combine_walks(
    name: str,
    members: Sequence[WalkResult],
    method: str,
    target: Target,
    ends: Ints,
    discount: float = 1.0,
) -> WalkResult:
    """Return the combination of the members' predictions.

    A pair that one member does not forecast is not forecast by the combination. Importance is the mean of the
    members', weighted as at the first test date of each fold.

    Parameters
    ----------
    name : str
    members : sequence of WalkResult
    method : {"mean", "median", "trimmed", "dmspe"}
    target : Target
    ends, discount
        See `dmspe_weights`.

    Raises
    ------
    TrainingError
        If there is no member.

    Notes
    -----
    Rapach, Strauss and Zhou (2010) on why combinations work for returns.
    """
    if not members:
        raise TrainingError(f"combination {name!r} has no members")
    raw = np.stack([member.raw for member in members], axis=2)
    weights = np.full((len(ends), len(members)), 1.0 / len(members))
    if method == "dmspe":
        weights = dmspe_weights(raw, target.value, ends, discount)
        combined = (raw * weights[:, None, :]).sum(axis=2)
    else:
        combined = pool_forecasts(raw, method)
    if target.relative:
        combined = combined - row_mean(combined)[:, None]
    fits = tuple(_combined_fit(fits, weights) for fits in _current_fits(members))
    last = {"kind": "Combination", "method": method, "members": [member.model for member in members]}
    return WalkResult(name, combined, fits, last)


def _current_fits(members: Sequence[WalkResult]) -> Iterator[list[FoldFit]]:
    """Yield the fits in use after each refit of a member."""
    starts = sorted({fit.first_test for member in members for fit in member.fits})
    for start in starts:
        yield [[fit for fit in member.fits if fit.first_test <= start][-1] for member in members]


def _combined_fit(fits: Sequence[FoldFit], weights: Floats) -> FoldFit:
    newest = max(fits, key=lambda fit: fit.first_test)
    share = weights[newest.first_test]
    importance = np.average([fit.importance for fit in fits], axis=0, weights=share)
    return FoldFit(newest.first_test, newest.n_rows, {}, importance, 0.0)
