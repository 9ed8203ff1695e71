"""Statistical jump model: against all paths of tiny cases, and against k-means without a penalty."""

from itertools import pairwise, product

import numpy as np
import pytest
from regime_markets import market
from sklearn.metrics import adjusted_rand_score

from models.regimes.jump import JumpRegimes, _cheapest_arrivals, _cheapest_path, _fit_jump_model, _state_means
from models.regimes.kmeans import KMeansRegimes, squared_distances


def cost(loss, path, penalty):
    jumps = sum(a != b for a, b in pairwise(path))
    return sum(loss[t, s] for t, s in enumerate(path)) + penalty * jumps


def all_paths(loss):
    return product(range(loss.shape[1]), repeat=len(loss))


@pytest.mark.parametrize("penalty", [0.0, 0.3, 1.0, 100.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_path_is_the_cheapest_of_all(seed, penalty):
    loss = np.random.default_rng(seed).exponential(size=(7, 3))
    path, total = _cheapest_path(loss, penalty)
    assert total == pytest.approx(min(cost(loss, p, penalty) for p in all_paths(loss)))
    assert cost(loss, path, penalty) == pytest.approx(total)


@pytest.mark.parametrize("seed", range(4))
def test_online_costs_are_of_the_cheapest_path_to_each_state(seed):
    loss = np.random.default_rng(seed).exponential(size=(6, 3))
    result = _cheapest_arrivals(loss, np.zeros(3), 0.4)
    for t in range(6):
        best = np.full(3, np.inf)
        for path in all_paths(loss[: t + 1]):
            best[path[-1]] = min(best[path[-1]], cost(loss, path, 0.4))
        np.testing.assert_allclose(result[t], best - best.min())


def test_the_recursion_goes_on_where_it_stopped():
    loss = np.random.default_rng(0).exponential(size=(50, 4))
    whole = _cheapest_arrivals(loss, np.zeros(4), 0.7)
    rest = _cheapest_arrivals(loss[20:], whole[19], 0.7)
    np.testing.assert_array_equal(rest, whole[20:])


@pytest.mark.parametrize("penalty", [0.5, 5.0, 50.0])
def test_descent_ends_where_neither_path_nor_centres_can_do_better(penalty):
    X, _ = market(noise=0.3)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    start = Z[[5, 300, 600]]
    centres, objective = _fit_jump_model(Z, start, penalty)
    path, total = _cheapest_path(0.5 * squared_distances(Z, centres), penalty)
    assert total == pytest.approx(objective)
    np.testing.assert_allclose(_state_means(Z, path, centres), centres)
    for _ in range(20):
        nearby = centres + np.random.default_rng(0).normal(0, 0.05, centres.shape)
        assert cost(0.5 * squared_distances(Z, nearby), path, penalty) > objective
    assert objective <= _cheapest_path(0.5 * squared_distances(Z, start), penalty)[1]


def test_without_penalty_it_is_kmeans():
    X, _ = market(noise=0.2)
    jump, kmeans = JumpRegimes(3, jump_penalty=0).fit(X[:700]), KMeansRegimes(3).fit(X[:700])
    np.testing.assert_allclose(jump.centres_, kmeans.centres_, atol=1e-12)
    assert jump.loss_ == pytest.approx(kmeans.loss_ + np.log(0.5))
    for result, expected in zip(jump.predict_states(X[700:]), kmeans.predict_states(X[700:]), strict=True):
        np.testing.assert_allclose(result, expected, atol=1e-9)


def test_the_penalty_finds_persistent_states_in_noise():
    X, state = market(n_dates=2400, noise=0.3, stay=0.99)
    result = {}
    for penalty in (0.0, 5.0, 1e9):
        probabilities, _ = JumpRegimes(3, penalty).fit(X[:1200]).predict_states(X[1200:])
        result[penalty] = probabilities.argmax(axis=1)
    jumps = {penalty: np.count_nonzero(np.diff(label)) for penalty, label in result.items()}
    assert jumps[0.0] > 200
    assert jumps[5.0] < 40
    assert jumps[1e9] == 0
    scores = {penalty: adjusted_rand_score(state[1200:], label) for penalty, label in result.items()}
    assert scores[5.0] > 0.8 > scores[0.0] + 0.2
