"""Design: the rows of a walk-forward as a linear model sees them, and their moments over any stretch of dates."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from foundation.types import Floats, Ints
from models.dataset import Rows
from models.errors import TrainingError
from models.walk_forward.moments import Moments, demean_by_date
from models.walk_forward.standardise import Standardiser

_ROWS_AT_ONCE = 1 << 15
"""Rows that are brought together at a time: enough for full speed of the matrix product, little memory."""


_MOST_HALVINGS = 1000
"""Half-lives that a walk may span: weights double with each, and double precision ends at 2 to the 1024."""


class Source(Protocol):
    """Source of the training rows of dates: a `Dataset`, or `Stacked` rows."""

    def training(self, positions: Ints) -> tuple[Floats, Floats, Rows]:
        """Return X (n, K), y (n,) and Rows, in the order of the dates."""


@dataclass(frozen=True, eq=False)
class Stacked:
    """Rows that are stacked already, in time order."""

    X: Floats
    y: Floats
    rows: Rows

    def training(self, positions: Ints) -> tuple[Floats, Floats, Rows]:
        """Return the rows of these dates."""
        some = np.isin(self.rows.date, positions)
        return self.X[some], self.y[some], self.rows[some]


def split_dates(dates: Ints, rows_a_date: int) -> Iterator[Ints]:
    """Cut dates into pieces of a bounded number of rows; where depends on the dates alone."""
    size = max(1, _ROWS_AT_ONCE // max(1, rows_a_date))
    for start in range(0, len(dates), size):
        yield dates[start : start + size]


@dataclass(frozen=True, eq=False)
class Design:
    """Conditioned training rows.

    Attributes
    ----------
    source : Source
    rows_a_date : int
        Most rows that a date can have.
    scaler : Standardiser
        Fixed for a stretch of folds: it clips and imputes, which sums of products cannot express. The exact
        standardisation of each fold follows from its moments.
    within_dates : bool
        Whether features and target are taken relative to their mean over the rows of the date.
    half_life : float, optional
        Dates (rows of the panel) after which a row counts half.
    origin : int
        Date whose rows count 1: weights of all rows may be scaled alike.
    """

    source: Source
    rows_a_date: int
    scaler: Standardiser
    within_dates: bool
    half_life: float | None = None
    origin: int = 0

    def rows(self, dates: Ints) -> tuple[Floats, Floats, Rows]:
        """Return Z (n, K), y (n,) and Rows, with their weights, of the training rows of these dates."""
        X, y, rows = self.source.training(dates)
        Z, weight = self.scaler.transform(X), self._weight(rows)
        if self.within_dates:
            Z, y = demean_by_date(Z, rows.date, weight), demean_by_date(y, rows.date, weight)
        return Z, y, Rows(rows.date, rows.end, rows.asset, weight)

    def moments(self, dates: Ints) -> Moments:
        """Return the moments of the training rows of these dates."""

        def one(piece: Ints) -> Moments:
            Z, y, rows = self.rows(piece)
            return Moments.of(Z, y, rows.weight)

        parts = list(split_dates(dates, self.rows_a_date))
        total = Moments.none(len(self.scaler.mean_))
        if len(parts) < 2:
            return sum(map(one, parts), start=total)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return sum(pool.map(one, parts), start=total)

    def _weight(self, rows: Rows) -> Floats | None:
        if self.half_life is None:
            return rows.weight
        age = (rows.date - self.origin) / self.half_life
        if len(age) and age[-1] > _MOST_HALVINGS:
            raise TrainingError(
                f"half_life is {self.half_life:g} dates, but the walk spans {int(rows.date[-1]) - self.origin}: the "
                f"first would count nothing beside the last; use at least "
                f"{-(-(int(rows.date[-1]) - self.origin) // _MOST_HALVINGS)}"
            )
        recency = np.exp2(age)
        return recency if rows.weight is None else recency * rows.weight


class RunningMoments:
    """Moments of stretches of training dates, as differences of sums that are accumulated once.

    Stretches must be requested in time order, so that the sums that are kept, and with them the rounding, depend on
    the past alone.

    Parameters
    ----------
    design : Design
    grid : ndarray of int
        All training dates of the walk, increasing; a stretch is a slice of it.
    start : int
        First position of the grid that will be requested.
    sums : mapping of int to Moments, optional
        Kept `sums` of an earlier walk, to continue from with the same bits.

    Attributes
    ----------
    sums : dict of int to Moments
        Sums from the first date on, up to places of the grid.
    """

    def __init__(
        self, design: Design, grid: Ints, start: int, sums: Mapping[int, Moments] | None = None
    ) -> None:
        self.design = design
        self.grid = grid
        self.sums = {start: Moments.none(len(design.scaler.mean_))} if sums is None else dict(sums)

    def between(self, start: int, stop: int) -> Moments:
        """Return the moments of the dates grid[start:stop]."""
        return self._sum_up_to(stop) - self._sum_up_to(start)

    def forget_except(self, *but: int) -> None:
        """Forget the sums up to all places but these."""
        self.sums = {place: self.sums[place] for place in but if place in self.sums}

    def _sum_up_to(self, place: int) -> Moments:
        if place not in self.sums:
            near = max(known for known in self.sums if known < place)
            self.sums[place] = self.sums[near] + self.design.moments(self.grid[near:place])
        return self.sums[place]
