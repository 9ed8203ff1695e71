"""K-means regimes: clusters of the dates, started from the clusters before."""

from __future__ import annotations

from typing import Self

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints
from models.regimes.path import RegimeModel, is_complete

_N_STARTS = 10
MAX_ITERATIONS = 300
_SMALLEST = 1e-12
"""A mean squared distance below this is rounding: all dates lie on the centres."""


class KMeansRegimes(RegimeModel):
    """Clusters of standardised market features: each date belongs to the nearest centre, whatever came before.

    The probability falls with the squared distance to the centre as under equal spherical normal distributions
    whose variance is that of the training dates about their centres. The anomaly score is the share of training
    dates that were nearer to a centre; over missing features the squared distance is scaled up in proportion.

    Parameters
    ----------
    n_states : int
    seed : int
        Of the starts, k-means++ (Arthur and Vassilvitskii 2007); the loss is the logarithm of the inertia.
    """

    _centres: Floats
    _ordinary: Floats
    _variance: float

    def __init__(self, n_states: int, seed: int = 0) -> None:
        self.n_states = n_states
        self.seed = seed

    def _search(self, Z: Floats, previous: Self | None) -> None:
        complete = np.ascontiguousarray(Z[is_complete(Z)])
        if previous is not None:
            starts = [self.scaler_.transform(previous.centres_)]
        else:
            starts = draw_starts(complete, self.n_states, self.seed)
        inertias = [run_lloyd(complete, centres, MAX_ITERATIONS) for centres in starts]
        best = int(np.argmin(inertias))
        self._set_centres(starts[best], inertias[best] / len(complete))

    def _set_centres(self, centres: Floats, loss: float) -> None:
        """Take the centres, also in the unit of the features, and the mean loss of a row."""
        self._centres = centres
        self.centres_ = centres * self.scaler_.scale_ + self.scaler_.mean_
        self.loss_ = float(np.log(max(loss, _SMALLEST)))

    def _reorder(self, order: Ints) -> None:
        self._centres = np.ascontiguousarray(self._centres[order])
        self.centres_ = self.centres_[order]

    def _store_training(self, Z: Floats) -> None:
        nearest = squared_distances(Z, self._centres).min(axis=1)[is_complete(Z)]
        self._ordinary = np.sort(nearest)
        self._variance = max(float(nearest.mean()), _SMALLEST) / Z.shape[1]

    def _filter_training(self, Z: Floats) -> Floats:
        loss = 0.5 * squared_distances(Z, self._centres)
        return _to_probabilities(self._training_cost(loss) / self._variance)

    def _predict_states(self, Z: Floats) -> tuple[Floats, Floats]:
        distance = squared_distances(Z, self._centres)
        cost = self._cost(0.5 * distance) / self._variance
        present = np.maximum(np.isfinite(Z).sum(axis=1), 1)
        nearest = distance.min(axis=1) * Z.shape[1] / present
        anomaly = np.searchsorted(self._ordinary, nearest) / len(self._ordinary)
        return _to_probabilities(cost), anomaly

    def _cost(self, loss: Floats) -> Floats:
        """Return the cost of each state at each row, given half the squared distances (n, S)."""
        return loss

    def _training_cost(self, loss: Floats) -> Floats:
        """Return the same for the training rows."""
        return loss


def _to_probabilities(cost: Floats) -> Floats:
    """Return the probabilities (n, S) of states with these costs in units of variance."""
    odds = np.exp(cost.min(axis=1, keepdims=True) - cost)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def draw_starts(Z: Floats, n_states: int, seed: int) -> list[Floats]:
    """Return k-means++ centres for `_N_STARTS` searches in complete rows Z (n, K)."""
    draws = np.random.default_rng(seed).uniform(size=(_N_STARTS, n_states))
    return [_spread_centres(Z, row) for row in draws]


@compiled
def _spread_centres(Z: Floats, draws: Floats) -> Floats:
    """Return k-means++ centres: rows of Z, each drawn in proportion to its squared distance to those before.

    Z needs as many different rows as there are draws, uniform on [0, 1).
    """
    n, n_features = Z.shape
    centres = np.empty((len(draws), n_features))
    nearest = np.empty(n)
    total = 0.0
    chosen = int(draws[0] * n)
    for s in range(len(draws)):
        if s > 0:
            running = 0.0
            for i in range(n):
                if nearest[i] > 0:
                    chosen = i
                    running += nearest[i]
                    if running > draws[s] * total:
                        break
        for k in range(n_features):
            centres[s, k] = Z[chosen, k]
        total = 0.0
        for i in range(n):
            distance = 0.0
            for k in range(n_features):
                distance += (Z[i, k] - centres[s, k]) ** 2
            nearest[i] = distance if s == 0 else min(nearest[i], distance)
            total += nearest[i]
    return centres


@compiled
def run_lloyd(Z: Floats, centres: Floats, max_iterations: int) -> float:
    """Move the centres (S, K) in place until no row of Z (n, K) changes its cluster; return the inertia.

    A cluster that loses all its rows starts again from the row that is farthest from its centre (Lloyd 1982).
    """
    n, n_features = Z.shape
    n_states = len(centres)
    label, distance = np.empty(n, dtype=np.int64), np.empty(n)
    for iteration in range(max_iterations):
        changed = _assign_rows(Z, centres, label, distance) or iteration == 0
        sums, counts = np.zeros((n_states, n_features)), np.zeros(n_states)
        for i in range(n):
            counts[label[i]] += 1
            for k in range(n_features):
                sums[label[i], k] += Z[i, k]
        for s in range(n_states):
            if counts[s] == 0:
                restarted = _restart(s, Z, label, distance, sums, counts)
                changed = changed or restarted
        if not changed:
            break
        for s in range(n_states):
            for k in range(n_features):
                centres[s, k] = sums[s, k] / counts[s] if counts[s] > 0 else centres[s, k]
    return float(distance.sum())


@compiled
def _assign_rows(Z: Floats, centres: Floats, label: Ints, distance: Floats) -> bool:
    """Fill in the nearest centre of each row and the squared distance to it; return whether a label changed."""
    changed = False
    for i in range(len(Z)):
        best, smallest = 0, np.inf
        for s in range(len(centres)):
            d = 0.0
            for k in range(Z.shape[1]):
                d += (Z[i, k] - centres[s, k]) ** 2
            if d < smallest:
                best, smallest = s, d
        changed = changed or label[i] != best
        label[i], distance[i] = best, smallest
    return changed


@compiled
def _restart(empty: int, Z: Floats, label: Ints, distance: Floats, sums: Floats, counts: Floats) -> bool:
    """Give an empty cluster the farthest row of a cluster that has others; return whether there is one."""
    farthest = -1
    for i in range(len(Z)):
        if counts[label[i]] > 1 and distance[i] > 0 and (farthest < 0 or distance[i] > distance[farthest]):
            farthest = i
    if farthest < 0:
        return False
    counts[label[farthest]] -= 1
    counts[empty] = 1
    for k in range(Z.shape[1]):
        sums[label[farthest], k] -= Z[farthest, k]
        sums[empty, k] = Z[farthest, k]
    label[farthest], distance[farthest] = empty, 0.0
    return True


@compiled
def squared_distances(Z: Floats, centres: Floats) -> Floats:
    """Return the squared distances (n, S) over the features that a row has: 0 if it has none."""
    n, n_features = Z.shape
    out = np.zeros((n, len(centres)))
    for i in range(n):
        for s in range(len(centres)):
            for k in range(n_features):
                if not np.isnan(Z[i, k]):
                    out[i, s] += (Z[i, k] - centres[s, k]) ** 2
    return out
