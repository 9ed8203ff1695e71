"""Subset: the columns of a model that sees some of the features, and its importance among these and among all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from foundation.suggestions import suggest
from foundation.types import Floats, Ints
from models.dataset import Dataset
from models.errors import TrainingError
from models.walk_forward.results import WalkResult


def find_columns(data: Dataset, names: Collection[str]) -> Ints:
    """Return the columns of the features with these names, increasing.

    Raises
    ------
    TrainingError
        If there is no name, or a name is no feature.
    """
    if not names:
        raise TrainingError("features: expected one name at least")
    for name in names:
        if name not in data.names:
            raise TrainingError(f"features: {name!r} is no feature of the data{suggest(name, data.names)}")
    return np.array([k for k, name in enumerate(data.names) if name in names], dtype=np.int64)


def narrow_importance(walk: WalkResult, columns: Ints) -> WalkResult:
    """Return a walk with the importance of these features alone, shape (len(columns),) in each fit."""
    return replace(walk, fits=tuple(replace(fit, importance=fit.importance[columns]) for fit in walk.fits))


def spread_importance(walk: WalkResult, columns: Ints, n_features: int) -> WalkResult:
    """Return a walk with the importance among all features, shape (n_features,), 0 for those not seen."""

    def spread(importance: Floats) -> Floats:
        out = np.zeros(n_features)
        out[columns] = importance
        return out

    return replace(walk, fits=tuple(replace(fit, importance=spread(fit.importance)) for fit in walk.fits))
