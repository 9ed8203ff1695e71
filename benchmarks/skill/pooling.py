"""Pooling: one test over panels that share dates, by flipping the signs of whole calendar blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foundation.types import Floats

BLOCK_MONTHS = 12
FLIPS = 99_999
_ENUMERATED = 16
"""Blocks up to which all sign patterns are tried."""
_BATCH = 4096


@dataclass(frozen=True)
class Pooled:
    """Test that the mean gain over panels is 0.

    Attributes
    ----------
    z : float
        Mean of the panels' z, by its standard deviation under sign flips; NaN if no panel has a gain or loss.
    p : float
        One-sided: share of the sign patterns whose mean z is at least as large.
    panels : mapping of str to float
        z of each panel: its sum of gains by the root of the sum of squared block sums.
    blocks : int
        Calendar blocks with a gain or loss in some panel.
    """

    z: float
    p: float
    panels: Mapping[str, float]
    blocks: int


def pool_gains(
    influence: Mapping[str, pd.Series], months: int = BLOCK_MONTHS, flips: int = FLIPS, seed: int = 0
) -> Pooled:
    """Test whether gains of several panels are above 0 on average.

    Parameters
    ----------
    influence : mapping of panel to Series
        Gain of each date, indexed by date; panels may be of any frequency.
    months : int
        Length of a block: dates of the same block of the calendar have one sign in all panels.
    flips : int
        Random sign patterns, beside the true one; with at most 16 blocks all patterns are tried.
    seed : int

    Notes
    -----
    If nothing is gained, a block's gains are as likely as their opposites. All panels have equal weight. A panel's z is
    scaled by its block sums without their mean, which no flip changes: under symmetry the test is exact whatever the
    correlation between panels at the same dates, and within blocks.
    """
    sums = pd.DataFrame({name: _block_sums(series, months) for name, series in influence.items()})
    blocks = sums.fillna(0.0).to_numpy(dtype=float).reshape(len(sums), len(influence))
    scale = np.sqrt((blocks**2).sum(axis=0))
    shares = np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale > 0)
    steps = shares.mean(axis=1) if len(influence) else np.zeros(0)
    steps = steps[steps != 0]
    panels = {name: float(z) for name, z in zip(influence, shares.sum(axis=0), strict=True)}
    if not len(steps):
        return Pooled(float("nan"), 1.0, panels, 0)
    z = float(steps.sum() / np.sqrt((steps**2).sum()))
    return Pooled(z, _flip(steps, flips, seed), panels, len(steps))


def _block_sums(series: pd.Series, months: int) -> pd.Series:
    dates = pd.DatetimeIndex(series.index)
    block = (dates.year * 12 + dates.month - 1) // months
    return series.groupby(np.asarray(block)).sum()


def _flip(steps: Floats, flips: int, seed: int) -> float:
    """Return the share of sign patterns under which the sum is at least what it is, the true one included."""
    n, found = len(steps), float(steps.sum())
    least = found - 1e-12 * float(np.abs(steps).sum())
    if n <= _ENUMERATED:
        patterns = 1 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float((patterns @ steps >= least).mean())
    rng = np.random.default_rng(seed)
    reached = 1
    for start in range(0, flips, _BATCH):
        signs = 1 - 2.0 * rng.integers(0, 2, size=(min(_BATCH, flips - start), n))
        reached += int((signs @ steps >= least).sum())
    return reached / (flips + 1)
