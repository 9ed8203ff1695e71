"""Regimes: found, kept apart from refit to refit, and never revised."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from models.errors import NotFittedError, TrainingError
from models.regimes import KMeansRegimes, walk_regimes
from models.scaling import Standardiser
from validation.walk_forward import WalkForward


@pytest.fixture
def market():
    """Three persistent states, and the state of each date."""
    rng = np.random.default_rng(0)
    state = np.zeros(900, dtype=int)
    for t in range(1, 900):
        state[t] = state[t - 1] if rng.random() < 0.97 else rng.integers(3)
    centres = np.array([[0.1, 0.5], [0.2, -0.5], [0.4, 0.0]])
    return centres[state] + rng.normal(0, 0.03, size=(900, 2)), state


def folds(n, first, every):
    return WalkForward(np.arange(n), first_test=first, refit_every=every).folds()


def test_planted_states_are_found_and_ordered_by_the_first_feature(market):
    X, state = market
    model = KMeansRegimes(3).fit(X)
    assert (np.diff(model.centres_[:, 0]) > 0).all()
    np.testing.assert_allclose(model.centres_, [[0.1, 0.5], [0.2, -0.5], [0.4, 0.0]], atol=0.02)
    probabilities, _ = model.tell(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert adjusted_rand_score(state, probabilities.argmax(axis=1)) > 0.98


def test_clusters_are_those_of_scikit_learn(market):
    X, _ = market
    Z = Standardiser().fit(X).transform(X)
    peer = KMeans(3, n_init=10, random_state=0).fit(Z)
    ours = KMeansRegimes(3).fit(X).tell(X)[0].argmax(axis=1)
    assert adjusted_rand_score(peer.labels_, ours) == 1


def test_states_keep_their_identity_when_kmeans_shuffles_them(market):
    X, _ = market
    first = KMeansRegimes(3, seed=0).fit(X[:500])
    for seed in range(8):
        later = KMeansRegimes(3, seed=seed, previous=first.centres_).fit(X[:600])
        np.testing.assert_allclose(later.centres_, first.centres_, atol=0.05)
    reversed_order = KMeansRegimes(3, previous=first.centres_[::-1]).fit(X[:600])
    np.testing.assert_allclose(reversed_order.centres_, first.centres_[::-1], atol=0.05)


def test_a_walk_tells_each_date_by_a_fit_that_had_not_seen_it(market):
    X, state = market
    path = walk_regimes(X, folds(900, 300, 50), ["a", "b"], n_states=3, seed=0)
    assert (path.label[:300] == -1).all()
    assert np.isnan(path.probabilities[:300]).all()
    assert path.refits.tolist() == list(range(300, 900, 50))
    assert adjusted_rand_score(state[300:], path.label[300:]) > 0.95
    assert (path.label[300:] == path.probabilities[300:].argmax(axis=1)).all()


def test_labels_never_change_afterwards(market):
    X, _ = market
    whole = walk_regimes(X, folds(900, 300, 50), ["a", "b"], n_states=3, seed=0)
    changed = X.copy()
    changed[700:] = np.random.default_rng(9).normal(5, 3, size=(200, 2))
    for other, n in ((changed, 900), (X[:700], 700)):
        path = walk_regimes(other, folds(n, 300, 50), ["a", "b"], n_states=3, seed=0)
        np.testing.assert_array_equal(path.label[:700], whole.label[:700])
        np.testing.assert_array_equal(path.probabilities[:700], whole.probabilities[:700])
        np.testing.assert_array_equal(path.anomaly[:700], whole.anomaly[:700])


def test_anomaly_tells_the_ordinary_from_the_unseen(market):
    X, _ = market
    model = KMeansRegimes(3).fit(X)
    _, anomaly = model.tell(np.array([[0.1, 0.5], [3.0, 3.0]]))
    assert anomaly[0] < 0.2
    assert anomaly[1] == 1
    _, training = model.tell(X)
    assert 0.45 < training.mean() < 0.55


def test_missing_features():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    X[:20, 1] = np.nan
    model = KMeansRegimes(2).fit(X)
    probabilities, anomaly = model.tell(np.array([[0.1, np.nan], [np.nan, np.nan]]))
    assert probabilities[0].sum() == pytest.approx(1)
    assert np.isnan(probabilities[1]).all()
    assert np.isnan(anomaly[1])


def test_too_few_dates_for_the_states():
    with pytest.raises(TrainingError, match="3 regimes need"):
        KMeansRegimes(3).fit(np.ones((50, 2)))
    with pytest.raises(NotFittedError, match="call fit before"):
        KMeansRegimes(2).tell(np.ones((1, 2)))
