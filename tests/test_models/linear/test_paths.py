"""Paths of coefficients against scikit-learn on the same rows, to eight digits."""

import numpy as np
import pytest
from sklearn import linear_model

from features.building import build_matrix
from market.load import load_panel
from models.linear.paths import dual_ridge_path, elastic_net_path, largest_penalty, ridge_path
from models.walk_forward.moments import Gram, Moments, Standardised
from models.walk_forward.standardise import Standardiser


def easy(n=400, k=8, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, k)) @ rng.normal(size=(k, k))
    y = X[:, :2] @ [0.3, -0.2] + rng.normal(size=n)
    return X, y


def nearly_singular():
    X, y = easy(k=12, seed=1)
    rng = np.random.default_rng(2)
    twins = X[:, :4] + 1e-4 * rng.normal(size=(len(X), 4))
    return np.column_stack([X, twins]), y


def real():
    """All price features of industries, without the assets' names: correlated up to 0.999."""
    panel, _ = load_panel("industries")
    matrix = build_matrix(panel, ["asset", "market", "cross_section"])
    X = matrix.values[500:700].reshape(-1, len(matrix.names))
    future = np.nan_to_num(panel.returns[501:701]).ravel()
    return Standardiser().fit(X).transform(X), future


def standardised(X, y):
    standard = Standardised.of(Moments.of(X, y), intercept=True)
    scale = np.where(standard.scale > 0, standard.scale, 1.0)
    return standard.gram, (X - standard.centre) / scale, y - standard.level


CASES = {"easy": easy, "nearly singular": nearly_singular, "real": real}


@pytest.mark.parametrize("case", CASES)
def test_ridge_path_equals_scikit_learn(case):
    gram, Z, y = standardised(*CASES[case]())
    penalties = gram.n * np.logspace(3, -4, 8)
    ours = ridge_path(gram, penalties)
    for k, penalty in enumerate(penalties):
        peer = linear_model.Ridge(alpha=penalty, fit_intercept=False, solver="svd").fit(Z, y)
        assert np.abs(ours[:, k] - peer.coef_).max() <= 1e-8 * np.abs(peer.coef_).max()
        assert np.abs(Z @ ours[:, k] - peer.predict(Z)).max() <= 1e-8 * np.abs(y).max()


def test_real_features_are_ill_conditioned():
    values = np.linalg.eigvalsh(standardised(*real())[0].G)
    assert values[-1] / max(values[0], 1e-300) > 1e4


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("case", CASES)
def test_elastic_net_path_equals_scikit_learn(case, l1_ratio):
    gram, Z, y = standardised(*CASES[case]())
    penalties = largest_penalty(gram, l1_ratio) * np.logspace(0, -2, 12)
    ours = elastic_net_path(gram, penalties, l1_ratio)
    assert np.abs(ours[:, 0]).max() < 1e-12, "the largest penalty leaves nothing"
    if case == "nearly singular" and l1_ratio == 1.0:
        return  # scikit-learn does not converge in a million sweeps; the conditions of optimality are tested below
    _, peer, _ = linear_model.enet_path(
        np.asfortranarray(Z), y, l1_ratio=l1_ratio, alphas=penalties, tol=1e-15, max_iter=10**6
    )
    assert np.abs(Z @ (ours - peer)).max() <= 1e-8 * np.abs(y).max()
    if case != "nearly singular":
        assert np.abs(ours - peer).max() <= 1e-8 * np.abs(peer).max()


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("case", CASES)
def test_elastic_net_meets_the_conditions_of_optimality(case, l1_ratio):
    gram, _, _ = standardised(*CASES[case]())
    penalties = largest_penalty(gram, l1_ratio) * np.logspace(0, -3, 10)
    path = elastic_net_path(gram, penalties, l1_ratio)
    for penalty, b in zip(penalties, path.T, strict=True):
        slope = gram.q - gram.G @ b - penalty * (1 - l1_ratio) * b
        bound = penalty * l1_ratio
        assert (np.abs(slope) <= bound * (1 + 1e-7)).all()
        np.testing.assert_allclose(slope[b != 0], np.sign(b[b != 0]) * bound, rtol=1e-6)


def test_paths_survive_a_doubled_and_an_empty_column():
    X, y = easy()
    gram, Z, y = standardised(np.column_stack([X, X[:, 0], np.zeros(len(y))]), y)
    fitted = Z @ ridge_path(gram, np.array([1e-3]))[:, 0]
    peer = linear_model.Ridge(alpha=1e-3, fit_intercept=False).fit(Z, y)
    np.testing.assert_allclose(fitted, peer.predict(Z), atol=1e-8)
    path = elastic_net_path(gram, largest_penalty(gram, 1.0) * np.logspace(0, -3, 5), 1.0)
    assert np.isfinite(path).all()
    assert (path[-1] == 0).all()


def test_copies_to_rounding_cost_neither_time_nor_fit():
    X, y = easy(k=12, seed=1)
    copies = X + 1e-9 * np.random.default_rng(2).normal(size=X.shape)
    gram, Z, y = standardised(np.column_stack([X, copies]), y)
    alone, A, _ = standardised(X, y)
    penalties = largest_penalty(alone, 1.0) * np.logspace(0, -3, 10)
    path = elastic_net_path(gram, penalties, 1.0)
    np.testing.assert_allclose(Z @ path, A @ elastic_net_path(alone, penalties, 1.0), atol=1e-6)


def test_nothing_to_explain_leaves_nothing():
    gram = Gram(np.eye(3), np.zeros(3), 10)
    assert (elastic_net_path(gram, np.array([1.0, 0.1]), 1.0) == 0).all()
    assert largest_penalty(gram, 1.0) == 0


def test_the_dual_equals_the_primal():
    rng = np.random.default_rng(0)
    Z, y = rng.normal(size=(40, 90)), rng.normal(size=40)
    penalties = np.array([1e3, 1.0, 1e-2])
    dual = dual_ridge_path(Z, y, penalties)
    for k, penalty in enumerate(penalties):
        peer = np.linalg.solve(Z.T @ Z + penalty * np.eye(90), Z.T @ y)
        np.testing.assert_allclose(dual[:, k], peer, rtol=1e-8, atol=1e-10)
