"""Curvature: products and solutions with H = gamma Sigma + diag(d), for a dense Sigma or one by factors.

Kernels take both forms at once: a dense `sigma` with no loadings, or `loadings` (gamma Sigma = gamma B B' + diagonal)
with an empty `sigma`. Specific variances are then already in the diagonal.
"""

from __future__ import annotations

import numpy as np

from allocation.covariance_types import FactorCovariance, Risk
from allocation.solver import cholesky
from foundation.compiled import compiled
from foundation.types import Floats, Ints

_NONE = np.empty((0, 0))
"""Stands for the form of the covariance that is not used."""


def kernel_forms(sigma: Risk) -> tuple[Floats, Floats, Floats]:
    """Return (dense matrix, loadings, specific variances) as kernels take them; the absent form is empty or 0."""
    if isinstance(sigma, FactorCovariance):
        return _NONE, np.ascontiguousarray(sigma.loadings), np.ascontiguousarray(sigma.specific)
    return np.ascontiguousarray(sigma), _NONE, np.zeros(len(sigma))


@compiled
def add_product(
    out: Floats, step: Floats, gamma: float, sigma: Floats, loadings: Floats, diagonal: Floats
) -> None:
    """Add H @ step to `out`, shapes (n,); entries of `step` that are 0 cost nothing in the dense form."""
    for i in range(len(out)):
        out[i] += diagonal[i] * step[i]
    if len(loadings):
        _add_factors(out, step, gamma, loadings)
    else:
        _add_dense(out, step, gamma, sigma)


@compiled
def _add_factors(out: Floats, step: Floats, gamma: float, loadings: Floats) -> None:
    """Add gamma B B' step."""
    exposure = np.zeros(loadings.shape[1])
    for i in range(len(out)):
        if step[i] != 0.0:
            for k in range(len(exposure)):
                exposure[k] += loadings[i, k] * step[i]
    pull = np.dot(loadings, exposure)
    for i in range(len(out)):
        out[i] += gamma * pull[i]


@compiled
def _add_dense(out: Floats, step: Floats, gamma: float, sigma: Floats) -> None:
    """Add gamma Sigma step, row by row of Sigma where few entries of the step are other than 0."""
    moved = 0
    for i in range(len(out)):
        moved += step[i] != 0.0
    if 2 * moved > len(out):
        pull = np.dot(sigma, step)
        for i in range(len(out)):
            out[i] += gamma * pull[i]
        return
    for i in range(len(out)):
        if step[i] != 0.0:
            entry, row = gamma * step[i], sigma[i]
            for j in range(len(out)):
                out[j] += entry * row[j]


@compiled
def solve_free(
    right: Floats, free: Ints, gamma: float, sigma: Floats, loadings: Floats, diagonal: Floats
) -> bool:
    """Solve H[free, free] X = right in place.

    Parameters
    ----------
    right : ndarray of shape (M, m)
        One right-hand side per row.
    free : ndarray of int, shape (m,)
    gamma : float
    sigma, loadings, diagonal : ndarray
        H.

    Returns
    -------
    bool
        False if H[free, free] is not safely positive definite.
    """
    m = len(free)
    if len(loadings):
        return _by_factors(right, free, gamma, loadings, diagonal)
    matrix = np.empty((m, m))
    for a in range(m):
        row = sigma[free[a]]
        for b in range(a + 1):
            matrix[a, b] = gamma * row[free[b]]
        matrix[a, a] += diagonal[free[a]]
    if not cholesky.factorise(matrix):
        return False
    cholesky.solve_factorised(matrix, right)
    return True


@compiled
def _by_factors(right: Floats, free: Ints, gamma: float, loadings: Floats, diagonal: Floats) -> bool:
    """Solve (gamma B B' + D) X = right in place, by the matrix inversion lemma and one refinement.

    The lemma loses digits where factors explain nearly all variance; one refinement step on the residual restores them.
    """
    m, k = len(free), loadings.shape[1]
    B, weighted, specific = np.empty((m, k)), np.empty((k, m)), np.empty(m)
    largest, root = 0.0, np.sqrt(gamma)
    for a in range(m):
        specific[a] = diagonal[free[a]]
        largest = max(largest, specific[a])
    for a in range(m):
        if not specific[a] > 1e-13 * largest:
            return False
        for f in range(k):
            B[a, f] = loadings[free[a], f] * root
            weighted[f, a] = B[a, f] / specific[a]
    inner = np.dot(weighted, B)
    for f in range(k):
        inner[f, f] += 1.0
    if not cholesky.factorise(inner):
        return False
    for c in range(len(right)):
        wanted = right[c].copy()
        first = _lemma(wanted, weighted, B, specific, inner)
        product = np.dot(B, np.dot(first, B))
        for a in range(m):
            wanted[a] -= product[a] + specific[a] * first[a]
        correction = _lemma(wanted, weighted, B, specific, inner)
        for a in range(m):
            right[c, a] = first[a] + correction[a]
    return True


@compiled
def _lemma(r: Floats, weighted: Floats, B: Floats, specific: Floats, inner: Floats) -> Floats:
    """Return D^-1 r - D^-1 B (I + B' D^-1 B)^-1 B' D^-1 r; `weighted` is B' D^-1, `inner` the matrix's factor."""
    small = np.dot(weighted, r).reshape(1, -1)
    cholesky.solve_factorised(inner, small)
    out: Floats = np.dot(B, small[0])
    for a in range(len(r)):
        out[a] = (r[a] - out[a]) / specific[a]
    return out
