"""Transitions over one horizon, learned from a training window, and the forecasts that they are judged against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints

_PRIOR_PERIODS = 1.0
"""Horizons that count as seen before the data: one in each state, and one from each state to all by their shares."""
_TOLERANCE = 1e-4
_MAX_ITERATIONS = 100


@dataclass(frozen=True, eq=False)
class Transitions:
    """What a training window says of the state one horizon later.

    Attributes
    ----------
    matrix : ndarray of shape (S, S)
        Probability of column one horizon after row.
    stay : float
        Probability that the state is the same one horizon later, whatever it is.
    share : ndarray of shape (S,)
        Share of dates in each state.
    """

    matrix: Floats
    stay: float
    share: Floats


def estimate_transitions(
    probabilities: Floats, label: Ints, horizon: int, step: Floats | None = None
) -> Transitions:
    """Return the transitions of a training window.

    Without a fitted chain, pairs of rows one horizon apart are counted as they are, not as powers of one step: states
    made of trailing windows are no Markov chain. A pair counts in each state in which it may have begun, by its
    probability given where it ended (EM); with certain states these are the usual counts. Pairs overlap, so that one
    horizon of prior is `horizon` pairs.

    Parameters
    ----------
    probabilities : ndarray of shape (n, S)
        Of each training row, given the rows up to it; NaN if unknown.
    label : ndarray of int, shape (n,)
        Most probable state, -1 if unknown.
    horizon : int
        Rows ahead.
    step : ndarray of shape (S, S), optional
        Transitions of one row of a fitted chain, whose power is used instead of the counts.
    """
    n_states, prior = probabilities.shape[1], _PRIOR_PERIODS * horizon
    known = label[label >= 0]
    share = (np.bincount(known, minlength=n_states) + prior) / (len(known) + prior * n_states)
    both = (label[:-horizon] >= 0) & (label[horizon:] >= 0)
    before, after = label[:-horizon][both], label[horizon:][both]
    stay = (float((before == after).sum()) + prior / 2) / (len(before) + prior)
    if step is not None:
        return Transitions(_raise_to_power(step, horizon), stay, share)
    matrix = _maximise_likelihood(np.ascontiguousarray(probabilities[:-horizon][both]), after, share, prior)
    return Transitions(matrix, stay, share)


def propagate(probabilities: Floats, matrix: Floats) -> Floats:
    """Return the distributions (n, S) after transitions (S, S) from the distributions (n, S)."""
    # Not a matrix product: BLAS may round differently from one machine to the next, and with the number of rows.
    out = np.zeros_like(probabilities)
    for state in range(len(matrix)):
        out += probabilities[:, state, None] * matrix[state]
    return out


def persist(label: Ints, stay: Floats, share: Floats) -> Floats:
    """Return the forecast that states stay, as often as they did; the rest goes to the others by their shares.

    Parameters
    ----------
    label : ndarray of int, shape (n,)
        -1 where unknown: the forecast is NaN there.
    stay : ndarray of shape (n,)
    share : ndarray of shape (n, S)
    """
    now = np.eye(share.shape[1])[label]
    others = (1.0 - now) * share
    rest = others.sum(axis=1, keepdims=True)
    alone = rest <= 0
    leaves = np.where(alone, 0.0, (1.0 - stay[:, None]) / np.where(alone, 1.0, rest))
    out = now * np.where(alone, 1.0, stay[:, None]) + others * leaves
    return np.where((label >= 0)[:, None], out, np.nan)


def _raise_to_power(matrix: Floats, power: int) -> Floats:
    result, factor = np.eye(len(matrix)), matrix
    while power:
        if power & 1:
            result = propagate(result, factor)
        factor, power = propagate(factor, factor), power >> 1
    return np.asarray(result / result.sum(axis=1, keepdims=True))


@compiled
def _maximise_likelihood(probability: Floats, later: Ints, share: Floats, prior: float) -> Floats:
    """Return the matrix that makes the later states likeliest, with `prior` pairs from each state by the shares.

    Expectation maximisation of sum_t log(sum_s p_t(s) A(s, later_t)) + prior sum_s sum_r share_r log A(s, r).

    Parameters
    ----------
    probability : ndarray of shape (n, S)
    later : ndarray of int, shape (n,)
    share : ndarray of shape (S,)
        Positive.
    prior : float
        Positive.
    """
    n_states = len(share)
    matrix = np.empty((n_states, n_states))
    for s in range(n_states):
        for r in range(n_states):
            matrix[s, r] = 0.5 * share[r] + (0.5 if s == r else 0.0)
    for _ in range(_MAX_ITERATIONS):
        counts = _expect_pairs(probability, later, matrix)
        moved = 0.0
        for s in range(n_states):
            total = prior + counts[s].sum()
            for r in range(n_states):
                better = (counts[s, r] + prior * share[r]) / total
                moved = max(moved, abs(better - matrix[s, r]))
                matrix[s, r] = better
        if moved < _TOLERANCE:
            break
    return matrix


@compiled
def _expect_pairs(probability: Floats, later: Ints, matrix: Floats) -> Floats:
    """Return the expected number of pairs from each state to each, given where the pairs ended."""
    n, n_states = probability.shape
    counts = np.zeros((n_states, n_states))
    for t in range(n):
        end = later[t]
        total = 0.0
        for s in range(n_states):
            total += probability[t, s] * matrix[s, end]
        for s in range(n_states):
            counts[s, end] += probability[t, s] * matrix[s, end] / total
    return counts
