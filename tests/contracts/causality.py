"""The contract of everything dated: what is known at t does not change when the future does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from market.counterfactual import replace_future
from market.panel import Panel

Results = Mapping[str, np.ndarray]


def first_difference(name: str, expected: np.ndarray, actual: np.ndarray, rows: int) -> str | None:
    """Return where the first `rows` rows of two arrays differ in any bit, or None. All NaN are the same."""
    if expected.shape[1:] != actual.shape[1:] or min(len(expected), len(actual)) < rows:
        return f"{name}: shapes {expected.shape} and {actual.shape} cannot agree on {rows} rows"
    left, right = np.asarray(expected[:rows]), np.asarray(actual[:rows])
    differs = left != right
    if np.issubdtype(left.dtype, np.floating):
        differs &= ~(np.isnan(left) & np.isnan(right))
        differs |= (left == 0) & (right == 0) & (np.signbit(left) != np.signbit(right))
    if not differs.any():
        return None
    where = tuple(int(i) for i in np.argwhere(differs)[0])
    return f"{name}{list(where)}: {left[where]!r} became {right[where]!r}"


def violations(
    compute: Callable[[Panel], Results], panel: Panel, positions: Iterable[int], seed: int = 0
) -> list[str]:
    """Return what changed up to each position when everything after it was replaced or cut off.

    Parameters
    ----------
    compute : callable
        From a panel to arrays by name, whose first axis is the panel's dates.
    panel : Panel
    positions : iterable of int
        Rows t; everything up to and including t must stay bit-identical.
    seed : int
        Seed of the noise.
    """
    expected = compute(panel)
    found = []
    for position in positions:
        changed = {
            "noise after": compute(replace_future(panel, position, seed)),
            "end at": compute(panel.as_of(panel.dates[position])),
        }
        for how, actual in changed.items():
            if set(actual) != set(expected):
                found.append(f"{how} row {position}: {sorted(set(actual) ^ set(expected))} came or went")
            for name in sorted(set(actual) & set(expected)):
                difference = first_difference(name, expected[name], actual[name], position + 1)
                if difference:
                    found.append(f"{how} row {position}: {difference}")
    return found


def telling_positions(panel: Panel, count: int = 6) -> list[int]:
    """Return rows at which a look ahead is most likely to show, evenly spread over the panel.

    Fills and listings leak only beside a hole, a listing or a death, so a cut elsewhere can miss them: half of
    these rows are the last before such a change, half the first after it. The middle row and the last but one
    are always there.
    """
    changes = np.flatnonzero((panel.listed[1:] != panel.listed[:-1]).any(axis=1))
    chosen = (
        changes[np.unique(np.linspace(0, len(changes) - 1, count).round().astype(int))]
        if len(changes)
        else []
    )
    beside = [int(row) + i % 2 for i, row in enumerate(chosen)]
    last = len(panel.dates) - 1
    return sorted({*beside, last // 2, max(last - 1, 0)})


def assert_causal(
    compute: Callable[[Panel], Results], panel: Panel, positions: Iterable[int], seed: int = 0
) -> None:
    """Raise AssertionError, naming what looked ahead, unless `compute` is causal on the panel."""
    found = violations(compute, panel, positions, seed)
    assert not found, "looked ahead:\n" + "\n".join(found)
