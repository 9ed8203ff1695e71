"""Estimate the covariances along a path of decisions, each from the window of rows that ends there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from allocation.covariance.estimator import Estimator, MomentEstimator
from allocation.covariance.path import CovarianceCollector, CovariancePath
from allocation.covariance.rolling_moments import MAXIMUM_DECAY, rolling_moments
from allocation.covariance.shrinkage import LedoitWolf
from allocation.covariance_checks import describe_fault
from allocation.covariance_types import Risk
from allocation.errors import InputError
from allocation.input_alignment import refuse_labels
from foundation.types import Bools, Floats, Ints


def eligible_assets(
    excess: Floats,
    positions: Ints,
    *,
    window: int,
    min_history: int,
    closed: Bools | None = None,
    member: Bools | None = None,
) -> Bools:
    """Return the assets that may be held at each decision, shape (D, N).

    They are listed or their market is closed, have enough returns in the decision's window, and are in the universe.

    Parameters
    ----------
    excess, positions, window, min_history, closed, member
        As `covariance_path` takes them.
    """
    alive = np.isfinite(excess[positions])
    if closed is not None:
        alive |= closed[positions]
    if member is not None:
        alive &= member[positions]
    return np.asarray(alive & (_history(excess, positions, window) >= min_history))


def covariance_path(
    excess: Floats,
    positions: Ints,
    *,
    window: int,
    min_history: int,
    horizon: int,
    estimator: Estimator | None = None,
    closed: Bools | None = None,
    member: Bools | None = None,
) -> CovariancePath:
    """Estimate the covariance at each decision from the rows up to it.

    Where no eligible asset lacks a return in a full window, estimators by moments share their sums between windows
    (`rolling_moments`); elsewhere each window is estimated alone. The two agree to 1e-10 of the standard deviations'
    products, and which of the two serves a row depends on the rows up to it alone.

    Parameters
    ----------
    excess : ndarray of shape (T, N)
        Returns less cash, NaN where an asset is not listed.
    positions : ndarray of int, shape (D,), increasing
    window : int
        Rows to use.
    min_history : int
        Returns that an asset must have inside the window.
    horizon : int
        Covariances are scaled to this many observations.
    estimator : Estimator, optional
        `LedoitWolf` by default.
    closed : ndarray of bool, shape (T, N), optional
        Where an asset has no return because its market is closed; it stays in the covariance.
    member : ndarray of bool, shape (T, N), optional
        Where an asset is in the universe; everywhere by default.

    Raises
    ------
    InputError
        If the estimator cannot use some window, or what it makes of it is no covariance; the message names its row.
    """
    refuse_labels("excess", excess)
    estimator = LedoitWolf() if estimator is None else estimator
    history = _history(excess, positions, window)
    eligible = eligible_assets(
        excess, positions, window=window, min_history=min_history, closed=closed, member=member
    )
    path = CovarianceCollector(len(positions), excess.shape[1], horizon, estimator.by_factors)
    together = np.zeros(len(positions), dtype=bool)
    if isinstance(estimator, MomentEstimator) and window * estimator.decay <= MAXIMUM_DECAY:
        whole = (history == window) | ~eligible
        together = (positions >= window) & whole.all(axis=1)
        _estimate_together(path, excess, positions, eligible, np.flatnonzero(together), window, estimator)
    for d in np.flatnonzero(~together & eligible.any(axis=1)).tolist():
        rows = slice(max(0, int(positions[d]) - window + 1), int(positions[d]) + 1)
        inside = np.flatnonzero(eligible[d])
        try:
            risk = estimator.select_rows(rows).estimate(excess[rows][:, inside])
            _insist_sound(estimator, risk)
            path.put(d, inside, risk)
        except InputError as error:
            raise InputError(f"covariance at row {positions[d]}: {error}") from error
    shut = None if closed is None or not closed[positions].any() else closed[positions]
    return CovariancePath(positions, path.sigma(), eligible, sound=True, closed=shut)


def _insist_sound(estimator: Estimator, risk: Risk) -> None:
    """Refuse what no covariance is, from an estimator that does not rule it out."""
    wrong = "" if estimator.semidefinite else describe_fault(risk, [f"number {i}" for i in range(len(risk))])
    if wrong:
        raise InputError(f"{type(estimator).__name__}: {wrong}")


def _history(excess: Floats, positions: Ints, window: int) -> Ints:
    """Return how many returns each asset has in each window, shape (D, N)."""
    if np.isfinite(excess).all():
        return np.repeat(np.minimum(positions + 1, window)[:, None], excess.shape[1], axis=1)
    before = np.zeros((len(excess) + 1, excess.shape[1]), dtype=np.int64)
    np.cumsum(np.isfinite(excess), axis=0, out=before[1:])
    return np.asarray(before[positions + 1] - before[np.maximum(positions + 1 - window, 0)])


def _estimate_together(
    path: CovarianceCollector,
    excess: Floats,
    positions: Ints,
    eligible: Bools,
    members: Ints,
    window: int,
    estimator: MomentEstimator,
) -> None:
    for inside, some in _alike(eligible, members):
        moments = rolling_moments(
            excess,
            inside,
            positions[some],
            window=window,
            decay=estimator.decay,
            into=path.places(some, inside),
        )
        for d, one in zip(some.tolist(), moments, strict=True):
            risk = estimator.from_moments(one)
            try:
                _insist_sound(estimator, risk)
            except InputError as error:
                raise InputError(f"covariance at row {positions[d]}: {error}") from error
            path.put(d, inside, risk)


def _alike(eligible: Bools, members: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield the assets and the decisions of each set of eligible assets."""
    groups: dict[bytes, list[int]] = {}
    for d in members:
        groups.setdefault(eligible[d].tobytes(), []).append(int(d))
    for some in groups.values():
        inside = np.flatnonzero(eligible[some[0]])
        if len(inside):
            yield inside, np.array(some, dtype=np.int64)
