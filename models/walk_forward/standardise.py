"""Standardiser: centre, scale, clip and impute features, measured on the training rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats

_Pieces = Callable[[], Iterable[Floats]]

CLIP = 5.0
"""Standard deviations beyond which a feature says no more: a bad print must not carry a forecast."""


class Standardiser:
    """Scale columns to mean 0 and standard deviation 1; NaN become 0, the mean.

    Parameters
    ----------
    clip : float, optional
        Standard deviations beyond which values are cut off, positive; None leaves them as they are.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (K,)
        Of the finite training values. A column that is constant or empty has scale 0 and gives zeros.
    """

    clip: float | None
    mean_: Floats
    scale_: Floats

    def __init__(self, clip: float | None = CLIP) -> None:
        self.clip = clip

    def fit(self, X: Floats) -> Self:
        """Measure means and standard deviations of X (n, K)."""
        return self.fit_pieces(lambda: [X])

    def fit_pieces(self, pieces: _Pieces) -> Self:
        """Measure means and standard deviations of rows that come piece by piece, each (n_i, K), in two passes.

        Parameters
        ----------
        pieces : callable
            Returns the pieces; it is called twice.
        """
        sums = [_sums(np.ascontiguousarray(X)) for X in pieces()]
        count = np.maximum(np.sum([n for n, _ in sums], axis=0), 1.0)
        self.mean_ = np.sum([total for _, total in sums], axis=0) / count
        squares = np.sum([_squares(np.ascontiguousarray(X), self.mean_) for X in pieces()], axis=0)
        spread = np.sqrt(squares / count)
        # Rounding leaves a constant column with a spread of a few units in the last place.
        self.scale_ = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(self.mean_)), spread, 0.0)
        return self

    def transform(self, X: Floats) -> Floats:
        """Return the scaled, clipped and imputed copy of X (n, K)."""
        limit = np.inf if self.clip is None else float(self.clip)
        out: Floats = _transform(np.ascontiguousarray(X), self.mean_, invert_scale(self.scale_), limit)
        return out


def invert_scale(scale: Floats) -> Floats:
    """Return 1 / scale, and 0 where the scale is 0: such a column says nothing."""
    varies = scale > 0
    return np.where(varies, 1.0 / np.where(varies, scale, 1.0), 0.0)


@compiled
def _sums(X: Floats) -> tuple[Floats, Floats]:
    """Return the number and the sum of the finite values of each column."""
    count, total = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for i in range(X.shape[0]):
        for k in range(X.shape[1]):
            x = float(X[i, k])
            if np.isfinite(x):
                count[k] += 1.0
                total[k] += x
    return count, total


@compiled
def _squares(X: Floats, mean: Floats) -> Floats:
    """Return the sum of squared deviations of the finite values of each column."""
    total = np.zeros(X.shape[1])
    for i in range(X.shape[0]):
        for k in range(X.shape[1]):
            x = float(X[i, k])
            if np.isfinite(x):
                total[k] += (x - mean[k]) ** 2
    return total


@compiled
def _transform(X: Floats, mean: Floats, per: Floats, limit: float) -> Floats:
    """Return (X - mean) per, clipped at the limit on both sides, with 0 for NaN."""
    out = np.empty(X.shape)
    for i in range(X.shape[0]):
        for k in range(X.shape[1]):
            z = (float(X[i, k]) - mean[k]) * per[k]
            out[i, k] = 0.0 if np.isnan(z) else min(max(z, -limit), limit)
    return out
