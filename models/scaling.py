"""Standardiser: centre, scale, clip and impute features by what the training rows show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pieces = Callable[[], Iterable[Floats]]

CLIP = 5.0
"""Standard deviations beyond which a feature says no more: a bad print must not carry a forecast."""


class Standardiser:
    """Scale columns to mean 0 and standard deviation 1; NaN become 0, the mean.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (K,)
        Of the finite training values. A column that is constant or empty has scale 0 and gives zeros.
    """

    def fit(self, X: Floats) -> Self:
        """Measure means and standard deviations of X (n, K)."""
        return self.fit_pieces(lambda: [X])

    def fit_pieces(self, pieces: Pieces) -> Self:
        """Measure means and standard deviations of rows that come piece by piece, each (n_i, K), in two passes.

        Parameters
        ----------
        pieces : callable
            Returns the pieces; it is called twice.
        """
        count, total = np.float64(0), np.float64(0)
        for X in pieces():
            finite = np.isfinite(X)
            count = count + finite.sum(axis=0)
            total = total + np.where(finite, X, 0.0).sum(axis=0)
        count = np.maximum(count, 1.0)
        self.mean_ = np.asarray(total / count)
        squares = np.float64(0)
        for X in pieces():
            squares = squares + (np.where(np.isfinite(X), X - self.mean_, 0.0) ** 2).sum(axis=0)
        spread = np.sqrt(squares / count)
        # Rounding leaves a constant column with a spread of a few units in the last place.
        self.scale_ = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(self.mean_)), spread, 0.0)
        return self

    def transform(self, X: Floats) -> Floats:
        """Return the scaled, clipped and imputed copy of X (n, K)."""
        usable = self.scale_ > 0
        Z: Floats = X - self.mean_
        Z *= np.where(usable, 1.0 / np.where(usable, self.scale_, 1.0), 0.0)
        np.clip(Z, -CLIP, CLIP, out=Z)
        Z[np.isnan(Z)] = 0.0
        return Z
