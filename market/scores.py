"""The user's scores of assets, with two clocks: the date a score describes, and the date it became known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.types import Floats, Ints
from market.errors import IntegrityError


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores as they were published.

    Attributes
    ----------
    name : str
        Name of the table in messages.
    assets : tuple of str, length N
    asset : ndarray of int, shape (R,)
        Which asset each record is about.
    observed_at, known_at : DatetimeIndex of length R
        The date that a score describes, and the first close at which it was known.
    value : ndarray of shape (R,)
    max_age_days : int
        Days from `observed_at` after which a score expires.

    Raises
    ------
    IntegrityError
        If a score was known before its date, is infinite or appears twice.
    """

    name: str
    assets: tuple[str, ...]
    asset: Ints
    observed_at: pd.DatetimeIndex
    known_at: pd.DatetimeIndex
    value: Floats
    max_age_days: int

    def __post_init__(self) -> None:
        """Check the records."""

        def refuse(wrong: NDArray[np.bool_], what: str) -> None:
            if wrong.any():
                row = int(np.flatnonzero(wrong)[0])
                asset, date = self.assets[self.asset[row]], self.observed_at[row]
                raise IntegrityError(f"{self.name}: the score of {asset!r} of {date:%Y-%m-%d} {what}")

        refuse(np.asarray(self.known_at < self.observed_at), "was known before its date")
        refuse(~np.isfinite(self.value), "is not a finite number")
        keys = pd.DataFrame({"asset": self.asset, "date": self.observed_at, "known": self.known_at})
        refuse(keys.duplicated().to_numpy(), "appears twice, known from the same date")

    def at(self, dates: pd.DatetimeIndex) -> Floats:
        """Return the scores known at the close of each date, NaN where there is none, shape (T, N).

        The score of the latest date counts, of one date the latest version, if it is not too old. A score of an earlier
        date that comes late changes nothing.

        Parameters
        ----------
        dates : DatetimeIndex of length T
        """
        out = np.full((len(dates), len(self.assets)), np.nan)
        order = np.lexsort((self.observed_at.asi8, self.known_at.asi8, self.asset))
        for i in range(len(self.assets)):
            mine = order[self.asset[order] == i]
            about = self.observed_at[mine].asi8
            mine = mine[about >= np.maximum.accumulate(about)] if len(mine) else mine
            newest = self.known_at[mine].searchsorted(dates, side="right") - 1
            known = newest >= 0
            records = mine[newest[known]]
            age = (dates[known] - self.observed_at[records]).days
            out[known, i] = np.where(age <= self.max_age_days, self.value[records], np.nan)
        return out

    def known_by(self, date: pd.Timestamp) -> ScoreTable:
        """Return the records known at the close of `date`."""
        kept = np.asarray(self.known_at <= date)
        return replace(
            self,
            asset=self.asset[kept],
            observed_at=self.observed_at[kept],
            known_at=self.known_at[kept],
            value=self.value[kept],
        )
