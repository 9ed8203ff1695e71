"""Statistical jump model: k-means whose states are left only when it pays for the jump."""

from __future__ import annotations

from typing import Self

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints
from models.regimes.kmeans import MAX_ITERATIONS, KMeansRegimes, draw_starts, run_lloyd, squared_distances
from models.regimes.path import is_complete


class JumpRegimes(KMeansRegimes):
    """States that minimise the sum of ½‖z_t − μ_{s_t}‖² + λ [s_t ≠ s_{t−1}] over training dates.

    The path of states and the centres are improved in turn until the path stays (Nystrup, Lindström and Madsen
    2020, algorithm 1, with the half of Shu, Yu and Mulvey 2024, equation 1). Later dates are
    classified online: the cost of a state at t is that of the cheapest path to it, which begins with the training
    dates and ends at t. The label is the cheapest state. Probabilities are those of k-means with this cost in place of
    half the squared distance, so that with λ = 0 both are k-means.

    Parameters
    ----------
    n_states : int
    jump_penalty : float
        λ, at least 0. Features have unit variance: the larger, the fewer jumps. A state that no date wants at
        this price keeps its centre.
    seed : int
    """

    jump_penalty: float
    _carried: Floats

    def __init__(self, n_states: int, jump_penalty: float = 10.0, seed: int = 0) -> None:
        super().__init__(n_states, seed)
        self.jump_penalty = float(jump_penalty)

    def _search(self, Z: Floats, previous: Self | None) -> None:
        evidence = np.where(is_complete(Z)[:, None], Z, np.nan)
        if previous is not None:
            starts = [self.scaler_.transform(previous.centres_)]
        else:
            complete = np.ascontiguousarray(Z[is_complete(Z)])
            starts = draw_starts(complete, self.n_states, self.seed)
            for centres in starts:
                run_lloyd(complete, centres, MAX_ITERATIONS)
        fits = [_fit_jump_model(evidence, centres, self.jump_penalty) for centres in starts]
        centres, objective = min(fits, key=lambda fit: fit[1])
        self._set_centres(centres, objective / len(Z))

    def _store_training(self, Z: Floats) -> None:
        super()._store_training(Z)
        self._carried = self._training_cost(0.5 * squared_distances(Z, self._centres))[-1]

    def _cost(self, loss: Floats) -> Floats:
        return _cheapest_arrivals(loss, self._carried, self.jump_penalty)

    def _training_cost(self, loss: Floats) -> Floats:
        return _cheapest_arrivals(loss, np.zeros(self.n_states), self.jump_penalty)


def _fit_jump_model(Z: Floats, centres: Floats, penalty: float) -> tuple[Floats, float]:
    """Improve path and centres in turn; return the centres and the objective.

    Parameters
    ----------
    Z : ndarray of shape (n, K)
        Complete rows, or rows missing altogether, which cost nothing in any state.
    centres : ndarray of shape (S, K)
        Start; left as it is.
    penalty : float
    """
    before = np.full(len(Z), -1)
    objective = np.inf
    for _ in range(MAX_ITERATIONS):
        path, objective = _cheapest_path(0.5 * squared_distances(Z, centres), penalty)
        if np.array_equal(path, before):
            break
        before, centres = path, _state_means(Z, path, centres)
    return centres, objective


@compiled
def _cheapest_arrivals(loss: Floats, carried: Floats, penalty: float) -> Floats:
    """Return the cost of the cheapest path that ends in each state at each row, less the row's smallest.

    Row t depends on rows up to t alone.

    Parameters
    ----------
    loss : ndarray of shape (n, S)
        Cost of being in a state at a row.
    carried : ndarray of shape (S,)
        Costs at the row before the first; zeros if there is none.
    penalty : float
        Cost of a change of state.
    """
    n, n_states = loss.shape
    out = np.empty((n, n_states))
    for t in range(n):
        jump, smallest = np.inf, np.inf
        for s in range(n_states):
            out[t, s] = carried[s] if t == 0 else out[t - 1, s]
            jump = min(jump, out[t, s] + penalty)
        for s in range(n_states):
            out[t, s] = loss[t, s] + min(out[t, s], jump)
            smallest = min(smallest, out[t, s])
        for s in range(n_states):
            out[t, s] -= smallest
    return out


@compiled
def _cheapest_path(loss: Floats, penalty: float) -> tuple[Ints, float]:
    """Return the states (n,) with the smallest total loss and penalty, and that total.

    Dynamic programming (Bellman 1957); of equal paths, the one that stays, then the lower states.
    """
    n, n_states = loss.shape
    came_from = np.empty((n, n_states), dtype=np.int8)
    cost = np.zeros(n_states)
    for t in range(n):
        cheapest = cost.argmin()
        jump = cost[cheapest] + penalty
        for s in range(n_states):
            stays = cost[s] <= jump
            came_from[t, s] = s if stays else cheapest
            cost[s] = loss[t, s] + (cost[s] if stays else jump)
    path = np.empty(n, dtype=np.int64)
    state = cost.argmin()
    total = cost[state]
    for t in range(n - 1, -1, -1):
        path[t] = state
        state = came_from[t, state]
    return path, total


@compiled
def _state_means(Z: Floats, path: Ints, centres: Floats) -> Floats:
    """Return the mean of the rows in each state, and the centre as it was where there are none.

    Rows of Z (n, K) are complete or missing altogether.
    """
    n_states, n_features = centres.shape
    sums = np.zeros((n_states, n_features))
    counts = np.zeros(n_states)
    for t in range(len(Z)):
        if not np.isnan(Z[t, 0]):
            counts[path[t]] += 1
            for k in range(n_features):
                sums[path[t], k] += Z[t, k]
    for s in range(n_states):
        for k in range(n_features):
            sums[s, k] = sums[s, k] / counts[s] if counts[s] > 0 else centres[s, k]
    return sums
