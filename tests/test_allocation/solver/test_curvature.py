"""Factors, products and solutions against numpy's."""

import numpy as np
import pytest

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.solver import cholesky
from allocation.solver.curvature import add_product, kernel_forms, solve_free


@pytest.mark.parametrize("n", [1, 2, 47, 48, 49, 97, 150])
def test_cholesky_is_numpys(n):
    X = np.random.default_rng(n).normal(size=(2 * n + 3, n))
    S = X.T @ X / len(X)
    matrix = S.copy()
    assert cholesky.factorise(matrix)
    np.testing.assert_allclose(np.tril(matrix), np.linalg.cholesky(S), atol=1e-12)
    right = np.random.default_rng(0).normal(size=(3, n))
    solved = right.copy()
    cholesky.solve_factorised(matrix, solved)
    np.testing.assert_allclose(solved, np.linalg.solve(S, right.T).T, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.ones((60, 60)), -np.eye(2), np.full((2, 2), np.nan)])
def test_what_is_not_positive_definite_is_refused(matrix):
    assert not cholesky.factorise(matrix.copy())


@pytest.mark.parametrize("factors", [0, 3])
@pytest.mark.parametrize("some", [True, False])
def test_products_and_solutions(factors, some):
    rng, n, gamma = np.random.default_rng(1), 90, 3.0
    sigma = FactorCovariance(rng.normal(size=(n, 3)), rng.uniform(1e-4, 1, n))
    full, own = to_dense(sigma), np.arange(n) / n + 0.1
    S, loadings, specific = kernel_forms(sigma if factors else full)
    diagonal = gamma * specific + own
    H = gamma * full + np.diag(own)
    step = rng.normal(size=n) * (np.arange(n) % 5 == 0 if some else 1)
    out = np.ones(n)
    add_product(out, step, gamma, S, loadings, diagonal)
    np.testing.assert_allclose(out, 1 + H @ step, rtol=1e-11, atol=1e-11)
    free = np.flatnonzero(rng.uniform(size=n) < 0.6)
    right = rng.normal(size=(2, len(free)))
    solved = right.copy()
    assert solve_free(solved, free, gamma, S, loadings, diagonal)
    np.testing.assert_allclose(H[np.ix_(free, free)] @ solved.T, right.T, atol=1e-9)


def test_factors_that_explain_nearly_all_lose_no_digits():
    rng, n = np.random.default_rng(2), 40
    sigma = FactorCovariance(rng.normal(size=(n, 2)), np.full(n, 1e-9))
    right, free = rng.normal(size=(1, n)), np.arange(n)
    S, loadings, specific = kernel_forms(sigma)
    solved = right.copy()
    assert solve_free(solved, free, 1.0, S, loadings, specific)
    residual = to_dense(sigma) @ solved[0] - right[0]
    assert np.abs(residual).max() < 1e-5
