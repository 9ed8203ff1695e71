"""Baum-Welch: EM for Gaussian hidden Markov models, with floored variances and a prior of the transitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from foundation.types import Floats
from models.regimes.forward_backward import backward, forward, log_densities, state_moments

FLOOR = 1e-3
"""Smallest variance of a state in any direction, where a feature has 1: a state must not shrink to one date."""
PRIOR_TRANSITIONS = 1.0
"""Transitions of each kind that count as seen before the data: none becomes impossible for ever."""
TOLERANCE = 1e-5
"""EM ends when the objective of a date rises by less."""


@dataclass(frozen=True, eq=False)
class Chain:
    """States of a Gaussian hidden Markov model.

    Attributes
    ----------
    means : ndarray of shape (S, K)
    covariances : ndarray of shape (S, K, K)
    transitions : ndarray of shape (S, S)
        Probability of column given row.
    """

    means: Floats
    covariances: Floats
    transitions: Floats

    @property
    def start(self) -> Floats:
        """Probabilities before the first row: equal, as one sequence cannot identify them."""
        return np.full(len(self.means), 1 / len(self.means))


def expectation_maximisation(
    Z: Floats, chain: Chain, diagonal: bool, max_iterations: int
) -> tuple[Chain, float]:
    """Return the chain after EM on rows Z (n, K), complete or missing altogether, and its objective.

    The objective, log-likelihood plus log prior of the transitions, never falls.
    """
    before = -np.inf
    for iteration in range(max_iterations + 1):
        densities = log_densities(Z, chain.means, chain.covariances)
        filtered, weight, log_density = forward(densities, chain.start, chain.transitions)
        objective = float(log_density.sum() + xlogy(PRIOR_TRANSITIONS, chain.transitions).sum())
        if iteration == max_iterations or objective - before < TOLERANCE * len(Z):
            break
        smoothed, pairs = backward(filtered, weight, chain.transitions)
        before, chain = objective, maximise_likelihood(chain, Z, smoothed, pairs, diagonal)
    return chain, objective


def maximise_likelihood(
    chain: Chain, Z: Floats, smoothed: Floats, pairs: Floats | None, diagonal: bool
) -> Chain:
    """Return the M-step: the best chain if the states were known to be so distributed.

    Parameters
    ----------
    chain : Chain
        Before; a state without dates keeps its mean and covariance.
    Z : ndarray of shape (n, K)
    smoothed : ndarray of shape (n, S)
        Probability of each state at each row.
    pairs : ndarray of shape (S, S), optional
        Expected number of transitions; without it they stay.
    diagonal : bool
    """
    counts, first, second = state_moments(Z, smoothed, chain.means)
    means, covariances = chain.means.copy(), chain.covariances.copy()
    for s in np.flatnonzero(counts > 1e-8):
        shift = first[s] / counts[s]
        means[s] += shift
        covariances[s] = floor_covariance(second[s] / counts[s] - np.outer(shift, shift), diagonal)
    if pairs is None:
        return Chain(means, covariances, chain.transitions)
    seen = pairs + PRIOR_TRANSITIONS
    return Chain(means, covariances, seen / seen.sum(axis=1, keepdims=True))


def floor_covariance(covariance: Floats, diagonal: bool) -> Floats:
    """Return the covariance that is likeliest among those with no variance below `FLOOR` in any direction."""
    if diagonal:
        return np.diag(np.maximum(np.diag(covariance), FLOOR))
    values, vectors = np.linalg.eigh(covariance)
    if values[0] >= FLOOR:
        return covariance
    return np.asarray((vectors * np.maximum(values, FLOOR)) @ vectors.T)
