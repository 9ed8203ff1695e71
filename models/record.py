"""Record: what a walk knows of its past, which decides what is used next, and from which a longer walk goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.moments import Moments

Floats = NDArray[np.float64]


@dataclass(eq=False)
class Record:
    """What candidates have lost: before the first test, and on each training date once it was a test date.

    Attributes
    ----------
    before : ndarray of shape (P,)
        Over blocks inside the first training window.
    losses : ndarray of shape (dates of the grid, P)
        0 where nothing is known yet.
    begun : list of int
        The folds with which stretches began.
    sums : dict of int to Moments
        Of a linear model: the running sums as they were before the first fold that a longer walk computes again.
    bins : bytes
        Of boosted trees: the bins of that fold.
    """

    before: Floats
    losses: Floats
    begun: list[int] = field(default_factory=list)
    sums: dict[int, Moments] = field(default_factory=dict)
    bins: bytes = b""

    @classmethod
    def empty(cls, n_dates: int, n_candidates: int = 0) -> Record:
        """Return a record of which nothing is known yet."""
        return cls(np.zeros(n_candidates), np.zeros((n_dates, n_candidates)))

    def begin(self, fold: int) -> None:
        """Note that a stretch begins with a fold."""
        if fold not in self.begun:
            self.begun.append(fold)

    def continued(self, n_dates: int, known: int, fold: int) -> Record:
        """Return the record on a longer grid as it was before a fold, whose first test date has place `known`."""
        losses = np.zeros((n_dates, self.losses.shape[1]))
        kept = self.losses[:known]
        losses[: len(kept)] = kept
        begun = [f for f in self.begun if f <= fold]
        return Record(self.before.copy(), losses, begun, self.sums, self.bins)
