"""Limits: the constraints of one decision, as a programme takes them and as named inequalities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allocation.problem.rows import Rows
from foundation.compiled import compiled
from foundation.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class Limit:
    """One named family of linear limits: rows @ w <= bounds, or rows @ |w| <= bounds.

    Attributes
    ----------
    name : str
        In words, with its number.
    relief : str
        How the message says that it is relaxed; `{}` takes the new number.
    rows : Rows, shape (M, n)
    bounds : ndarray of shape (M,)
    sign, offset : float
        The user's number is sign * bound + offset.
    gross : bool
        Whether the rows hold for |w|.
    place : tuple of (int, int or slice or ndarray of int)
        Where `Limits.slack` measures it: in the room above or below the weights, in that above or below the sums.
    """

    name: str
    relief: str
    rows: Rows
    bounds: Floats
    sign: float
    place: tuple[int, int | slice | NDArray[np.intp]]
    offset: float = 0.0
    gross: bool = False


@dataclass(frozen=True, eq=False)
class Limits:
    """The limits on the assets of one universe.

    Attributes
    ----------
    inside : ndarray of int, shape (n,)
    low, high : ndarray of shape (n,)
    rows, lower, upper : ndarray of shape (M, n), (M,), (M,)
        lower <= rows @ w <= upper, the largest coefficient of each row being 1; the first row is the budget.
    entries : tuple of Limit
        The same in the user's units, and the limit on gross exposure.
    gross : float
        Limit on sum |w|, infinite without one.
    """

    inside: NDArray[np.intp]
    low: Floats
    high: Floats
    rows: Floats
    lower: Floats
    upper: Floats
    entries: tuple[Limit, ...]
    gross: float = math.inf

    @cached_property
    def _rooms(self) -> tuple[tuple[str, ...], Ints, Ints]:
        """The name of each limit, the rooms that belong to them, and where those of each end; see `_slacks`."""
        n, m = len(self.low), len(self.lower)
        every = np.arange(2 * n + 2 * m + 1)
        sides = np.split(every, (n, 2 * n, 2 * n + m, 2 * n + 2 * m))
        mine = [
            sides[-1] if limit.gross else np.atleast_1d(sides[limit.place[0]][limit.place[1]])
            for limit in self.entries
        ]
        ends = np.cumsum([len(rooms) for rooms in mine], dtype=np.int64)
        return tuple(limit.name for limit in self.entries), np.concatenate(mine), ends

    def slack(self, w: Floats) -> dict[str, float]:
        """Return by limit the distance of the weights (n,) to the bound, negative where it is broken.

        In weight; of sums with coefficients, as if the largest coefficient were 1.
        """
        names, rooms, ends = self._rooms
        slacks = _slacks(w, self.low, self.high, self.rows, self.lower, self.upper, self.gross, rooms, ends)
        return dict(zip(names, slacks.tolist(), strict=True))


@compiled
def _slacks(
    w: Floats, low: Floats, high: Floats, rows: Floats, lower: Floats, upper: Floats, gross: float,
    mine: Ints, ends: Ints,
) -> Floats:  # fmt: skip
    """Return the least room of each limit; those that belong to it stand in `mine` up to its end.

    Rooms are counted above each weight, below each, above each sum, below each, and below the gross exposure.
    """
    n, m = len(w), len(rows)
    room, out = np.empty(2 * n + 2 * m + 1), np.empty(len(ends))
    room[-1] = gross
    for i in range(n):
        room[i], room[n + i] = high[i] - w[i], w[i] - low[i]
        room[-1] -= abs(w[i])
    for b in range(m):
        total = np.dot(rows[b], w)
        room[2 * n + b], room[2 * n + m + b] = upper[b] - total, total - lower[b]
    k = 0
    for one in range(len(ends)):
        least = np.inf
        while k < ends[one]:
            # NaN counts as the minimum.
            least = room[mine[k]] if room[mine[k]] < least or np.isnan(room[mine[k]]) else least
            k += 1
        out[one] = least
    return out
