"""Copies: assets whose returns are those of another one, at the same dates or a few dates later."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foundation.types import Floats, Ints
from market.findings import Finding
from market.values.table import Table

_BLOCK = 252
"""Rows in which two assets are compared; blocks follow each other from the beginning."""
_SHORTEST = 36
"""Rows of a table below which nothing is compared."""
_SHIFTS = (0, 1, 2, 3, 5)
_SAME = 0.9999
"""Correlation from which returns at the same dates are one asset's: funds of one index have 0.999 a day."""
_SHIFTED = 0.999
"""Correlation from which returns of other dates are a shifted copy; no asset follows another so closely."""
_UNALIKE = 0.9
"""Correlation at the same dates, and with its own past, below which a shifted copy is none by persistence."""
_PROBES = 8
"""Random sums of each asset's returns; copies have nearly the same in all of them."""
_NEAR = 4.0
"""Standard deviations of the difference of two copies' sums that are searched."""
_TOGETHER = 1024
"""Columns whose candidates are searched at once, which bounds the memory."""


def check_copies(table: Table) -> Iterator[Finding]:
    """Find assets that repeat the returns of another one, once for each asset.

    Assets are compared in the first block of rows, in those where further assets have come, and in some later ones.
    """
    found: set[int] = set()
    returns = table.returns
    seen = np.zeros(returns.shape[1], dtype=np.bool_)
    for number, start in enumerate(range(1, len(returns) - _SHORTEST + 1, _BLOCK), start=1):
        block = returns[start : start + _BLOCK]
        complete = np.isfinite(block).all(axis=0)
        again = number & (number - 1) == 0  # blocks 1, 2, 4, 8, ...
        if not (again or (complete & ~seen).any()):
            continue
        seen |= complete
        for shift, first, second, likeness in _compare(block):
            if second not in found:
                found.add(second)
                yield _report(table, start, shift, (first, second), likeness)


def _compare(block: Floats) -> Iterator[tuple[int, int, int, float]]:
    """Yield shift, leading column, following column and correlation of the copies in a block (B, N)."""
    complete = np.isfinite(block).all(axis=0)
    moving = np.flatnonzero(complete & (np.ptp(np.where(complete, block, 0.0), axis=0) > 0))
    if len(moving) < 2:
        return
    for shift in _SHIFTS:
        lead, follow = block[: len(block) - shift, moving], block[shift:, moving]
        lead, follow = _standardise(lead), _standardise(follow)
        least = _SHIFTED if shift else _SAME
        for a, b in _near_pairs(lead, follow, least, same=shift == 0):
            likeness = float(lead[:, a] @ follow[:, b])
            if likeness >= least and (not shift or _is_shifted(block[:, moving], shift, a, b)):
                yield shift, int(moving[a]), int(moving[b]), likeness


def _standardise(values: Floats) -> Floats:
    """Return columns of mean 0 and length 1; constant ones are 0."""
    centred = values - values.mean(axis=0)
    length = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    return np.asarray(centred / np.where(length > 0, length, np.inf))


def _near_pairs(lead: Floats, follow: Floats, least: float, *, same: bool) -> list[tuple[int, int]]:
    """Return the pairs of columns whose random sums are so near that their correlation may be `least`.

    The sum of a column of length 1 with random weights has a variance of 1, and the difference of two such sums one of
    2 (1 - correlation). Two sums name the candidates, and the others reject nearly all of them, which replaces the
    correlations of all pairs.
    """
    weights = np.random.default_rng(0).normal(size=(_PROBES, len(lead)))
    reach = _NEAR * np.sqrt(2.0 * (1.0 - least))
    one, two = weights @ lead, weights @ follow
    pairs: list[tuple[int, int]] = []
    for first, second in _list_candidates(one[:2], two[:2], reach):
        for probe in range(_PROBES):
            near = np.abs(one[probe, first] - two[probe, second]) <= reach
            first, second = first[near], second[near]
        kept = second > first if same else second != first
        pairs += zip(first[kept].tolist(), second[kept].tolist(), strict=True)
    return sorted(pairs)


def _list_candidates(one: Floats, two: Floats, reach: float) -> Iterator[tuple[Ints, Ints]]:
    """Yield all pairs of points (2, N) that are near in both coordinates, and some others.

    The points are sorted by strips of the first coordinate, and in a strip by the second. Those near a point are then
    one range of each of three strips.
    """
    strips = [np.floor(points[0] / reach) for points in (one, two)]
    apart = 4.0 * (np.abs(one[1]).max() + np.abs(two[1]).max() + reach)
    places = strips[1] * apart + two[1]
    order = np.argsort(places)
    for step in (-1, 0, 1):
        centres = (strips[0] + step) * apart + one[1]
        low = np.searchsorted(places[order], centres - reach, side="left")
        counts = np.searchsorted(places[order], centres + reach, side="right") - low
        for start in range(0, len(counts), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            first = np.repeat(np.arange(len(counts))[part], counts[part])
            before = np.cumsum(counts[part]) - counts[part]
            yield first, order[np.arange(len(first)) + np.repeat(low[part] - before, counts[part])]


def _is_shifted(block: Floats, shift: int, a: int, b: int) -> bool:
    """Whether two columns are alike by their shift, and not because each is like its own past."""
    with np.errstate(invalid="ignore"):
        now = np.corrcoef(block[:, a], block[:, b])[0, 1]
        own = np.corrcoef(block[shift:, a], block[:-shift, a])[0, 1]
    return bool(now < _UNALIKE and own < _UNALIKE)


def _report(table: Table, start: int, shift: int, pair: tuple[int, int], likeness: float) -> Finding:
    first, second = (table.names[column] for column in pair)
    date = table.dates[start]
    rows = min(_BLOCK, len(table.dates) - start)
    where = f"{table.source}: column {second!r}, {date:%Y-%m-%d}"
    if shift:
        text = (
            f"{where}: its returns are those of {first!r} {shift} rows earlier (correlation {likeness:.4f} over {rows} "
            "rows): one of them may be dated wrongly, and would then predict the other perfectly"
        )
        return Finding("shifted copy", "warning", second, date, text, "correct its dates, or remove it")
    text = f"{where}: its returns are those of {first!r} (correlation {likeness:.6f} over {rows} rows)"
    return Finding("duplicate asset", "warning", second, date, text, "keep one of the two")
