"""Combination of forecasts: the mean, which is hard to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.base import FoldFit, WalkResult
from models.errors import TrainingError


def mean_combination(name: str, members: Sequence[WalkResult]) -> WalkResult:
    """Return the equally weighted mean of the members' predictions.

    A pair that one member does not forecast is not forecast by the combination. Importance is averaged likewise.

    Raises
    ------
    TrainingError
        If there is no member.

    Notes
    -----
    Bates and Granger (1969); Rapach, Strauss and Zhou (2010) on why the mean works for returns.
    """
    if not members:
        raise TrainingError(f"combination {name!r} has no members")
    raw = sum((member.raw for member in members[1:]), start=members[0].raw.copy()) / len(members)
    fits = tuple(
        FoldFit(
            fits[0].first_test,
            fits[0].n_rows,
            {},
            np.mean([fit.importance for fit in fits], axis=0),
            0.0,
        )
        for fits in zip(*(member.fits for member in members), strict=True)
    )
    last = {"kind": "MeanCombination", "members": [member.model for member in members]}
    return WalkResult(name, raw, fits, last)
