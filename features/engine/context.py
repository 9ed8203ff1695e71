"""Values that the tiles of a matrix share: the whole computation, one block of its dates, and the past."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from features.engine.inputs import Inputs
from features.engine.recipe import Recipe, Step
from features.engine.resolution import LEVEL
from foundation.types import Floats

States = tuple[Floats, ...]


@dataclass
class Past:
    """State that the dates so far leave for later ones.

    Attributes
    ----------
    tails : dict of str to ndarray of shape (rows, N) or (rows,)
        Last rows of each feature, in double precision.
    carried : dict of str to tuple of ndarray
        States of recursions before the last row, by feature.
    """

    tails: dict[str, Floats] = field(default_factory=dict)
    carried: dict[str, States] = field(default_factory=dict)

    def trim(self, history: Mapping[str, int]) -> Past:
        """Return the past with at most `history` rows of each feature."""
        tails = {name: tail[max(len(tail) - history[name], 0) :].copy() for name, tail in self.tails.items()}
        return Past(tails, self.carried)


class _ScratchPool:
    """Memory that tiles reuse: fresh memory costs as much time as the computation."""

    def __init__(self) -> None:
        self._free: list[Floats] = []

    @contextmanager
    def borrow(self, *shape: int) -> Iterator[Floats]:
        """Lend an uninitialised array for the block; copy values that are needed afterwards."""
        size = math.prod(shape)
        try:
            memory = self._free.pop()
        except IndexError:
            memory = np.empty(size)
        if memory.size < size:
            memory = np.empty(size)
        yield memory[:size].reshape(shape)
        self._free.append(memory)


@dataclass
class BuildContext:
    """One computation of a matrix.

    Attributes
    ----------
    inputs : Inputs
    recipe : Recipe
    deep : frozenset of str
        Features that are computed from row 0 on every time.
    out : ndarray of shape (at least T, N, at least K)
        Where columns are written, C-ordered.
    series : dict of str to ndarray of shape (T,)
        Inputs and features that all assets share.
    scratch : _ScratchPool
    """

    inputs: Inputs
    recipe: Recipe
    deep: frozenset[str]
    out: Floats
    series: dict[str, Floats]
    scratch: _ScratchPool = field(default_factory=_ScratchPool)

    def limit(self, step: Step) -> float:
        """Return the largest magnitude that a feature may have; the level, an input, may be infinite."""
        if step.spec is LEVEL:
            return np.inf
        return float(np.finfo(self.out.dtype if step.column >= 0 else np.float64).max)


@dataclass
class DateBlock:
    """A block of dates: the past before it, and the past that it leaves.

    Attributes
    ----------
    start, stop : int
        Rows of the panel.
    before, after : Past
    history : dict of str to int
        How many rows of each feature `after` must hold, -1 for all.
    kept : dict of str to ndarray
        Features that steps of other kinds need, with their past; the last row is that before `stop`.
    """

    start: int
    stop: int
    before: Past
    after: Past
    history: Mapping[str, int]
    kept: dict[str, Floats]


@dataclass
class TileResult:
    """Result of a tile: features that failed, states of recursions, and the first and last rows."""

    failed: set[str]
    saved: dict[str, States]
    first: list[Floats]
    last: list[Floats]
