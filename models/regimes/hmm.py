"""Gaussian hidden Markov model: filtered regime probabilities, never smoothed ones."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np

from foundation.types import Floats, Ints
from models.regimes.baum_welch import Chain, expectation_maximisation, floor_covariance, maximise_likelihood
from models.regimes.forward_backward import forward, log_densities
from models.regimes.kmeans import MAX_ITERATIONS, draw_starts, run_lloyd, squared_distances
from models.regimes.path import RegimeModel, is_complete
from models.walk_forward.standardise import Standardiser

Covariance = Literal["diagonal", "full"]


_SHORT_RUN = 10
"""EM iterations of each random start; the best one is continued (Biernacki, Celeux and Govaert 2003)."""


class HMMRegimes(RegimeModel):
    """Hidden Markov chain with normal features, fitted by EM on past dates and filtered over new ones.

    Maximum likelihood under the variance floor `FLOOR`, with `PRIOR_TRANSITIONS` as a Dirichlet prior of the
    transitions (Baum et al. 1970; Rabiner 1989, equations 19-27, 92-95). The probability of a state at a date is
    given the features up to that date, training dates included. The anomaly score is the share of training dates
    whose density, given the dates before them, was higher; it is missing where a feature is.

    Parameters
    ----------
    n_states : int
    covariance : {"diagonal", "full"}
    seed : int
        Of the starts: k-means, and k-means++ centres.

    Attributes
    ----------
    chain_ : Chain
        In the unit of the features. A feature that was constant has variance 0 here.
    """

    covariance: Covariance
    chain_: Chain
    _chain: Chain
    _predicted: Floats
    _ordinary: Floats

    def __init__(self, n_states: int, covariance: Covariance = "full", seed: int = 0) -> None:
        self.n_states = n_states
        self.covariance = covariance
        self.seed = seed

    def _search(self, Z: Floats, previous: Self | None) -> None:
        evidence = np.where(is_complete(Z)[:, None], Z, np.nan)
        diagonal = self.covariance == "diagonal"
        if previous is not None:
            chain = self._rescale_previous(previous)
        else:
            starts = [
                expectation_maximisation(evidence, chain, diagonal, _SHORT_RUN)
                for chain in self._guess_chains(evidence)
            ]
            chain, _ = max(starts, key=lambda start: start[1])
        chain, objective = expectation_maximisation(evidence, chain, diagonal, MAX_ITERATIONS)
        self._set_chain(chain)
        self.loss_ = -objective / len(Z)

    def _guess_chains(self, evidence: Floats) -> list[Chain]:
        """Return first guesses from clusters: the best k-means, then rows that k-means++ spread out."""
        complete = np.ascontiguousarray(evidence[is_complete(evidence)])
        seeds = draw_starts(complete, self.n_states, self.seed)
        clusters = [centres.copy() for centres in seeds]
        best = int(np.argmin([run_lloyd(complete, centres, MAX_ITERATIONS) for centres in clusters]))
        stay = 0.9 * np.eye(self.n_states) + 0.1 / self.n_states
        chains = []
        for centres in (clusters[best], *seeds[:3]):
            label = squared_distances(complete, centres).argmin(axis=1)
            weight = np.eye(self.n_states)[label]
            blank = Chain(centres, np.repeat(np.eye(evidence.shape[1])[None], self.n_states, axis=0), stay)
            chains.append(maximise_likelihood(blank, complete, weight, None, self.covariance == "diagonal"))
        return chains

    def _rescale_previous(self, previous: Self) -> Chain:
        """Return the states before in the unit of this fit: a feature's scale may have grown since."""
        usable = self.scaler_.scale_ > 0
        scale = np.where(usable, self.scaler_.scale_, np.inf)
        covariances = previous.chain_.covariances / (scale[:, None] * scale[None, :])
        diagonal = self.covariance == "diagonal"
        return Chain(
            self.scaler_.transform(previous.chain_.means),
            np.array([floor_covariance(sigma, diagonal) for sigma in covariances]),
            previous.chain_.transitions,
        )

    def _set_chain(self, chain: Chain) -> None:
        scale = self.scaler_.scale_
        self._chain = chain
        self.centres_ = chain.means * scale + self.scaler_.mean_
        covariances = chain.covariances * (scale[:, None] * scale[None, :])
        self.chain_ = Chain(self.centres_, covariances, chain.transitions)

    def _reorder(self, order: Ints) -> None:
        chain = self._chain
        self._set_chain(
            Chain(
                np.ascontiguousarray(chain.means[order]),
                np.ascontiguousarray(chain.covariances[order]),
                np.ascontiguousarray(chain.transitions[order][:, order]),
            )
        )

    def _signature(self, scaler: Standardiser) -> Floats:
        """Return means and standard deviations: states may differ in nothing but how much they scatter.

        The squared distance is that of Wasserstein between normal distributions with these diagonals.
        """
        scatter = np.sqrt(np.diagonal(self.chain_.covariances, axis1=1, axis2=2))
        usable = scaler.scale_ > 0
        scaled = np.where(usable, scatter / np.where(usable, scaler.scale_, 1.0), 0.0)
        return np.hstack([scaler.transform(self.chain_.means), scaled])

    def _store_training(self, Z: Floats) -> None:
        filtered, _, surprise = self._filter_rows(Z, self._chain.start)
        self._predicted = _predict_next(filtered[-1], self._chain.transitions)
        self._ordinary = np.sort(surprise[is_complete(Z)])

    @property
    def step(self) -> Floats:
        """Transitions (S, S) from one row to the next."""
        return self._chain.transitions

    def _filter_training(self, Z: Floats) -> Floats:
        return self._filter_rows(Z, self._chain.start)[0]

    def _predict_states(self, Z: Floats) -> tuple[Floats, Floats]:
        filtered, _, surprise = self._filter_rows(Z, self._predicted)
        anomaly = np.searchsorted(self._ordinary, surprise) / len(self._ordinary)
        return filtered, np.where(is_complete(Z), anomaly, np.nan)

    def _filter_rows(self, Z: Floats, predicted: Floats) -> tuple[Floats, Floats, Floats]:
        """Return filtered probabilities, weights, and minus the log predictive density of each row."""
        chain = self._chain
        densities = log_densities(Z, chain.means, chain.covariances)
        filtered, weight, log_density = forward(densities, predicted, chain.transitions)
        return filtered, weight, -log_density


def _predict_next(filtered: Floats, transitions: Floats) -> Floats:
    """Return the probabilities of the states one row later."""
    # Not a matrix product: BLAS may round differently from one machine to the next.
    return np.asarray((filtered[:, None] * transitions).sum(axis=0))
