"""Forecaster: the interface of every model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator

from foundation.types import Floats, Json
from models.dataset import Rows


class Forecaster(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn ships no types
    """A model of the target given the features, with scikit-learn's interface.

    `fit` and `predict` work on stacked rows. `Rows` gives the date and the asset of each row; without it each row
    is a date of its own, whose label ends at the next.
    """

    @abstractmethod
    def fit(self, X: Floats, y: Floats, rows: Rows | None = None) -> Self:
        """Fit to X (n, K) and y (n,); rows must be in time order."""

    @abstractmethod
    def predict(self, X: Floats, rows: Rows | None = None) -> Floats:
        """Return the expected target of each row, shape (n,)."""

    def chosen(self) -> dict[str, float]:
        """Return the hyper-parameters chosen in the last fit."""
        return {}

    def importance(self, n_features: int) -> Floats:
        """Return the share of each feature in the last fit, shape (n_features,)."""
        return np.zeros(n_features)

    def spec(self, names: Sequence[str]) -> Json:
        """Return a JSON description of the last fit, from which forecasts can be computed."""
        return {"kind": type(self).__name__, "features": list(names)}


def make_rows(n: int, rows: Rows | None) -> Rows:
    """Return `rows`, or rows that are each a date of its own."""
    if rows is not None:
        return rows
    date = np.arange(n, dtype=np.int64)
    return Rows(date, date + 1, np.zeros(n, dtype=np.int64))
