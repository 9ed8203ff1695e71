"""Records of membership and of delistings, with the dates from which each was known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from foundation.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Changes:
    """Beginnings and ends of membership.

    Attributes
    ----------
    asset : ndarray of int, shape (R,)
        Position of each record's asset in `Membership.assets`.
    at : DatetimeIndex of length R
        First date of the new state.
    known_at : DatetimeIndex of length R
        First close at which the record counts: not before `at`, since an announcement makes nobody a member.
    member : ndarray of bool, shape (R,)
        Whether the asset is a member from then on.
    """

    asset: Ints
    at: pd.DatetimeIndex
    known_at: pd.DatetimeIndex
    member: Bools

    def known_by(self, date: pd.Timestamp) -> Changes:
        """Return the records known at the close of `date`."""
        kept = np.asarray(self.known_at <= date)
        return Changes(self.asset[kept], self.at[kept], self.known_at[kept], self.member[kept])


@dataclass(frozen=True, eq=False)
class Delistings:
    """What holders of assets got when these ended; one record per asset at most.

    Attributes
    ----------
    asset : ndarray of int, shape (D,)
    at : DatetimeIndex of length D
    value : ndarray of shape (D,)
        Simple return from the last price, a fraction; -1 is a total loss.
    """

    asset: Ints
    at: pd.DatetimeIndex
    value: Floats

    def known_by(self, date: pd.Timestamp) -> Delistings:
        """Return the records known at the close of `date`."""
        kept = np.asarray(self.at <= date)
        return Delistings(self.asset[kept], self.at[kept], self.value[kept])


@dataclass(frozen=True, eq=False)
class Membership:
    """Who could be held when, as it was known.

    Attributes
    ----------
    source : str
        File, as messages call it.
    assets : tuple of str
        Names in the files; they need not be those of a panel.
    changes : Changes
    delistings : Delistings or None
        None if no delisting returns were given.
    """

    source: str
    assets: tuple[str, ...]
    changes: Changes
    delistings: Delistings | None

    def known_by(self, date: pd.Timestamp) -> Membership:
        """Return what was known at the close of `date`."""
        ended = None if self.delistings is None else self.delistings.known_by(date)
        return replace(self, changes=self.changes.known_by(date), delistings=ended)

    def at(self, dates: pd.DatetimeIndex, assets: Sequence[str]) -> Bools:
        """Return who is a member at the close of each date, as known there; shape (T, N).

        Among the records that are known the one that begins last counts, of one date the one that became known last.
        One that becomes known after another that begins later changes nothing. An asset without a record is no member.

        Parameters
        ----------
        dates : DatetimeIndex of length T
        assets : sequence of str, length N
        """
        out = np.zeros((len(dates), len(assets)), dtype=np.bool_)
        changes = self.changes
        # Where an end and a beginning share both dates, the asset stays a member.
        order = np.lexsort((changes.member, changes.at.asi8, changes.known_at.asi8, changes.asset))
        edges = np.searchsorted(changes.asset[order], np.arange(len(self.assets) + 1))
        place = {name: position for position, name in enumerate(self.assets)}
        for column, name in enumerate(assets):
            if name in place:
                mine = order[edges[place[name]] : edges[place[name] + 1]]
                out[:, column] = _follow(changes, mine, dates)
        return out


def _follow(changes: Changes, records: Ints, dates: pd.DatetimeIndex) -> Bools:
    """Return the state after the records of one asset, in the order in which they became known, shape (T,)."""
    if not len(records):
        return np.zeros(len(dates), dtype=np.bool_)
    at = changes.at[records].asi8
    counts = records[at >= np.maximum.accumulate(at)]
    newest = changes.known_at[counts].searchsorted(dates, side="right") - 1
    return np.asarray((newest >= 0) & changes.member[counts][np.maximum(newest, 0)])
