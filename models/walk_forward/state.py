"""State of a walk: past losses, which decide the next choice, and from which a longer walk continues."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from foundation.types import Floats
from models.walk_forward.moments import Moments


@dataclass(eq=False)
class WalkState:
    """Losses of candidates, and sums that a longer walk would have to compute again.

    Attributes
    ----------
    before : ndarray of shape (P,)
        Losses over blocks inside the first training window.
    losses : ndarray of shape (dates of the grid, P)
        On each training date once it was a test date; 0 where nothing is known yet.
    begun : list of int
        First folds of stretches.
    sums : dict of int to Moments
        Of a linear model: the running sums as they were before the first fold that a longer walk computes again.
    """

    initial_losses: Floats
    losses: Floats
    stretch_starts: list[int] = field(default_factory=list)
    sums: dict[int, Moments] = field(default_factory=dict)

    @classmethod
    def empty(cls, n_dates: int) -> WalkState:
        """Return the state before the first fold, when the number of candidates is unknown."""
        return cls(np.zeros(0), np.zeros((n_dates, 0)))

    def allocate_losses(self, n_candidates: int) -> None:
        """Allocate losses for a number of candidates."""
        self.losses = np.zeros((len(self.losses), n_candidates))

    def add_stretch(self, fold: int) -> None:
        """Add a stretch that begins with a fold."""
        if fold not in self.stretch_starts:
            self.stretch_starts.append(fold)

    def extend(self, n_dates: int, known: int, fold: int) -> WalkState:
        """Return the record on a longer grid as it was before a fold, whose first test date has place `known`."""
        losses = np.zeros((n_dates, self.losses.shape[1]))
        kept = self.losses[:known]
        losses[: len(kept)] = kept
        stretch_starts = [f for f in self.stretch_starts if f <= fold]
        return WalkState(self.initial_losses.copy(), losses, stretch_starts, self.sums)
