"""Regimes: market states that are refitted along a walk and keep their identity; each date is classified once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator

from foundation.compiled import compiled
from foundation.types import Floats, Ints
from models.errors import NotFittedError, TrainingError
from models.regimes.ahead.forecast import RegimeForecast
from models.walk_forward.standardise import Standardiser


@dataclass(frozen=True, eq=False)
class RegimePath:
    """Regimes as they were known at the time: row t comes from a fit on earlier rows, and from rows up to t.

    Attributes
    ----------
    probabilities : ndarray of shape (T, S)
        NaN before the first fit, and where no feature has a value.
    label : ndarray of int, shape (T,)
        Most probable state, -1 where there are no probabilities. Never changed afterwards.
    anomaly : ndarray of shape (T,)
        Share of training dates that were more ordinary: 0 ordinary, 1 never seen the like.
    centres : ndarray of shape (F, S, K)
        Centres of each fit, in the unit of the features.
    refits : ndarray of int, shape (F,)
        First row that each fit classified.
    restarted : ndarray of bool, shape (F,)
        Whether the fit came from a cold start, as the first one does.
    loss : ndarray of shape (F,)
        `RegimeModel.loss_` of each fit.
    agreement, relabelled : ndarray of shape (F,)
        Labels of each fit and of the fit before it on the last `models.regimes.walk.RECENT` training rows: adjusted
        Rand index, and share of rows with another label. NaN for the first fit.
    features : tuple of str
        Names of the K features.
    current : RegimeModel or None
        The last fit, from which a path over more dates continues.
    seen_cold : int
        Last training row of the last cold start.
    forecast : RegimeForecast
        The state one horizon ahead.
    pending : tuple of RegimeModel
        The fits before the last one that still have to say what came of their forecasts.
    """

    probabilities: Floats
    label: Ints
    anomaly: Floats
    centres: Floats
    refits: Ints
    restarted: NDArray[np.bool_]
    loss: Floats
    agreement: Floats
    relabelled: Floats
    features: tuple[str, ...]
    current: RegimeModel | None
    seen_cold: int
    forecast: RegimeForecast
    pending: tuple[RegimeModel, ...]


class RegimeModel(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn ships no types
    """States of standardised market features.

    The fit uses complete rows alone. Rows to classify may lack features; the available ones decide.

    Attributes
    ----------
    centres_ : ndarray of shape (S, K)
        In the unit of the features.
    loss_ : float
        Loss of the fit, scaled so that a difference of 0.01 is relevant.
    scaler_ : Standardiser
        Of the complete training rows.
    """

    n_states: int
    seed: int
    centres_: Floats
    loss_: float
    scaler_: Standardiser

    def fit(self, X: Floats, previous: Self | None = None, *, cold: bool = False) -> Self:
        """Find the states in the rows of X (n, K), which are in time order.

        Parameters
        ----------
        X : ndarray of shape (n, K)
        previous : RegimeModel, optional
            The fit before. The search starts from its states, and the new states take over their order.
            Without it, states are ordered by the first feature, smallest first.
        cold : bool
            Search from several random starts instead of the states before; the order is still taken over.

        Raises
        ------
        TrainingError
            If there are fewer distinct complete rows than states.
        """
        Z = self._fit_scaler(np.ascontiguousarray(X, dtype=np.float64))
        self._search(Z, None if cold else previous)
        self._reorder(self._match_states(previous))
        self._store_training(Z)
        return self

    def _fit_scaler(self, X: Floats) -> Floats:
        """Return the standardised rows, which must have states enough among them."""
        complete = is_complete(X)
        self.scaler_ = Standardiser().fit(X[complete])
        Z = self._standardise(X)
        distinct = _count_distinct(Z[complete], self.n_states)
        if distinct < self.n_states:
            raise TrainingError(
                f"{self.n_states} regimes need at least as many different complete dates of market features, "
                f"got {distinct} of {len(X)} dates"
            )
        return Z

    def predict_states(self, X: Floats) -> tuple[Floats, Floats]:
        """Return probabilities (n, S) and anomaly (n,) of rows X (n, K) that follow the training rows.

        Row i depends on the rows of X up to i and on the fit. Repeated calls give the same result.

        Raises
        ------
        NotFittedError
            Before fit.
        """
        if not hasattr(self, "centres_"):
            raise NotFittedError(f"{type(self).__name__} is not fitted: call fit before predict_states")
        Z = self._standardise(np.ascontiguousarray(X, dtype=np.float64))
        probabilities, anomaly = self._predict_states(Z)
        known = np.asarray(np.isfinite(Z).any(axis=1))
        return np.where(known[:, None], probabilities, np.nan), np.where(known, anomaly, np.nan)

    def filter_training(self, X: Floats) -> Floats:
        """Return probabilities (n, S) of the training rows X (n, K), each given the rows up to it: never smoothed."""
        Z = self._standardise(np.ascontiguousarray(X, dtype=np.float64))
        known = np.asarray(np.isfinite(Z).any(axis=1))
        return np.where(known[:, None], self._filter_training(Z), np.nan)

    @property
    def step(self) -> Floats | None:
        """Transitions (S, S) from one row to the next, if the model has some."""
        return None

    def _standardise(self, X: Floats) -> Floats:
        """Return X scaled and clipped; missing values stay missing."""
        return np.where(np.isfinite(X), self.scaler_.transform(X), np.nan)

    def _match_states(self, previous: Self | None) -> Ints:
        """Return which new state takes each place, by the smallest total distance to the states before."""
        if previous is None:
            return np.argsort(self.centres_[:, 0], kind="stable")
        old, new = previous._signature(self.scaler_), self._signature(self.scaler_)
        _, order = linear_sum_assignment(cdist(old, new, "sqeuclidean"))
        return np.asarray(order, dtype=np.int64)

    def _signature(self, scaler: Standardiser) -> Floats:
        """Return the coordinates by which states are matched, shape (S, any), in the scaler's unit."""
        return scaler.transform(self.centres_)

    @abstractmethod
    def _search(self, Z: Floats, previous: Self | None) -> None:
        """Set `centres_` and `loss_` from standardised rows; search from the states before, if given."""

    @abstractmethod
    def _reorder(self, order: Ints) -> None:
        """Put state `order[s]` in place s."""

    @abstractmethod
    def _store_training(self, Z: Floats) -> None:
        """Keep the state after the training rows, from which later rows are classified."""

    @abstractmethod
    def _filter_training(self, Z: Floats) -> Floats:
        """Return probabilities (n, S) of standardised training rows, each given the rows up to it."""

    @abstractmethod
    def _predict_states(self, Z: Floats) -> tuple[Floats, Floats]:
        """Return probabilities and anomaly of standardised rows; rows without any value may have any result."""


def is_complete(X: Floats) -> NDArray[np.bool_]:
    """Return which rows have a value of every feature."""
    return np.asarray(np.isfinite(X).all(axis=1))


@compiled
def _count_distinct(Z: Floats, enough: int) -> int:
    """Return how many different rows Z (n, K) has, or `enough` if there are as many: it looks no further."""
    first = np.empty(enough, dtype=np.int64)
    count = 0
    for i in range(len(Z)):
        seen = 0
        for j in range(count):
            same = 1
            for k in range(Z.shape[1]):
                if Z[i, k] != Z[first[j], k]:
                    same = 0
            seen += same
        if seen == 0:
            first[count] = i
            count += 1
            if count == enough:
                break
    return count
