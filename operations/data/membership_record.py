"""Record of the universe: when each asset entered and left it, compared with what a source says now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.suggestions import list_names
from market.panel import Panel

Flips = Mapping[str, tuple[str, ...]]
"""Dates of rows, as ISO text, at which each asset enters the universe and leaves it, in turns. Empty: no universe."""
_NAMED = 5


def list_flips(panel: Panel) -> Flips:
    """Return when each asset of a panel enters and leaves the universe."""
    if panel.member is None:
        return {}
    start = np.zeros((1, len(panel.assets)), dtype=np.int8)
    asset, row = np.nonzero(np.diff(panel.member.astype(np.int8), axis=0, prepend=start).T)
    days = panel.dates[row].strftime("%Y-%m-%d").to_numpy()
    edges = np.searchsorted(asset, np.arange(len(panel.assets) + 1))
    return {
        name: tuple(days[first:end].tolist())
        for name, first, end in zip(panel.assets, edges[:-1], edges[1:], strict=True)
    }


def describe_changed_membership(before: Flips | None, now: Flips, last: pd.Timestamp) -> Iterator[str]:
    """Yield a sentence if the universe up to a date differs from what was recorded.

    Parameters
    ----------
    before : Flips or None
        As recorded; None if the version was recorded without looking at the universe, and is not compared.
    now : Flips
    last : Timestamp
        Last date to compare.
    """
    if before is None or (not before and not now):
        return
    if not before or not now:
        yield f"the universe is {'new in' if now else 'gone from'} the source"
        return
    until = f"{last:%Y-%m-%d}"
    first: dict[str, str] = {}
    for name in (*before, *(each for each in now if each not in before)):
        differ = set(before.get(name, ())) ^ set(now.get(name, ()))
        if past := [day for day in differ if day <= until]:
            first[name] = min(past)
    if first:
        name = min(first, key=lambda each: (first[each], each))
        was = sum(day <= first[name] for day in before.get(name, ())) % 2 == 1
        yield (
            f"membership in the universe has changed for {format_count(len(first), 'asset')} "
            f"({list_names(list(first), _NAMED)}): {name} on {first[name]} was "
            f"{'a member and is none' if was else 'no member and is one'}"
        )
