"""Results of a walk-forward: out-of-sample predictions, and a summary of each fit and each trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from foundation.types import Floats, Json
from models.parameters import Parameters
from models.walk_forward.state import WalkState

Progress = Callable[[int, int], None]
"""Called with the number of folds done and their total."""


@dataclass(frozen=True, eq=False)
class FoldFit:
    """Summary of one fit.

    Attributes
    ----------
    first_test : int
        Row of the panel at which this fit was used first.
    n_rows : int
        Rows (dates x assets) that it was fitted on.
    chosen : mapping of str to float
        Hyper-parameters chosen inside the training window.
    importance : ndarray of shape (K,)
        Share of each feature, not negative, summing to 1 (or all 0).
    seconds : float
        Wall-clock time of fit and prediction.
    """

    first_test: int
    n_rows: int
    chosen: Mapping[str, float]
    importance: Floats
    seconds: float


@dataclass(frozen=True)
class Trial:
    """Parameters that were tried inside a training window, and their loss.

    Attributes
    ----------
    model : str
    first_test : int
        Row of the panel at which the choice among these trials was used first.
    number : int
        In the order of the search, from 0: the model's own parameters.
    params : mapping of str to bool, int, float, str or None
    loss : float
        Mean weighted squared error in the target's unit over the blocks that it was fitted for; infinite where a
        forecast was.
    pruned : bool
        Whether it was given up before the last block.
    seconds : float
        Wall-clock time of its fits.
    """

    model: str
    first_test: int
    number: int
    params: Parameters
    loss: float
    pruned: bool
    seconds: float


@dataclass(frozen=True, eq=False)
class WalkResult:
    """Out-of-sample predictions of one model.

    Attributes
    ----------
    model : str
    raw : ndarray of shape (T, N)
        Predictions in the target's unit, NaN outside of test dates and universe.
    fits : tuple of FoldFit
        One per fold.
    last : dict
        JSON description of the last fit, enough to predict without this project's classes.
    trials : tuple of Trial
        All that were tried, of a model that is tuned.
    untuned : ndarray of shape (T, N), optional
        What a model that is tuned would have predicted with its own parameters.
    record : Record, optional
        State of the walk, from which a walk over more dates continues.
    """

    model: str
    raw: Floats
    fits: tuple[FoldFit, ...]
    last: Json
    trials: tuple[Trial, ...] = ()
    untuned: Floats | None = None
    state: WalkState | None = None
