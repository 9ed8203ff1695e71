"""Candidates: the linear models that a fold chooses among, from moments or from rows, and their losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from foundation.types import Floats, Ints
from models.walk_forward.design import Design, RunningMoments
from models.walk_forward.moments import FLAT, Gram, Moments, Standardised
from models.walk_forward.standardise import invert_scale
from validation.folds.walk_forward import inner_folds


@dataclass(frozen=True, eq=False)
class Candidates:
    """Linear models of one training window, in the unit of the conditioned features.

    Attributes
    ----------
    settings : ndarray of shape (P,)
        Penalties, or the number of the only feature in use.
    coefficients : ndarray of shape (K, P)
    intercepts : ndarray of shape (P,)
    scale : ndarray of shape (K,)
        Standard deviation of each feature in the window.
    n : int
        Training rows.
    """

    settings: Floats
    coefficients: Floats
    intercepts: Floats
    scale: Floats
    n: int


class _PathModel(Protocol):
    """A family of linear models, computed for all its settings at once."""

    @property
    def within_dates(self) -> bool:
        """Whether only differences within dates are modelled."""

    def settings(self, gram: Gram) -> Floats:
        """Return the settings to try, shape (P,), the humblest first."""

    def path(self, gram: Gram, settings: Floats) -> Floats:
        """Return coefficients of standardised features, shape (K, P), from moments."""

    def path_of_rows(self, Z: Floats, y: Floats, settings: Floats) -> Floats:
        """Return the same from standardised rows (n, K): for more features than rows."""


def _solve_moments(model: _PathModel, moments: Moments, settings: Floats | None = None) -> Candidates:
    """Return the candidates of a training window given by its moments."""
    standard = Standardised.of(moments, intercept=not model.within_dates)
    tried = model.settings(standard.gram) if settings is None else settings
    return _make_candidates(standard, model.path(standard.gram, tried), tried)


def _solve_rows(
    model: _PathModel, Z: Floats, y: Floats, weight: Floats | None, settings: Floats | None = None
) -> Candidates:
    """Return the candidates of a training window given by its rows, without a (K, K) matrix."""
    n = len(y)
    share = np.full(n, 1.0) if weight is None else weight * (n / weight.sum())
    intercept = not model.within_dates
    centre = share @ Z / n if intercept else np.zeros(Z.shape[1])
    level = float(share @ y / n) if intercept else 0.0
    centred = Z - centre
    variance = share @ (centred * centred) / n
    scale = np.where(variance > FLAT, np.sqrt(variance), 0.0)
    root = np.sqrt(share)
    rows = centred * invert_scale(scale) * root[:, None]
    target = (y - level) * root
    summary = Gram(np.zeros((0, 0)), rows.T @ target / n, n)
    tried = model.settings(summary) if settings is None else settings
    standard = Standardised(summary, centre, scale, level)
    return _make_candidates(standard, model.path_of_rows(rows, target, tried), tried)


def _make_candidates(standard: Standardised, path: Floats, settings: Floats) -> Candidates:
    coefficients, intercepts = standard.unscale(path)
    return Candidates(settings, coefficients, intercepts, standard.scale, standard.gram.n)


class Window:
    """Candidates of training windows along a grid of dates, whichever way is the faster.

    Parameters
    ----------
    design : Design
    grid : ndarray of int
        Training dates; windows are slices of it, requested in time order.
    start : int
        First position of the grid that will be requested.
    wide : bool
        More features than rows: work on the rows of each window, not on sums.
    sums : mapping of int to Moments, optional
        Running sums of an earlier walk, to continue from.
    """

    def __init__(
        self, design: Design, grid: Ints, start: int, *, wide: bool, sums: Mapping[int, Moments] | None = None
    ) -> None:
        self.design = design
        self.grid = grid
        self.wide = wide
        self.running = RunningMoments(design, grid, start, sums)

    def moments(self, start: int, stop: int) -> Moments | None:
        """Return the moments of grid[start:stop], or None if rows are to be used."""
        return None if self.wide else self.running.between(start, stop)

    def candidates(
        self,
        model: _PathModel,
        start: int,
        stop: int,
        moments: Moments | None,
        settings: Floats | None = None,
    ) -> Candidates:
        """Return the candidates of the window grid[start:stop]; safe to call from threads."""
        if moments is not None:
            return _solve_moments(model, moments, settings)
        Z, y, rows = self.design.rows(self.grid[start:stop])
        return _solve_rows(model, Z, y, rows.weight, settings)

    def inner_losses(
        self, model: _PathModel, settings: Floats, start: int, stop: int, ends: Ints, n_splits: int
    ) -> Floats:
        """Return the squared error of each candidate over purged blocks inside the window, shape (P,).

        Each block is forecast by a fit to the dates of the window before it whose labels had ended.

        Parameters
        ----------
        model : PathModel
        settings : ndarray of shape (P,)
        start, stop : int
        ends : ndarray of int
            Row at which the label of each date of the grid ends.
        n_splits : int
        """
        losses = np.zeros(len(settings))
        dates = self.grid[start:stop]
        for fold in inner_folds(dates, ends[start:stop], n_splits):
            first = start + int(np.searchsorted(dates, fold.test[0]))
            # Labels end in the order of their dates; should they not, the dates from the first late one on are purged.
            known = start + int(np.argmax(ends[start:first] >= fold.test[0])) or first
            before = self.candidates(model, start, known, self.moments(start, known), settings)
            if self.wide:
                losses += self.loss_by_date(before, fold.test).sum(axis=0)
            else:
                block = self.running.between(first, first + len(fold.test))
                losses += block.squared_errors(before.coefficients, before.intercepts)
        return losses

    def loss_by_date(self, candidates: Candidates, dates: Ints) -> Floats:
        """Return the weighted squared error of each candidate on each date, shape (len(dates), P)."""
        losses = np.zeros((len(dates), len(candidates.settings)))
        Z, y, rows = self.design.rows(dates)
        first = np.searchsorted(rows.date, dates)
        last = np.searchsorted(rows.date, dates, side="right")
        for place, (i, j) in enumerate(zip(first, last, strict=True)):
            # One product per date: its rounding must not depend on the number of later dates.
            predicted = Z[i:j] @ candidates.coefficients + candidates.intercepts
            errors = (y[i:j, None] - predicted) ** 2
            losses[place] = errors.sum(axis=0) if rows.weight is None else rows.weight[i:j] @ errors
        return losses
