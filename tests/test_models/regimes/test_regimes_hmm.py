"""Hidden Markov model: against hmmlearn, SciPy, and the sum over all paths of tiny cases."""

from itertools import pairwise, product

import numpy as np
import pytest
from causality import first_difference
from hmmlearn.hmm import GaussianHMM
from regime_markets import chain, folds
from scipy.stats import multivariate_normal

import models.regimes.baum_welch
from models.regimes.baum_welch import (
    FLOOR,
    Chain,
    expectation_maximisation,
    floor_covariance,
    maximise_likelihood,
)
from models.regimes.forward_backward import backward, forward, log_densities, state_moments
from models.regimes.hmm import MAX_ITERATIONS, HMMRegimes
from models.regimes.walk import walk_regimes


def random_chain(rng, n_states, n_features, diagonal=False):
    A = rng.normal(size=(n_states, n_features, n_features)) * 0.4
    covariances = A @ A.transpose(0, 2, 1) + 0.5 * np.eye(n_features)
    if diagonal:
        covariances = covariances * np.eye(n_features)
    transitions = rng.dirichlet(np.ones(n_states), size=n_states)
    return Chain(rng.normal(size=(n_states, n_features)), covariances, transitions)


def peer_of(chain, diagonal=False, **settings):
    """Return hmmlearn's model with the same parameters."""
    kind = "diag" if diagonal else "full"
    model = GaussianHMM(len(chain.means), kind, implementation="scaling", **settings)
    model.startprob_, model.transmat_, model.means_ = chain.start, chain.transitions, chain.means
    model.covars_ = np.diagonal(chain.covariances, axis1=1, axis2=2) if diagonal else chain.covariances
    return model


@pytest.mark.parametrize("diagonal", [False, True])
def test_densities_are_those_of_scipy_over_the_features_that_are_there(diagonal):
    rng = np.random.default_rng(0)
    states = random_chain(rng, 3, 4, diagonal)
    Z = rng.normal(size=(60, 4))
    Z[20:][rng.random((40, 4)) < 0.4] = np.nan
    Z[30] = np.nan
    result = log_densities(Z, states.means, states.covariances)
    for row, values in zip(Z, result, strict=True):
        present = np.isfinite(row)
        for s in range(3):
            expected = 0.0
            if present.any():
                sigma = states.covariances[s][np.ix_(present, present)]
                expected = multivariate_normal(states.means[s][present], sigma).logpdf(row[present])
            assert values[s] == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_filter_smoother_and_pairs_are_sums_over_all_paths(seed):
    rng = np.random.default_rng(seed)
    states, Z = random_chain(rng, 3, 2), rng.normal(size=(6, 2))
    Z[3] = np.nan
    log_density = log_densities(Z, states.means, states.covariances)
    filtered, weight, log_predictive = forward(log_density, states.start, states.transitions)
    smoothed, pairs = backward(filtered, weight, states.transitions)

    def joint(n):
        """Return the probability of each path together with the first n rows."""
        for path in product(range(3), repeat=n):
            p = states.start[path[0]] * np.exp(log_density[range(n), path].sum())
            yield path, p * np.prod([states.transitions[a, b] for a, b in pairwise(path)])

    before = 1.0
    for n in range(1, 7):
        last = np.zeros(3)
        for path, p in joint(n):
            last[path[-1]] += p
        np.testing.assert_allclose(filtered[n - 1], last / last.sum())
        assert log_predictive[n - 1] == pytest.approx(np.log(last.sum() / before))
        before = last.sum()
    expected, steps = np.zeros((6, 3)), np.zeros((3, 3))
    for path, p in joint(6):
        expected[range(6), path] += p / before
        for a, b in pairwise(path):
            steps[a, b] += p / before
    np.testing.assert_allclose(smoothed, expected)
    np.testing.assert_allclose(pairs, steps)


@pytest.mark.parametrize("diagonal", [False, True])
def test_likelihood_and_smoothed_probabilities_are_those_of_hmmlearn(diagonal):
    rng = np.random.default_rng(3)
    states, Z = random_chain(rng, 4, 3, diagonal), rng.normal(size=(500, 3))
    log_density = log_densities(Z, states.means, states.covariances)
    filtered, weight, log_predictive = forward(log_density, states.start, states.transitions)
    score, posteriors = peer_of(states, diagonal).score_samples(Z)
    assert log_predictive.sum() == pytest.approx(score)
    np.testing.assert_allclose(backward(filtered, weight, states.transitions)[0], posteriors, atol=1e-10)


def planted(n=600, seed=0, n_features=2):
    """Return dates of two states that differ in mean, scatter and correlation, and their states."""
    rng = np.random.default_rng(seed)
    state = chain(rng, n, 2, 0.97)
    Z = rng.normal(size=(n, n_features)) * np.where(state, 1.5, 0.5)[:, None] + state[:, None]
    Z[:, 1] += np.where(state, -0.8, 0.8) * Z[:, 0]
    return Z / Z.std(axis=0), state


@pytest.mark.parametrize("diagonal", [False, True])
def test_expectation_maximisation_is_that_of_hmmlearn(diagonal, monkeypatch):
    monkeypatch.setattr(models.regimes.baum_welch, "TOLERANCE", -np.inf)
    Z, _ = planted()
    start = random_chain(np.random.default_rng(0), 2, 2, diagonal)
    ours, objective = expectation_maximisation(Z, start, diagonal, 15)
    peer = peer_of(
        start,
        diagonal,
        n_iter=15,
        tol=-np.inf,
        params="tmc",
        init_params="",
        transmat_prior=1 + models.regimes.baum_welch.PRIOR_TRANSITIONS,
        covars_prior=0.0,
        # hmmlearn's covariances are posterior modes; these weights make them maxima of the likelihood.
        covars_weight=1.0 if diagonal else -3.0,
    ).fit(Z)
    np.testing.assert_allclose(ours.means, peer.means_, atol=1e-9)
    np.testing.assert_allclose(ours.transitions, peer.transmat_, atol=1e-9)
    np.testing.assert_allclose(ours.covariances, peer.covars_, atol=1e-9)
    prior = models.regimes.baum_welch.PRIOR_TRANSITIONS * np.log(peer.transmat_).sum()
    assert objective == pytest.approx(peer.score(Z) + prior)


@pytest.mark.parametrize("diagonal", [False, True])
def test_the_objective_never_falls(diagonal, monkeypatch):
    """Not even where the variance floor binds, a state loses its dates, or rows are missing."""
    monkeypatch.setattr(models.regimes.baum_welch, "TOLERANCE", -np.inf)
    Z, _ = planted(300, n_features=3)
    Z[:150, 2] = 0.5  # one state has no scatter here
    Z[::7] = np.nan
    now = Chain(
        np.vstack([Z[1:3], [50, 50, 50]]), np.repeat(np.eye(3)[None], 3, axis=0), np.full((3, 3), 1 / 3)
    )
    before = -np.inf
    for _ in range(60):
        now, objective = expectation_maximisation(Z, now, diagonal, 1)
        assert objective >= before - 1e-8
        before = objective
        assert min(np.linalg.eigvalsh(sigma)[0] for sigma in now.covariances) >= FLOOR * (1 - 1e-9)


def test_the_floor_gives_the_likeliest_covariance_it_allows():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(3, 3))
    sample = A @ np.diag([1.0, 0.5, 1e-6]) @ A.T
    best = floor_covariance(sample, diagonal=False)

    def log_likelihood(sigma):
        return -np.linalg.slogdet(sigma)[1] - np.trace(np.linalg.solve(sigma, sample))

    assert np.linalg.eigvalsh(best)[0] == pytest.approx(FLOOR)
    for _ in range(200):
        B = rng.normal(size=(3, 3)) * 10 ** rng.uniform(-4, 0)
        other = floor_covariance(best + B + B.T, diagonal=False)
        assert log_likelihood(other) <= log_likelihood(best) + 1e-9


def test_moments_are_weighted_sums_over_complete_rows():
    rng = np.random.default_rng(0)
    Z, means = rng.normal(size=(30, 2)), rng.normal(size=(3, 2))
    Z[4] = np.nan
    p = rng.dirichlet(np.ones(3), size=30)
    counts, first, second = state_moments(Z, p, means)
    rows = np.isfinite(Z[:, 0])
    for s in range(3):
        deviation = Z[rows] - means[s]
        assert counts[s] == pytest.approx(p[rows, s].sum())
        np.testing.assert_allclose(first[s], p[rows, s] @ deviation)
        np.testing.assert_allclose(second[s], (deviation * p[rows, s][:, None]).T @ deviation)


def test_a_state_without_dates_stays_where_it_was():
    Z, _ = planted(50)
    before = random_chain(np.random.default_rng(0), 2, 2)
    now = maximise_likelihood(before, Z, np.tile([1.0, 0.0], (50, 1)), None, False)
    np.testing.assert_array_equal(now.means[1], before.means[1])
    np.testing.assert_array_equal(now.covariances[1], before.covariances[1])
    np.testing.assert_allclose(now.means[0], Z.mean(axis=0))


def test_states_that_differ_in_scatter_alone_are_found_and_keep_their_identity():
    rng = np.random.default_rng(0)
    state = chain(rng, 1500, 2, 0.98)
    X = rng.normal(size=(1500, 2)) * np.where(state, 3.0, 1.0)[:, None]
    first = HMMRegimes(2).fit(X[:700])
    calm = np.argmin(np.diagonal(first.chain_.covariances, axis1=1, axis2=2).sum(axis=1))
    result, _ = first.predict_states(X[700:800])
    assert ((result[:, calm] > 0.5) == (state[700:800] == 0)).mean() > 0.85
    first._reorder(np.array([1, 0]))
    for seed in range(4):
        later = HMMRegimes(2, seed=seed).fit(X[:1200], first, cold=True)
        np.testing.assert_allclose(
            np.diagonal(later.chain_.covariances, axis1=1, axis2=2)[1 - calm], [1, 1], atol=0.25
        )
        result, _ = later.predict_states(X[1200:])
        assert ((result[:, 1 - calm] > 0.5) == (state[1200:] == 0)).mean() > 0.85


def test_smoothed_probabilities_would_be_caught(monkeypatch):
    X, _ = planted(900)

    def result(rows):
        return walk_regimes(rows, folds(len(rows), 300, 50), ["a", "b"], HMMRegimes(2)).probabilities

    assert first_difference("filtered", result(X), result(X[:620]), 620) is None

    def smooth(self, Z):
        filtered, weight, surprise = self._filter_rows(Z, self._predicted)
        return backward(filtered, weight, self._chain.transitions)[0], surprise

    monkeypatch.setattr(HMMRegimes, "_predict_states", smooth)
    assert first_difference("smoothed", result(X), result(X[:620]), 620) is not None


@pytest.mark.parametrize("covariance", ["diagonal", "full"])
def test_cold_fits_are_as_likely_as_those_of_hmmlearn(covariance):
    rng = np.random.default_rng(5)
    state = chain(rng, 800, 3, 0.97)
    X = (rng.normal(size=(3, 3)))[state] + rng.normal(size=(800, 3)) * np.array([0.6, 1.0, 1.4])[state][
        :, None
    ]
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    model = HMMRegimes(3, covariance).fit(X)
    kind = "diag" if covariance == "diagonal" else "full"
    peers = [
        GaussianHMM(3, kind, n_iter=MAX_ITERATIONS, random_state=seed).fit(Z).score(Z) for seed in range(3)
    ]
    prior = models.regimes.baum_welch.PRIOR_TRANSITIONS * np.log(model.chain_.transitions).sum()
    assert -model.loss_ * 800 - prior > max(peers) - 4
