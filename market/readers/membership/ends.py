"""Ends of assets: the row of each delisting, and what its holders earn there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from market.panel import Panel
from market.readers.membership.records import Membership


@dataclass(frozen=True)
class End:
    """The delisting of an asset.

    Attributes
    ----------
    row : int
        Row of the panel from which on the asset is delisted.
    earned : float
        Simple return of that row: the delisting return, after those of the days of the row before it.
    has_returns_before : bool
        Whether the row's own return is that of the days before the delisting: they were merged into it.
    """

    row: int
    earned: float
    has_returns_before: bool


def find_ends(panel: Panel, membership: Membership, unmerged: Panel | None = None) -> dict[int, End]:
    """Return the delistings of assets of the panel that ended in it, by column.

    An asset ends on the first day from its date of delisting on that has no price.

    Parameters
    ----------
    panel : Panel
    membership : Membership
        With delistings.
    unmerged : Panel, optional
        The panel with a row for each day, if its rows are longer.
    """
    found = {}
    days = panel if unmerged is None else unmerged
    delistings, listed = membership.delistings, days.listed
    columns, places = ({name: n for n, name in enumerate(each.assets)} for each in (panel, days))
    assert delistings is not None  # noqa: S101  the caller has looked
    for asset, date, value in zip(delistings.asset.tolist(), delistings.at, delistings.value, strict=True):
        name = membership.assets[asset]
        if name not in columns or name not in places:
            continue
        own = listed[:, places[name]]
        begin = int(days.dates.searchsorted(date, side="left"))
        free = np.flatnonzero(~own[begin:])
        if not len(free) or not own[: begin + int(free[0])].any():
            continue
        day = days.dates[begin + int(free[0])]
        row, column = int(panel.dates.searchsorted(day, side="left")), columns[name]
        if row < len(panel.dates):
            found[column] = _make_end(panel, unmerged, row, column, day, float(value))
    return found


def _make_end(
    panel: Panel, unmerged: Panel | None, row: int, column: int, day: pd.Timestamp, value: float
) -> End:
    """Return the end of an asset on a day of a row."""
    if unmerged is None or not np.isfinite(panel.returns[row, column]):
        return End(row, value, has_returns_before=False)
    dates, own = unmerged.dates, unmerged.returns[:, unmerged.assets.index(panel.assets[column])]
    inside = dates <= panel.dates[row]
    if row:
        inside = inside & (dates > panel.dates[row - 1])
    if np.isfinite(own[inside & (dates > day)]).any():  # prices of another asset that took the name
        before = float(np.prod(1.0 + np.nan_to_num(own[inside & (dates < day)])))
        return End(row, before * (1.0 + value) - 1.0, has_returns_before=False)
    return End(row, (1.0 + float(panel.returns[row, column])) * (1.0 + value) - 1.0, has_returns_before=True)
