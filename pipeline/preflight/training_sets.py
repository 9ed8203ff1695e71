"""Training sets: numbers of dates and rows from which each fit along the walk learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from foundation.types import Ints
from pipeline.config import RunConfig
from validation.folds.walk_forward import WalkForward, inner_folds


@dataclass(frozen=True)
class Amount:
    """Numbers of training dates and rows, available or required."""

    dates: int
    rows: int

    def __str__(self) -> str:
        return f"{self.rows} row{'s' * (self.rows != 1)} of {self.dates} date{'s' * (self.dates != 1)}"

    def covers(self, need: Amount) -> bool:
        """Whether both numbers are sufficient."""
        return self.dates >= need.dates and self.rows >= need.rows


@dataclass(frozen=True)
class _Fits:
    """Fits of one model that begin at every `stride`-th row: its refits, or the searches of its tuning.

    `need` is what each of them needs for its `n_features`.
    """

    what: str
    stride: int | None
    splits: int | None
    n_features: int
    need: Amount

    def starts(self, first: int, n_dates: int) -> range:
        """Return the rows at which they begin."""
        return range(first, n_dates if self.stride else first + 1, self.stride or 1)


@dataclass(eq=False)
class TrainingSets:
    """Training sets of the fits along the walk.

    Attributes
    ----------
    walk : WalkForward
    counts : ndarray of int, shape (T,)
        Usable rows of each date.
    fits : tuple of _Fits
    """

    walk: WalkForward
    counts: Ints
    fits: tuple[_Fits, ...]
    known: dict[tuple[int, int | None, Amount], Amount] = field(default_factory=dict)

    def least(self, start: int, fits: _Fits) -> Amount:
        """Return the first insufficient training set of a fit that begins at a row, or else the first of all."""
        key = start, fits.splits, fits.need
        if key not in self.known:
            sets = _training_sets(self.walk, start, self.counts, fits.splits)
            amounts = [Amount(len(dates), int(self.counts[dates].sum())) for dates in sets]
            short = [amount for amount in amounts if not amount.covers(fits.need)]
            self.known[key] = (short or amounts or [Amount(0, 0)])[0]
        return self.known[key]

    def short(self, first: int) -> Iterator[tuple[_Fits, int]]:
        """Yield the fits with too little data and the rows at which they begin, if tests begin at row `first`."""
        for fits in self.fits:
            for start in fits.starts(first, len(self.counts)):
                if not self.least(start, fits).covers(fits.need):
                    yield fits, start

    def suffices(self, first: int) -> bool:
        """Whether every fit has enough data if tests begin at row `first`."""
        return next(self.short(first), None) is None

    def first_that_works(self, begin: int, config: RunConfig) -> int | None:
        """Return the first row from `begin` on at which tests may begin; None if there is none."""
        # If tests began in the last rows, nothing would be left to evaluate.
        rows = range(begin, len(self.counts) - 1 - config.target.execution_lag)
        return next((row for row in rows if self.suffices(row)), None)

    def first_short(self, first: int) -> tuple[_Fits, int]:
        """Return the first fit with too little data."""
        return min(self.short(first), key=lambda item: item[1])


def list_fits(config: RunConfig, n_features: int, need: Callable[[int], Amount]) -> tuple[_Fits, ...]:
    """Return the refits of each model, and the searches of tuned models; of alike ones those with most features.

    Parameters
    ----------
    config : RunConfig
    n_features : int
        Of a model that sees all.
    need : callable
        Returns what a fit needs for a number of features.
    """
    most: dict[tuple[int | None, int | None], _Fits] = {}
    for name, section in config.fitted_models().items():
        seen = section.count_features(n_features)
        every = section.refit_every or config.walk_forward.refit_every
        of_model = [_Fits(f"the fit of model {name}", every, None, seen, need(seen))]
        if (tuning := section.tuning) is not None:
            what = f"the tuning of model {name}"
            of_model.append(_Fits(what, tuning.every, tuning.splits, seen, need(seen)))
        for fits in of_model:
            known = most.get((fits.stride, fits.splits))
            if known is None or known.n_features < seen:
                most[fits.stride, fits.splits] = fits
    return tuple(most.values())


def _training_sets(walk: WalkForward, start: int, counts: Ints, splits: int | None) -> Iterator[Ints]:
    """Yield the dates with a usable row of the fit that begins at a row, or of the blocks inside it."""
    dates = walk.training_rows(start)
    dates = dates[counts[dates] > 0]
    if splits is None:
        yield dates
        return
    for fold in inner_folds(dates, walk.ends[dates], splits):
        yield fold.train
