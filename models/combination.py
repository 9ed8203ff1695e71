"""Combinations of forecasts: mean, median, trimmed mean, and weights from past errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from foundation.types import Floats, Ints
from models.errors import TrainingError
from models.learned_weights import discounted_sums, learned_weights
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
    return weight_by_losses(discounted_sums(by_date, ends, discount))


def member_weights(
    raw: Floats,
    target: Target,
    ends: Ints,
    method: str,
    *,
    discount: float,
    horizon: int,
    prior_deviation: float,
) -> Floats | None:
    """Return the weight of each member at each date, shape (T, M); None if the method has no such weights.

    Parameters
    ----------
    raw : ndarray of shape (T, N, M)
    target, ends, method, discount, horizon, prior_deviation
        As `combine_walks` takes them.
    """
    if method == "dmspe":
        return dmspe_weights(raw, target.value, ends, discount)
    if method == "learned":
        return learned_weights(
            raw, target.value, ends, horizon, prior_deviation=prior_deviation, discount=discount
        )
    return None


def combine_walks(
    name: str,
    members: Sequence[WalkResult],
    method: str,
    target: Target,
    ends: Ints,
    discount: float = 1.0,
    horizon: int = 1,
    prior_deviation: float = 1.0,
) -> WalkResult:
    """Return the combination of the members' predictions.

    A pair that one member does not forecast is not forecast by the combination. Importance is the mean of the
    members', weighted as at the first test date of each fold.

    Parameters
    ----------
    name : str
    members : sequence of WalkResult
    method : {"mean", "median", "trimmed", "dmspe", "learned"}
    target : Target
    ends, discount
        See `dmspe_weights`.
    horizon, prior_deviation
        See `learned_weights`.

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
    weights = member_weights(
        raw, target, ends, method, discount=discount, horizon=horizon, prior_deviation=prior_deviation
    )
    if weights is None:
        weights = np.full((len(ends), len(members)), 1.0 / len(members))
        combined = pool_forecasts(raw, method)
    else:
        combined = (raw * weights[:, None, :]).sum(axis=2)
    if target.relative:
        combined = combined - row_mean(combined)[:, None]
    shown = [member.model for member in members] if method == "learned" else []
    fits = tuple(_combined_fit(fits, weights, shown) for fits in _current_fits(members))
    last = {"kind": "Combination", "method": method, "members": [member.model for member in members]}
    return WalkResult(name, combined, fits, last)


def _current_fits(members: Sequence[WalkResult]) -> Iterator[list[FoldFit]]:
    """Yield the fits in use after each refit of a member."""
    starts = sorted({fit.first_test for member in members for fit in member.fits})
    for start in starts:
        yield [[fit for fit in member.fits if fit.first_test <= start][-1] for member in members]


def _combined_fit(fits: Sequence[FoldFit], weights: Floats, shown: Sequence[str]) -> FoldFit:
    """Return the summary of a combination from a refit on, with the weights of the members to be shown."""
    newest = max(fits, key=lambda fit: fit.first_test)
    share = weights[newest.first_test]
    importance = np.average([fit.importance for fit in fits], axis=0, weights=share)
    chosen = {f"weight_{member}": float(w) for member, w in zip(shown, share, strict=False)}
    return FoldFit(newest.first_test, newest.n_rows, chosen, importance, 0.0)
