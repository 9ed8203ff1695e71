"""Regimes: k-means states of the market that keep their identity, and an anomaly score."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from models.errors import NotFittedError, TrainingError
from models.scaling import Standardiser
from validation.walk_forward import Fold

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RegimePath:
    """Regimes as they were told at the time: row t comes from a fit that had seen none of the test's labels.

    Attributes
    ----------
    probabilities : ndarray of shape (T, S)
        NaN before the first fit.
    label : ndarray of int, shape (T,)
        Most probable state, -1 before the first fit. Never changed afterwards.
    anomaly : ndarray of shape (T,)
        Share of training dates that were nearer to their regime's centre: 0 ordinary, 1 never seen the like.
    centres : ndarray of shape (F, S, K)
        Centres of each fit, in the unit of the features.
    refits : ndarray of int, shape (F,)
        First row that each fit told.
    features : tuple of str
        Names of the K features.
    """

    probabilities: Floats
    label: Ints
    anomaly: Floats
    centres: Floats
    refits: Ints
    features: tuple[str, ...]


class KMeansRegimes:
    """Clusters of standardised market features.

    Parameters
    ----------
    n_states : int
    seed : int
    previous : ndarray of shape (S, K), optional
        Centres of the fit before, in the unit of the features: states take over its order. Without it, states
        are ordered by the first feature, smallest first.

    Attributes
    ----------
    centres_ : ndarray of shape (S, K)
        In the unit of the features.
    scaler_ : Standardiser
    """

    def __init__(self, n_states: int, seed: int = 0, previous: Floats | None = None) -> None:
        self.n_states = n_states
        self.seed = seed
        self.previous = previous

    def fit(self, X: Floats) -> Self:
        """Cluster the rows of X (n, K).

        Raises
        ------
        TrainingError
            If there are fewer distinct rows than states.
        """
        from sklearn.cluster import KMeans

        finite = X[np.isfinite(X).all(axis=1)]
        if len(np.unique(finite, axis=0)) < self.n_states:
            raise TrainingError(
                f"{self.n_states} regimes need at least as many different complete dates of market features, "
                f"got {len(np.unique(finite, axis=0))} of {len(X)} dates"
            )
        self.scaler_ = Standardiser().fit(finite)
        Z = self.scaler_.transform(finite)
        with warnings.catch_warnings():
            # KMeans warns of a Windows memory leak and of duplicates, neither of which concerns a user here.
            warnings.simplefilter("ignore", UserWarning)
            centres = KMeans(self.n_states, n_init=10, random_state=self.seed).fit(Z).cluster_centers_
        self._centres = centres[self._order(centres)]
        nearest = cdist(Z, self._centres).min(axis=1)
        self._ordinary = np.sort(nearest)
        self._spread = max(float((nearest**2).mean()), 1e-12)
        scale = np.where(self.scaler_.scale_ > 0, self.scaler_.scale_, 1.0)
        self.centres_ = self._centres * scale + self.scaler_.mean_
        return self

    def _order(self, centres: Floats) -> Ints:
        """Return which new centre takes each place, by the smallest total distance to the centres before."""
        if self.previous is None:
            return np.argsort(centres[:, 0], kind="stable")
        before = self.scaler_.transform(self.previous)
        _, order = linear_sum_assignment(cdist(before, centres, "sqeuclidean"))
        return np.asarray(order, dtype=np.int64)

    def tell(self, X: Floats) -> tuple[Floats, Floats]:
        """Return probabilities (n, S) and anomaly (n,) of the rows of X (n, K).

        The probability falls with the squared distance to the centre as under equal spherical normal
        distributions whose variance is that of the training dates about their centres.
        """
        if not hasattr(self, "centres_"):
            raise NotFittedError("KMeansRegimes is not fitted: call fit before tell")
        distance = cdist(self.scaler_.transform(X), self._centres)
        log_odds = -0.5 * X.shape[1] * (distance**2 - (distance**2).min(axis=1, keepdims=True)) / self._spread
        odds = np.exp(log_odds)
        anomaly = np.searchsorted(self._ordinary, distance.min(axis=1)) / len(self._ordinary)
        known = np.asarray(np.isfinite(X).any(axis=1))
        probabilities = np.where(known[:, None], odds / odds.sum(axis=1, keepdims=True), np.nan)
        return probabilities, np.where(known, anomaly, np.nan)


def walk_regimes(
    X: Floats, folds: Sequence[Fold], names: Sequence[str], *, n_states: int, seed: int
) -> RegimePath:
    """Refit the regimes at each fold and tell each test date by the fit that was current.

    Parameters
    ----------
    X : ndarray of shape (T, K)
        Market features; the first orders the states.
    folds : sequence of Fold
    names : sequence of str, length K
    n_states, seed : int
    """
    n = len(X)
    probabilities, anomaly = np.full((n, n_states), np.nan), np.full(n, np.nan)
    centres: list[Floats] = []
    for fold in folds:
        model = KMeansRegimes(n_states, seed, centres[-1] if centres else None).fit(X[fold.train])
        probabilities[fold.test], anomaly[fold.test] = model.tell(X[fold.test])
        centres.append(model.centres_)
    told = np.isfinite(probabilities[:, 0])
    label = np.where(told, np.argmax(np.where(told[:, None], probabilities, 0.0), axis=1), -1)
    refits = np.array([fold.test[0] for fold in folds], dtype=np.int64)
    return RegimePath(probabilities, label, anomaly, np.array(centres), refits, tuple(names))
