"""Series with two clocks: the period that a value describes, and the moment from which it was known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from foundation.types import Floats
from market.as_of.evaluation import count_days, evaluate_at, is_plain
from market.errors import IntegrityError


def freeze_array(values: object) -> Floats:
    """Return a C-ordered, read-only float64 copy of `values`."""
    array = np.array(values, dtype=np.float64, order="C")
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class MacroSeries:
    """One macro or alternative series with its two clocks.

    Several records may describe the same period: they are vintages, of which the one that became known last counts.

    Attributes
    ----------
    name : str
        Name of the input of features.
    values : ndarray of shape (n,)
        Observations, in the unit that the source documents.
    observed_at : DatetimeIndex of length n
        End of the period that each observation describes.
    known_at : DatetimeIndex of length n
        First moment at which each observation could be used, sorted; of one moment, those of later periods come last.
    max_age_days : int
        For an older observation `at` gives NaN, so that a series that has ended is not read as constant for ever.
    transform : str
        What `at` gives of the observations (`market.as_of.expressions`), from those of one vintage: the growth known at
        a date compares the newest observation with an earlier one, both as they were known at that date.
    period_months : int
        Months in a period of a regular series; 0 for any other, whose earlier observations are found by their dates.
    """

    name: str
    values: Floats
    observed_at: pd.DatetimeIndex
    known_at: pd.DatetimeIndex
    max_age_days: int
    transform: str = "level"
    period_months: int = 0

    def __post_init__(self) -> None:
        """Check that the clocks are possible."""
        object.__setattr__(self, "values", freeze_array(self.values))
        if not len(self.values) == len(self.observed_at) == len(self.known_at):
            raise IntegrityError(f"macro series {self.name!r}: values and clocks differ in length")
        known, observed = self.known_at.asi8, self.observed_at.asi8
        falls = observed[1:] < observed[:-1]
        if not self.known_at.is_monotonic_increasing or (falls & (known[1:] == known[:-1])).any():
            raise IntegrityError(f"macro series {self.name!r}: its dates are not sorted")
        early = np.flatnonzero(self.known_at < self.observed_at)
        if len(early):
            about, since = self.observed_at[early[0]], self.known_at[early[0]]
            raise IntegrityError(
                f"macro series {self.name!r}: known before the end of its period: the value of {about:%Y-%m-%d} from"
                f" {since:%Y-%m-%d} on"
            )

    @property
    def extra(self) -> str:
        """Whatever a digest must cover beside values, clocks and age; empty for an observed level without periods."""
        return (
            ""
            if self.transform == "level" and not self.period_months
            else f"{self.transform}/{self.period_months}"
        )

    def at(self, dates: pd.DatetimeIndex, statistic: str = "level") -> Floats:
        """Return the newest value known at the close of each date, or a statistic of it; NaN where there is none.

        Parameters
        ----------
        dates : DatetimeIndex of length T
        statistic : str
            `level`: the transformed value. `change_N`: its change over N months, `zscore_N`: its standard score among
            those of the last N months, both from values of one vintage. `surprise`: by how much the last revision
            changed the newest value that it revised. `age`: days since the end of its period. `chain`: the sum of its
            changes so far, each within one vintage.

        Returns
        -------
        ndarray of shape (T,)
        """
        if is_plain(self.transform, statistic):
            return self._newest(dates)
        return evaluate_at(
            count_days(dates),
            count_days(self.known_at),
            count_days(self.observed_at),
            self.values,
            max_age=self.max_age_days,
            period=self.period_months,
            transform=self.transform,
            statistic=statistic,
        )

    def _newest(self, dates: pd.DatetimeIndex) -> Floats:
        about = self.observed_at.asi8
        # A record of an earlier period than those known before changes nothing.
        counted = np.flatnonzero(about >= np.maximum.accumulate(about)) if len(about) else np.arange(0)
        newest = self.known_at[counted].searchsorted(dates, side="right") - 1
        out = np.full(len(dates), np.nan)
        known = newest >= 0
        records = counted[newest[known]]
        age = (dates[known] - self.observed_at[records]).days
        out[known] = np.where(age <= self.max_age_days, self.values[records], np.nan)
        return out

    def known_by(self, date: pd.Timestamp) -> MacroSeries:
        """Return the part of the series known at the close of `date`."""
        n = int(self.known_at.searchsorted(date, side="right"))
        return self.first_records(n)

    def first_records(self, n: int) -> MacroSeries:
        """Return the first `n` records, in the order in which they became known."""
        return replace(
            self, values=self.values[:n], observed_at=self.observed_at[:n], known_at=self.known_at[:n]
        )
