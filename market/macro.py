"""Macro series with two clocks: the period that a value describes, and the moment from which it was known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from foundation.types import Floats
from market.errors import IntegrityError


def freeze_array(values: object) -> Floats:
    """Return a C-ordered, read-only float64 copy of `values`."""
    array = np.array(values, dtype=np.float64, order="C")
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class MacroSeries:
    """One macro or alternative series with its two clocks.

    Attributes
    ----------
    name : str
        Name of the input of features.
    values : ndarray of shape (n,)
        Observations, in the unit that the source documents.
    observed_at : DatetimeIndex of length n
        End of the period that each observation describes.
    known_at : DatetimeIndex of length n
        First moment at which each observation could be used, sorted.
    max_age_days : int
        For an older observation `at` gives NaN, so that a series that has ended is not read as constant for ever.
    """

    name: str
    values: Floats
    observed_at: pd.DatetimeIndex
    known_at: pd.DatetimeIndex
    max_age_days: int

    def __post_init__(self) -> None:
        """Check that the clocks are possible."""
        object.__setattr__(self, "values", freeze_array(self.values))
        if not len(self.values) == len(self.observed_at) == len(self.known_at):
            raise IntegrityError(f"macro series {self.name!r}: values and clocks differ in length")
        if not (self.known_at.is_monotonic_increasing and self.observed_at.is_monotonic_increasing):
            raise IntegrityError(f"macro series {self.name!r}: its dates are not sorted")
        if (self.known_at < self.observed_at).any():
            raise IntegrityError(f"macro series {self.name!r}: known before the end of its period")

    def at(self, dates: pd.DatetimeIndex) -> Floats:
        """Return the newest value known at the close of each date, NaN where there is none.

        Parameters
        ----------
        dates : DatetimeIndex of length T

        Returns
        -------
        ndarray of shape (T,)
        """
        newest = self.known_at.searchsorted(dates, side="right") - 1
        out = np.full(len(dates), np.nan)
        known = newest >= 0
        age = (dates[known] - self.observed_at[newest[known]]).days
        out[known] = np.where(age <= self.max_age_days, self.values[newest[known]], np.nan)
        return out

    def known_by(self, date: pd.Timestamp) -> MacroSeries:
        """Return the part of the series known at the close of `date`."""
        n = int(self.known_at.searchsorted(date, side="right"))
        return replace(
            self, values=self.values[:n], observed_at=self.observed_at[:n], known_at=self.known_at[:n]
        )
