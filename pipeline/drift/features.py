"""Feature drift: compare the distribution of recent features with the training rows of the model in use."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np

from features.matrix import FeatureMatrix
from foundation.types import Bools, Floats
from pipeline.drift.drift import FeatureDrift
from validation.drift.shift import Shift, measure_shift
from validation.portfolios.corrections import benjamini_hochberg

TILE = 8
"""Features copied out of the matrix at a time: the number that fits into one cache line."""


def watch_features(
    matrix: FeatureMatrix,
    listed: Bools,
    importance: Floats,
    trained: tuple[int, int],
    row: int,
    length: int,
    *,
    false_discovery: float,
    psi_limit: float,
) -> tuple[FeatureDrift, ...]:
    """Compare the last dates of all features with the training rows.

    Parameters
    ----------
    matrix : FeatureMatrix
    listed : ndarray of bool, shape (T, N)
    importance : ndarray of shape (K,)
    trained : tuple of int
        First and last row that the model in use was trained on.
    row : int
        Last of the recent dates.
    length : int
        Number of recent dates. Recent dates that the model was trained on are excluded from the reference.
    false_discovery : float
        Accepted share of false alarms.
    psi_limit : float
        Stability index at and above which a shift is large.

    Returns
    -------
    tuple of FeatureDrift
        Alarms first, then by p-value, the smallest first, and by stability index.
    """
    reference = slice(trained[0], min(trained[1], row - length) + 1)
    recent = slice(row - length + 1, row + 1)
    shifts = list(_shifts(matrix, listed, reference, recent))
    corrected = benjamini_hochberg([shift.p_value for shift in shifts]).tolist()
    drifts = [
        FeatureDrift(
            name,
            float(share),
            **asdict(shift),
            corrected=p,
            alarm=bool(p <= false_discovery and shift.psi >= psi_limit),
        )
        for name, share, shift, p in zip(matrix.names, importance, shifts, corrected, strict=True)
    ]
    return tuple(sorted(drifts, key=_first_shown))


def _first_shown(one: FeatureDrift) -> tuple[bool, float, float]:
    """Return the sort key, with NaN replaced by values that sort last."""
    p, psi = one.p_value, one.psi
    return not one.alarm, p if math.isfinite(p) else math.inf, -psi if math.isfinite(psi) else math.inf


def _shifts(matrix: FeatureMatrix, listed: Bools, reference: slice, recent: slice) -> Iterator[Shift]:
    masks = tuple(None if listed[rows].all() else listed[rows] for rows in (reference, recent))
    for start in range(0, len(matrix.names), TILE):
        tile = slice(start, start + TILE)
        before, after = (
            np.moveaxis(matrix.values[rows, :, tile], 2, 0).copy() for rows in (reference, recent)
        )
        for k in range(len(before)):
            if matrix.common[start + k]:
                yield measure_shift(before[k][:, :1], after[k][:, :1])
            else:
                yield measure_shift(before[k], after[k], *masks)
