"""What the tiles of a matrix share: the whole computation, one block of its dates, and what came before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from features.engine.inputs import Inputs
from features.engine.recipe import LEVEL, Recipe, Step
from foundation.types import Floats

States = tuple[Floats, ...]


@dataclass
class Past:
    """What the dates so far leave for those to come.

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
        """Return the past with so many rows of each feature at most."""
        tails = {name: tail[max(len(tail) - history[name], 0) :].copy() for name, tail in self.tails.items()}
        return Past(tails, self.carried)


class ScratchPool:
    """Memory for tiles, used by one after the other: memory that is new to a process costs as much as computing."""

    def __init__(self) -> None:
        self._free: list[Floats] = []

    @contextmanager
    def borrow(self, *shape: int) -> Iterator[Floats]:
        """Lend an array of any content; whoever needs what is in it for longer makes a copy."""
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
    slabs : Slabs
    """

    inputs: Inputs
    recipe: Recipe
    deep: frozenset[str]
    out: Floats
    series: dict[str, Floats]
    scratch: ScratchPool = field(default_factory=ScratchPool)

    def limit(self, step: Step) -> float:
        """Return the largest magnitude that a feature may have; the level, an input, may be infinite."""
        if step.spec is LEVEL:
            return np.inf
        return float(np.finfo(self.out.dtype if step.column >= 0 else np.float64).max)


@dataclass
class DateBlock:
    """A stretch of dates: what came before, and what its tiles make of it.

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
    """What is left of a tile: who failed, the states of recursions, and the outermost rows."""

    failed: set[str]
    saved: dict[str, States]
    first: list[Floats]
    last: list[Floats]
