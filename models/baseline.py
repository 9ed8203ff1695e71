"""Baselines that every model has to beat: nothing, and the historical mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from foundation.types import Floats, Json
from models.base import Forecaster, make_rows
from models.dataset import Rows


class Zero(Forecaster):
    """Expect nothing: no difference between assets, or no excess return at all."""

    def fit(self, X: Floats, y: Floats, rows: Rows | None = None) -> Self:
        """Learn nothing."""
        return self

    def predict(self, X: Floats, rows: Rows | None = None) -> Floats:
        """Return zeros."""
        return np.zeros(len(X))


class HistoricalMean(Forecaster):
    """Expect of each asset the mean of its target in the training window; 0 for one never seen."""

    def fit(self, X: Floats, y: Floats, rows: Rows | None = None) -> Self:
        """Average the target by asset."""
        asset = make_rows(len(y), rows).asset
        count = np.bincount(asset)
        self.mean_ = np.bincount(asset, weights=y) / np.maximum(count, 1)
        return self

    def predict(self, X: Floats, rows: Rows | None = None) -> Floats:
        """Return the mean of each row's asset."""
        asset = make_rows(len(X), rows).asset if rows is not None else np.zeros(len(X), dtype=np.int64)
        known = asset < len(self.mean_)
        return np.where(known, self.mean_[np.where(known, asset, 0)], 0.0)

    def spec(self, names: Sequence[str]) -> Json:
        """Return the means by column of the panel."""
        return {"kind": "HistoricalMean", "features": list(names), "mean": self.mean_.tolist()}
