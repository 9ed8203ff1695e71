"""Covariances along a path of decisions: each from the window of rows that ends there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from allocation.covariance.estimator import Estimator, MomentEstimator
from allocation.covariance.rolling_moments import MAXIMUM_DECAY, rolling_moments
from allocation.covariance.shrinkage import LedoitWolf
from allocation.covariance_types import FactorCovariance, Risk
from allocation.errors import InputError
from allocation.input_alignment import refuse_labels
from allocation.input_checks import describe_fault
from foundation.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class CovariancePath:
    """Covariances at each decision.

    Attributes
    ----------
    positions : ndarray of int, shape (D,)
        Rows of the panel, increasing.
    sigma : ndarray of shape (D, N, N), or tuple of D FactorCovariance of N assets
        Covariance of excess returns over one horizon; NaN for assets that are not eligible.
    eligible : ndarray of bool, shape (D, N)
        Assets that are listed, or whose market is closed, and have enough history.
    sound : bool
        Whether each covariance is known to be finite, symmetric and positive semidefinite among the eligible assets,
        as `covariance_path` sees to.
    closed : ndarray of bool, shape (D, N), optional
        Assets whose market is closed, eligible or not: they cannot be traded. None where no market ever is.
    """

    positions: Ints
    sigma: Floats | tuple[FactorCovariance, ...]
    eligible: Bools
    sound: bool = False
    closed: Bools | None = None

    def at(self, position: int) -> tuple[Risk, Bools]:
        """Return the covariance of all N assets and the eligible ones (N,) at a row of the panel.

        Raises
        ------
        InputError
            If nothing was estimated there.
        """
        index = self._index(position)
        return self.sigma[index], self.eligible[index]

    def closed_at(self, position: int) -> Bools | None:
        """Return the assets (N,) whose market is closed at a row of the panel, None if all are open."""
        if self.closed is None:
            return None
        closed = self.closed[self._index(position)]
        return closed if closed.any() else None

    def _index(self, position: int) -> int:
        index = int(self.positions.searchsorted(position))
        if index == len(self.positions) or self.positions[index] != position:
            raise InputError(f"no covariance was estimated at row {position}")
        return index


def eligible_assets(
    excess: Floats, positions: Ints, *, window: int, min_history: int, closed: Bools | None = None
) -> Bools:
    """Return the assets that may be held at each decision, shape (D, N).

    They are listed or their market is closed, and they have enough returns in the decision's window.

    Parameters
    ----------
    excess, positions, window, min_history, closed
        As `covariance_path` takes them.
    """
    return _eligible(excess, positions, _history(excess, positions, window), min_history, closed)


def _eligible(
    excess: Floats, positions: Ints, history: Ints, min_history: int, closed: Bools | None
) -> Bools:
    alive = np.isfinite(excess[positions])
    if closed is not None:
        alive |= closed[positions]
    return np.asarray(alive & (history >= min_history))


def covariance_path(
    excess: Floats,
    positions: Ints,
    *,
    window: int,
    min_history: int,
    horizon: int,
    estimator: Estimator | None = None,
    closed: Bools | None = None,
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

    Raises
    ------
    InputError
        If the estimator cannot use some window, or what it makes of it is no covariance; the message names its row.
    """
    refuse_labels("excess", excess)
    estimator = LedoitWolf() if estimator is None else estimator
    history = _history(excess, positions, window)
    eligible = _eligible(excess, positions, history, min_history, closed)
    path = _Path(len(positions), excess.shape[1], horizon, estimator.by_factors)
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
    path: _Path,
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


class _Path:
    """Covariances of some of N assets, spread over all and scaled to the horizon as they come."""

    def __init__(self, n_decisions: int, n_assets: int, horizon: int, by_factors: bool) -> None:
        self.n_assets, self.horizon = n_assets, horizon
        self.missing = set(range(n_decisions))
        self.dense = None if by_factors else np.empty((n_decisions, n_assets, n_assets))
        none = FactorCovariance(np.full((n_assets, 0), np.nan), np.full(n_assets, np.nan))
        self.factors = [none] * n_decisions

    def places(self, some: Ints, inside: Ints) -> list[Floats] | None:
        """Return the matrices of some decisions, for estimates of all assets to be made in their place."""
        if self.dense is None or len(inside) < self.n_assets:
            return None
        return [self.dense[d] for d in some.tolist()]

    def put(self, d: int, inside: Ints, risk: Risk) -> None:
        self.missing.discard(d)
        if isinstance(risk, FactorCovariance):
            self.factors[d] = _spread(risk, inside, self.n_assets, self.horizon)
        elif self.dense is not None and len(inside) == self.n_assets:
            if self.horizon != 1 or not np.may_share_memory(risk, self.dense[d]):
                np.multiply(risk, self.horizon, out=self.dense[d])
        elif self.dense is not None:
            self.dense[d] = np.nan
            self.dense[d][np.ix_(inside, inside)] = risk * self.horizon

    def sigma(self) -> Floats | tuple[FactorCovariance, ...]:
        if self.dense is None:
            return tuple(self.factors)
        self.dense[sorted(self.missing)] = np.nan
        return self.dense


def _spread(risk: FactorCovariance, inside: Ints, n_assets: int, horizon: int) -> FactorCovariance:
    loadings = np.full((n_assets, risk.loadings.shape[1]), np.nan)
    specific = np.full(n_assets, np.nan)
    loadings[inside] = risk.loadings * np.sqrt(horizon)
    specific[inside] = risk.specific * horizon
    return FactorCovariance(loadings, specific)
