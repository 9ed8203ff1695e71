"""Build the limits of one decision from its constraints."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allocation.problem.constraints import Constraints
from allocation.problem.limits import Limit, Limits
from allocation.problem.rows import Rows
from allocation.problem.sum_limits import check_known
from foundation.types import Bools, Floats

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
