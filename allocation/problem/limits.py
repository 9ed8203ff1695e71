"""Limits: the constraints of one decision, as a programme takes them and as named inequalities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allocation.problem.constraints import Constraints, check_known
from allocation.problem.rows import Rows
from foundation.compiled import compiled
from foundation.types import Bools, Floats, Ints


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


_ABOVE, _BELOW, _SUM_ABOVE, _SUM_BELOW = 0, 1, 2, 3
"""The sides of a limit, `Limit.place`."""


def build_limits(
    constraints: Constraints, assets: Sequence[str], universe: Bools, mu: Floats | None = None
) -> Limits:
    """Return all limits but those on turnover and on variances, on the assets of the universe.

    Parameters
    ----------
    constraints : Constraints
    assets : sequence of str, length N
    universe : ndarray of bool, shape (N,)
    mu : ndarray of shape (N,), optional
        Expected returns, on which a least return is a limit; without them it is left out.

    Raises
    ------
    LimitError
        If a limit names an asset that does not exist.
    """
    inside, assets = np.flatnonzero(universe), tuple(map(str, assets))
    c, n = constraints, len(inside)
    low, high = (bound[inside] for bound in c.bounds(assets))
    sums = _sums(c, assets, inside, mu)
    rows = np.array([np.ones(n), *(row for _, row, _, _ in sums)])
    lower = np.array([1 - c.cash_maximum, *(least for _, _, least, _ in sums)])
    upper = np.array([1 - c.cash_minimum, *(most for _, _, _, most in sums)])
    size = np.abs(rows).max(axis=1)
    size[size == 0] = 1.0
    named = [*_boxes(c, assets, inside, low, high), *_cash(c, n)]
    for index, (what, row, least, most) in enumerate(sums, start=1):
        named += _pair(what, Rows.of(row), least, most, (_SUM_ABOVE, index), (_SUM_BELOW, index))
    if c.leverage is not None:
        gross, words = Rows.of(np.ones(n)), "raise the leverage to {}"
        name, bound = f"leverage at most {c.leverage:g}", np.array([c.leverage])
        named.append(Limit(name, words, gross, bound, 1, (_SUM_ABOVE, 0), gross=True))
    most = math.inf if c.leverage is None else c.leverage
    return Limits(inside, low, high, rows / size[:, None], lower / size, upper / size, tuple(named), most)


def _sums(
    c: Constraints, assets: Sequence[str], inside: NDArray[np.intp], mu: Floats | None
) -> list[tuple[str, Floats, float, float]]:
    """Return name, coefficients, minimum and maximum of each limited sum but the budget."""
    sums = []
    for name, group in c.groups.items():
        check_known(f"group {name!r}", group.assets, assets)
        row = np.array([float(assets[i] in group.assets) for i in inside])
        sums.append((f"of group {name!r}", row, group.minimum, group.maximum))
    for name, linear in c.linear.items():
        check_known(f"linear {name!r}", tuple(linear.coefficients), assets)
        row = np.array([linear.coefficients.get(assets[i], 0.0) for i in inside], dtype=np.float64)
        sums.append((f"of {name!r}", row, linear.minimum, linear.maximum))
    if c.minimum_return is not None and mu is not None:
        sums.append(("expected return", mu[inside], c.minimum_return, math.inf))
    return sums


def _boxes(
    c: Constraints, assets: Sequence[str], inside: NDArray[np.intp], low: Floats, high: Floats
) -> list[Limit]:
    """Return the limits on single assets: those that all have in common, then those of their own."""
    special = np.zeros(len(inside), dtype=bool)
    if c.overrides:
        special[:] = [assets[i] in c.overrides for i in inside]
    limits = []
    if not special.all():
        rows, lows, highs = Rows.each(np.flatnonzero(~special), len(inside)), low[~special], high[~special]
        others = np.flatnonzero(~special) if special.any() else slice(None)
        limits = [
            Limit(
                f"maximum weight {c.maximum:g}",
                "raise the maximum weight to {}",
                rows,
                highs,
                1,
                (_ABOVE, others),
            ),
            Limit(
                f"minimum weight {c.minimum:g}",
                "lower the minimum weight to {}",
                -rows,
                -lows,
                -1,
                (_BELOW, others),
            ),
        ]
    for k in np.flatnonzero(special):
        limits += _pair(
            f"weight of {assets[inside[k]]!r}",
            Rows.each(np.array([k]), len(inside)),
            float(low[k]),
            float(high[k]),
            (_ABOVE, int(k)),
            (_BELOW, int(k)),
        )
    return limits


def _cash(c: Constraints, n: int) -> list[Limit]:
    """Return the limits on cash."""
    ones = Rows.of(np.ones(n))
    invested = "fully invested" if c.cash_maximum == 0 else f"cash at most {c.cash_maximum:g}"
    least = f"cash at least {c.cash_minimum:g}"
    return [
        Limit(invested, "allow cash of {}", -ones, np.array([c.cash_maximum - 1]), 1, (_SUM_BELOW, 0), 1),
        Limit(
            least,
            "lower the minimum of cash to {}",
            ones,
            np.array([1 - c.cash_minimum]),
            -1,
            (_SUM_ABOVE, 0),
            1,
        ),
    ]


def _pair(
    what: str, row: Rows, low: float, high: float, above: tuple[int, int], below: tuple[int, int]
) -> list[Limit]:
    """Return the limits on `row @ w` that are finite; `what` follows "the maximum"."""
    name = what.removeprefix("of ")
    limits = []
    if math.isfinite(high):
        words = f"raise the maximum {what} to {{}}"
        limits.append(Limit(f"{name} at most {high:g}", words, row, np.array([high]), 1, above))
    if math.isfinite(low):
        words = f"lower the minimum {what} to {{}}"
        limits.append(Limit(f"{name} at least {low:g}", words, -row, np.array([-low]), -1, below))
    return limits
