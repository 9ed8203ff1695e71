"""InnerCV: blocks inside a training set, and the losses of a model on them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foundation.types import Bools, Floats
from models.base import Forecaster
from models.dataset import Rows
from models.errors import TrainingError
from models.tuning.search_space import Space
from models.walk_forward.losses import square_errors
from validation.folds.walk_forward import inner_folds


@dataclass(frozen=True, eq=False)
class InnerCV:
    """Training rows, and the blocks inside them that trials are scored on.

    Attributes
    ----------
    X, y, rows
    relative : bool
    blocks : tuple of pairs of ndarray of bool, shape (n,)
        Rows to fit on and rows to forecast.
    weights : ndarray of shape (S,)
        Sum of the weights of the rows that each block forecasts.
    """

    X: Floats
    y: Floats
    rows: Rows
    relative: bool
    blocks: tuple[tuple[Bools, Bools], ...]
    weights: Floats

    @classmethod
    def cut_blocks(cls, X: Floats, y: Floats, rows: Rows, splits: int, *, relative: bool) -> InnerCV:
        """Cut the rows into blocks."""
        dates, first = np.unique(rows.date, return_index=True)
        blocks = tuple(
            (np.isin(rows.date, fold.train), np.isin(rows.date, fold.test))
            for fold in inner_folds(dates, rows.end[first], splits)
        )
        if not blocks:
            raise TrainingError(
                f"tuning: {len(dates)} training dates are too few for a block with finished labels before it; "
                "start the test later"
            )
        weight = np.ones(len(y)) if rows.weight is None else rows.weight
        return cls(X, y, rows, relative, blocks, np.array([weight[test].sum() for _, test in blocks]))

    @property
    def splits(self) -> int:
        """Number of blocks."""
        return len(self.blocks)

    def score(self, model: Forecaster, block: int) -> float:
        """Fit the model before a block, and return the sum of its weighted squared errors in the block."""
        train, test = self.blocks[block]
        model.fit(self.X[train], self.y[train], self.rows[train])
        errors = self.y[test] - model.predict(self.X[test], self.rows[test])
        with np.errstate(over="ignore", invalid="ignore"):
            loss = float(square_errors(errors[:, None], self.rows[test], relative=self.relative).sum())
        return loss if np.isfinite(loss) else float("inf")

    def running_means(self, losses: Sequence[float]) -> list[float]:
        """Return the mean loss after each of the first blocks."""
        means: list[float] = (np.cumsum(losses) / np.cumsum(self.weights[: len(losses)])).tolist()
        return means

    def digest(self, model: Forecaster, space: Space) -> str:
        """Return a hash of everything that determines a loss besides the parameters of the space."""
        kind = type(model)
        fixed = {k: v for k, v in sorted(model.get_params().items()) if k not in space}
        description = repr(
            (kind.__module__, kind.__qualname__, fixed, sorted(space.items()), self.splits, self.relative)
        )
        arrays = [self.X, self.y, self.rows.date, self.rows.end, self.rows.asset]
        arrays += [] if self.rows.weight is None else [self.rows.weight]
        sha = hashlib.sha256()
        for part in (description.encode(), *(np.ascontiguousarray(a).tobytes() for a in arrays)):
            sha.update(
                len(part).to_bytes(8, "big")
            )  # else the same bytes in other parts would have this hash
            sha.update(part)
        return sha.hexdigest()
