"""Cholesky factors, compiled, for systems from two to some thousand unknowns."""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats

_BLOCK = 48
"""Columns that are factored before the rest is updated by one matrix product."""
_SAFE = 1e-13
"""Smallest share of its diagonal entry that a pivot may have: below it, a solution has no digit left."""


@compiled
def factorise(matrix: Floats) -> bool:
    """Put the Cholesky factor into the lower triangle of `matrix`; the upper one is neither read nor cleared.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        Symmetric; only the lower triangle is read.

    Returns
    -------
    bool
        False if the matrix is not safely positive definite.
    """
    n = len(matrix)
    whole = np.empty(n)
    for i in range(n):
        whole[i] = matrix[i, i]
    column = np.empty(n)
    for begin in range(0, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        for j in range(begin, end):
            if not matrix[j, j] > _SAFE * whole[j]:
                return False
            root = np.sqrt(matrix[j, j])
            matrix[j, j] = root
            for i in range(j + 1, n):
                matrix[i, j] /= root
                column[i] = matrix[i, j]
            for i in range(j + 1, n):
                entry = column[i]
                for k in range(j + 1, min(i + 1, end)):
                    matrix[i, k] -= entry * column[k]
        if end < n:
            _update(matrix, begin, end)
    return True


@compiled
def _update(matrix: Floats, begin: int, end: int) -> None:
    """Update the columns right of a factored block, lower triangle only."""
    n = len(matrix)
    panel = matrix[end:, begin:end].copy()
    for first in range(end, n, _BLOCK):
        last = min(first + _BLOCK, n)
        rows = panel[first - end :]
        product = np.dot(rows, np.ascontiguousarray(rows[: last - first].T))
        for i in range(first, n):
            for k in range(first, min(i + 1, last)):
                matrix[i, k] -= product[i - first, k - first]


@compiled
def solve_factorised(factored: Floats, right: Floats) -> None:
    """Solve L L' X = right in place.

    Parameters
    ----------
    factored : ndarray of shape (n, n)
        L in the lower triangle.
    right : ndarray of shape (M, n)
        One right-hand side per row.
    """
    n = len(factored)
    for c in range(len(right)):
        x = right[c]
        for i in range(n):
            x[i] = (x[i] - np.dot(factored[i, :i], x[:i])) / factored[i, i]
        for i in range(n - 1, -1, -1):
            x[i] /= factored[i, i]
            entry = x[i]
            for k in range(i):
                x[k] -= entry * factored[i, k]
