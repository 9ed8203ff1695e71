"""Paths of penalised least squares: the coefficients for every penalty at once."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from foundation.compiled import compiled
from foundation.types import Floats, Ints
from models.walk_forward.moments import Gram

_Solution = tuple[Floats, int]

_ROUNDS = 100
"""Sweeps before the first exact solution, and rounds of solving and sweeping after it, at which a penalty gives up on
the last digits: features that are copies of one another to rounding have no unique coefficients."""


def ridge_path(gram: Gram, penalties: Floats) -> Floats:
    """Return the ridge coefficients for each penalty, shape (K, P).

    Minimises ||y - Zb||^2 + penalty ||b||^2, the objective of `sklearn.linear_model.Ridge`, by one
    eigendecomposition of the Gram matrix for the whole path (Hastie, Tibshirani and Friedman, 2009, eq. 3.47).
    """
    values, vectors = scipy.linalg.eigh(gram.G, driver="evd", check_finite=False)
    shrinkage = np.maximum(values, 0.0)[:, None] + penalties[None, :] / gram.n
    path: Floats = vectors @ ((vectors.T @ gram.q)[:, None] / shrinkage)
    return path


def dual_ridge_path(Z: Floats, y: Floats, penalties: Floats) -> Floats:
    """Return the same coefficients from the rows, by an eigendecomposition of size n instead of K.

    b = Z' (ZZ' + penalty I)^-1 y (Saunders, Gammerman and Vovk, 1998): for more features than rows.

    Parameters
    ----------
    Z : ndarray of shape (n, K)
        Standardised.
    y : ndarray of shape (n,)
        Centred.
    penalties : ndarray of shape (P,), positive
    """
    values, vectors = scipy.linalg.eigh(Z @ Z.T, driver="evd", check_finite=False)
    shrinkage = np.maximum(values, 0.0)[:, None] + penalties[None, :]
    path: Floats = Z.T @ (vectors @ ((vectors.T @ y)[:, None] / shrinkage))
    return path


def elastic_net_path(gram: Gram, penalties: Floats, l1_ratio: float) -> Floats:
    """Return the elastic-net coefficients for each penalty, shape (K, P).

    Minimises ||y - Zb||^2 / (2n) + penalty (l1_ratio |b|_1 + (1 - l1_ratio) ||b||^2 / 2), the objective of
    `sklearn.linear_model.ElasticNet`. Coordinate descent (Friedman, Hastie and Tibshirani, 2010) finds which
    coefficients are not 0; those are then solved for exactly, and the optimality conditions checked.

    Parameters
    ----------
    gram : Gram
    penalties : ndarray of shape (P,), decreasing
    l1_ratio : float
        1 is the lasso.
    """
    G = np.ascontiguousarray(gram.G, dtype=np.float64)
    path: Floats = _elastic_net(G, np.ascontiguousarray(gram.q), penalties, float(l1_ratio))
    return path


def largest_penalty(gram: Gram, l1_ratio: float) -> float:
    """Return the smallest elastic-net penalty at which every coefficient is 0."""
    return float(np.abs(gram.q).max(initial=0.0)) / l1_ratio


@compiled
def _elastic_net(G: Floats, q: Floats, penalties: Floats, l1_ratio: float) -> Floats:
    """Return the path, each penalty started from the solution before."""
    path = np.zeros((len(q), len(penalties)))
    b = np.zeros(len(q))
    gradient = q.copy()
    close = 1e-3 * np.abs(q).max() if len(q) else 0.0
    for k in range(len(penalties)):
        l1, l2 = penalties[k] * l1_ratio, penalties[k] * (1.0 - l1_ratio)
        for _ in range(_ROUNDS):
            if _sweep(G, b, gradient, l1, l2) <= close:
                break
        for _ in range(_ROUNDS + len(q)):
            if _polish(G, q, b, gradient, l1, l2):
                break
            _sweep(G, b, gradient, l1, l2)
        path[:, k] = b
    return path


@compiled
def _sweep(G: Floats, b: Floats, gradient: Floats, l1: float, l2: float) -> float:
    """Minimise along each coordinate in turn; return the largest move. `gradient` is q - Gb and is kept so."""
    largest = 0.0
    for j in range(len(b)):
        if G[j, j] == 0.0:
            continue
        old = b[j]
        z = gradient[j] + G[j, j] * old
        new = (z - l1 if z > l1 else (z + l1 if z < -l1 else 0.0)) / (G[j, j] + l2)
        if new != old:
            move = new - old
            b[j] = new
            for i in range(len(b)):
                gradient[i] -= G[j, i] * move
            largest = max(largest, abs(move))
    return largest


@compiled
def _polish(G: Floats, q: Floats, b: Floats, gradient: Floats, l1: float, l2: float) -> bool:
    """Move to the minimum over the non-zero coefficients, keeping signs; return whether it is the global minimum.

    Where a coefficient would change its sign on the way it is set to 0 and the rest is solved again, as in the
    feature-sign search (Lee, Battle, Raina and Ng, 2007): each move lowers the objective.
    """
    while True:
        active = np.flatnonzero(b)
        if len(active) == 0:
            break
        exact, copy = _solve_active(G, q, b, active, l1, l2)
        if copy >= 0:
            b[active[copy]] = 0.0
            continue
        share, first = 1.0, -1
        for i in range(len(active)):
            old = b[active[i]]
            if old * exact[i] <= 0.0 and old / (old - exact[i]) < share:
                share, first = old / (old - exact[i]), i
        for i in range(len(active)):
            b[active[i]] = exact[i] if first < 0 else b[active[i]] + share * (exact[i] - b[active[i]])
        if first < 0:
            break
        b[active[first]] = 0.0
    gradient[:] = q
    for used in np.flatnonzero(b):
        for j in range(len(q)):
            gradient[j] -= G[used, j] * b[used]
    return _is_optimal(b, gradient, l1, l2)


@compiled
def _solve_active(G: Floats, q: Floats, b: Floats, active: Ints, l1: float, l2: float) -> _Solution:
    """Return the minimiser over the active coefficients as if their signs stayed.

    And which of them is, to rounding, a combination of those before it, or -1: then there is no solution.
    """
    m = len(active)
    matrix, right = np.empty((m, m)), np.empty(m)
    for i in range(m):
        for j in range(m):
            matrix[i, j] = G[active[i], active[j]]
        matrix[i, i] += l2
        right[i] = q[active[i]] - (l1 if b[active[i]] > 0 else -l1)
    return _cholesky_solve(matrix, right)


@compiled
def _is_optimal(b: Floats, gradient: Floats, l1: float, l2: float) -> bool:
    """Return whether coefficients meet the conditions of optimality; `gradient` is q - Gb."""
    for j in range(len(b)):
        if b[j] == 0.0 and abs(gradient[j]) > l1 * (1.0 + 1e-9):
            return False
        # The equations hold, or the matrix was too close to singular to trust its solution.
        if b[j] != 0.0 and abs(gradient[j] - (l1 if b[j] > 0 else -l1) - l2 * b[j]) > 1e-9 * l1:
            return False
    return True


@compiled
def _cholesky_solve(matrix: Floats, right: Floats) -> _Solution:
    """Solve a positive definite system in place; the second value is the first column that depends on others, or -1."""
    n = len(right)
    for j in range(n):
        pivot = matrix[j, j]
        for k in range(j):
            pivot -= matrix[j, k] * matrix[j, k]
        if not pivot > 1e-13 * matrix[j, j]:
            return right, j
        root = np.sqrt(pivot)
        for i in range(j + 1, n):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = total / root
        matrix[j, j] = root
    for i in range(n):
        for k in range(i):
            right[i] -= matrix[i, k] * right[k]
        right[i] /= matrix[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            right[i] -= matrix[k, i] * right[k]
        right[i] /= matrix[i, i]
    return right, -1
