"""Standardiser: centre, scale, clip and impute features by what the training rows show."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

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
        finite = np.isfinite(X)
        count = np.maximum(finite.sum(axis=0), 1)
        self.mean_ = np.where(finite, X, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(finite, X - self.mean_, 0.0) ** 2).sum(axis=0) / count)
        # Rounding leaves a constant column with a spread of a few units in the last place.
        self.scale_ = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(self.mean_)), spread, 0.0)
        return self

    def transform(self, X: Floats) -> Floats:
        """Return the scaled, clipped and imputed copy of X (n, K)."""
        usable = self.scale_ > 0
        Z = (X - self.mean_) * np.where(usable, 1.0 / np.where(usable, self.scale_, 1.0), 0.0)
        out: Floats = np.nan_to_num(np.clip(Z, -CLIP, CLIP), nan=0.0)
        return out
