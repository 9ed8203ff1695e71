"""Subset: the importance of a model that sees some of the features, among these and among all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from foundation.types import Floats, Ints
from models.walk_forward.results import WalkResult


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
