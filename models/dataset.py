"""Dataset: features and target of one walk-forward, and the rows that a model sees."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from foundation.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Rows:
    """Where the rows of a stacked (rows, features) array come from.

    Attributes
    ----------
    date : ndarray of int, shape (n,)
        Row of the panel, not decreasing.
    end : ndarray of int, shape (n,)
        Row at which the label becomes known.
    asset : ndarray of int, shape (n,)
        Column of the panel.
    weight : ndarray of shape (n,), optional
        How much each row counts in a fit, positive; all the same without it.
    """

    date: Ints
    end: Ints
    asset: Ints
    weight: Floats | None = None

    def __getitem__(self, some: Bools) -> Rows:
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[some]
        return Rows(self.date[some], self.end[some], self.asset[some], weight)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features and target of a walk.

    Attributes
    ----------
    X : ndarray of shape (T, N, K)
        Features, float64 or float32; NaN where there is no value.
    y : ndarray of shape (T, N)
        Target; NaN where it is not known.
    ends : ndarray of int, shape (T,)
        Row at which the label of each date becomes known.
    usable : ndarray of bool, shape (T, N)
        Where an asset is listed and the features are warm.
    names : tuple of str, length K
    relative : bool
        Whether the target is relative to the universe of the date.
    weight : ndarray of shape (T, N), optional
        How much each pair counts in a fit: positive where usable. It must be known when its label ends.
    """

    X: Floats
    y: Floats
    ends: Ints
    usable: Bools
    names: tuple[str, ...]
    relative: bool
    weight: Floats | None = None

    def training(self, positions: Ints) -> tuple[Floats, Floats, Rows]:
        """Return X (n, K), y (n,) and Rows of the usable pairs with a target at these dates."""
        keep = self.usable[positions] & np.isfinite(self.y[positions])
        X, rows = self._take(positions, keep)
        return X, self.y[positions][keep], rows

    def rows_to_forecast(self, positions: Ints) -> tuple[Floats, Rows]:
        """Return X (n, K) and Rows of the usable pairs at these dates, with or without a known target."""
        return self._take(positions, self.usable[positions])

    def select(self, columns: Ints) -> Dataset:
        """Return the data with these columns of the features alone; rows and target stay as they are."""
        names = tuple(self.names[k] for k in columns)
        return replace(self, X=np.take(self.X, columns, axis=2), names=names)

    def _take(self, positions: Ints, keep: Bools) -> tuple[Floats, Rows]:
        at, asset = np.nonzero(keep)
        date = positions[at]
        weight = None if self.weight is None else self.weight[date, asset]
        return self.X[date, asset], Rows(date, self.ends[date], asset.astype(np.int64), weight)
