"""K-means: Lloyd's iteration and its starts, against scikit-learn."""

import numpy as np
import pytest
from regime_markets import market
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.pairwise import nan_euclidean_distances

from models.regimes.kmeans import KMeansRegimes, _spread_centres, run_lloyd, squared_distances
from models.walk_forward.standardise import Standardiser


@pytest.mark.parametrize("seed", range(6))
def test_lloyd_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(300, 3)) + rng.integers(3, size=(300, 1))
    start = Z[rng.choice(300, 4, replace=False)]
    peer = KMeans(4, init=start, n_init=1, tol=0, max_iter=300, algorithm="lloyd").fit(Z)
    centres = start.copy()
    inertia = run_lloyd(Z, centres, 300)
    np.testing.assert_allclose(centres, peer.cluster_centers_, atol=1e-12)
    assert inertia == pytest.approx(peer.inertia_)


def test_an_empty_cluster_starts_again_from_the_farthest_row():
    Z = np.array([[0.0], [0.1], [5.0], [5.2], [9.0]])
    centres = np.array([[0.0], [5.0], [100.0]])
    inertia = run_lloyd(Z, centres, 300)
    np.testing.assert_allclose(np.sort(centres[:, 0]), [0.05, 5.1, 9.0])
    assert inertia == pytest.approx(2 * 0.05**2 + 2 * 0.1**2)


def test_two_empty_clusters_get_different_rows():
    Z = np.array([[0.0], [1.0], [2.0], [10.0]])
    centres = np.array([[0.0], [50.0], [60.0], [70.0]])
    assert run_lloyd(Z, centres, 300) == 0
    np.testing.assert_array_equal(np.sort(centres[:, 0]), Z[:, 0])


@pytest.mark.parametrize("seed", range(5))
def test_cold_fits_are_as_good_as_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(5, 4)) * 1.1)[rng.integers(5, size=600)] + rng.normal(size=(600, 4))
    scaler = Standardiser().fit(X)
    peer = KMeans(5, n_init=10, random_state=seed).fit(scaler.transform(X))
    model = KMeansRegimes(5, seed).fit(X)
    assert len(X) * np.exp(model.loss_) < 1.005 * peer.inertia_


def test_clusters_are_those_of_scikit_learn():
    X, _ = market()
    Z = Standardiser().fit(X).transform(X)
    peer = KMeans(3, n_init=10, random_state=0).fit(Z)
    ours = KMeansRegimes(3).fit(X).predict_states(X)[0].argmax(axis=1)
    assert adjusted_rand_score(peer.labels_, ours) == 1


def test_starts_are_different_rows_drawn_by_their_distance():
    Z = np.repeat([[0.0], [1.0], [100.0]], [50, 50, 1], axis=0)
    rng = np.random.default_rng(0)
    for _ in range(50):
        centres = _spread_centres(Z, rng.uniform(size=3))
        np.testing.assert_array_equal(np.sort(centres[:, 0]), [0, 1, 100])
    firsts = [_spread_centres(Z, rng.uniform(size=1))[0, 0] for _ in range(400)]
    assert 0.4 < np.mean(np.array(firsts) == 0) < 0.6
    # 1 is nearest to a centre of 0: its rows have 50 of 10,050 parts.
    seconds = np.array([_spread_centres(Z, np.array([0.1, u]))[1, 0] for u in (0.001, 0.0049, 0.0051, 0.999)])
    np.testing.assert_array_equal(seconds, [1, 1, 100, 100])


def test_distances_are_over_the_features_that_are_there():
    rng = np.random.default_rng(0)
    Z, centres = rng.normal(size=(40, 5)), rng.normal(size=(3, 5))
    Z[rng.random(Z.shape) < 0.3] = np.nan
    Z[0] = np.nan
    present = np.isfinite(Z).sum(axis=1, keepdims=True)
    expected = np.nan_to_num(nan_euclidean_distances(Z, centres)) ** 2 * present / 5
    np.testing.assert_allclose(squared_distances(Z, centres), expected, atol=1e-12)


def test_probabilities_are_those_of_equal_spherical_normals():
    from scipy.stats import multivariate_normal

    X, _ = market(noise=0.2)
    model = KMeansRegimes(3).fit(X)
    Z = Standardiser().fit(X).transform(X)
    centres = Standardiser().fit(X).transform(model.centres_)
    nearest = ((Z[:, None] - centres) ** 2).sum(axis=2).min(axis=1)
    densities = [multivariate_normal(c, nearest.mean() / 2).pdf(Z) for c in centres]
    expected = np.array(densities).T / np.sum(densities, axis=0)[:, None]
    np.testing.assert_allclose(model.predict_states(X)[0], expected, atol=1e-9)
