"""Appending dates to a matrix: the bits of a matrix that was built whole, for the price of the new dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from features.engine.build import compute, compute_series, default_workers
from features.engine.column_kernels import differs
from features.engine.context import Past, Work
from features.engine.inputs import Inputs, check_losses
from features.engine.recipe import with_kinds
from features.matrix import FeatureMatrix, build, looks_ahead, recipe_for
from features.spec import FeatureError, FeatureSpec
from foundation.types import Floats
from market.panel import Panel


def append(
    matrix: FeatureMatrix,
    panel: Panel,
    catalogue: Mapping[str, FeatureSpec] | None = None,
    *,
    workers: int | None = None,
) -> FeatureMatrix:
    """Return the matrix of a panel that goes on where that of `matrix` ended, computing its new dates alone.

    The result is that of `build`, bit for bit. The last date of the old matrix is computed once more: a feature
    for which it comes out differently looks further back than its lookback says, and is computed from the first
    date on, with all that is made of it (`FeatureMatrix.recomputed`).

    Parameters
    ----------
    matrix : FeatureMatrix
        It stays valid; the new one may share its memory.
    panel : Panel
        The panel that `matrix` was made from, and more dates.
    catalogue : mapping of str to FeatureSpec, optional
        The features that `matrix` was made of; by default all that are registered.
    workers : int, optional

    Raises
    ------
    FeatureError
        If the panel's past, its assets or the features are not those of the matrix, a feature fails, or a feature
        of a past date changes with the dates that were added.
    """
    history = matrix.history
    n_old, n_dates = len(matrix.values), len(panel.dates)
    if n_dates < n_old:
        raise FeatureError(f"panel {panel.name!r} has {n_dates} dates, the matrix has {n_old} already")
    whole = recipe_for(panel, history.include, history.exclude, catalogue)
    inputs = Inputs(panel, set(whole.macro))
    seen = history.check(inputs, whole, n_old)
    check_losses(panel, n_old)
    room = matrix.room.longer(n_old, n_dates)
    try:
        work = Work(inputs, whole, frozenset(), room.array, dict(inputs.series))
        past, failed, again = _written(matrix, work, catalogue, workers)
        room.settled()
    except BaseException:
        room.given_back(n_old, n_dates)
        raise
    return replace(
        matrix,
        values=room.array[:n_dates, :, : len(matrix.names)],
        history=replace(history, seen=seen, digests={}, past=past, deep=history.deep | failed),
        room=room,
        recomputed=tuple(name for name in matrix.names if name in again),
    )


def _written(
    matrix: FeatureMatrix, work: Work, catalogue: Mapping[str, FeatureSpec] | None, workers: int | None
) -> tuple[Past, set[str], set[str]]:
    """Write the new dates.

    Returns
    -------
    past : Past
        What the dates after these need.
    failed : set of str
        Features that were seen to look further back than they say.
    again : set of str
        Features that were computed from the first date on: those, those known before, and what is made of them.
    """
    whole, history, panel = work.recipe, matrix.history, work.inputs.panel
    n_old, n_dates = len(matrix.values), len(panel.dates)
    again = whole.made_of(history.deep)
    work = replace(work, recipe=with_kinds(whole, history.kinds).without(again))
    compute_series(work)
    _same_past(matrix, {step.name: work.series[step.name] for step in work.recipe.of("series")})
    past, failed = compute(work, history.past, n_old, workers or default_workers())
    again |= whole.made_of(failed)
    if again:
        full = build(panel, tuple(again), (), catalogue, workers=workers)
        columns = {name: full.column(name) for name in full.names}
        _same_past(matrix, columns)
        for name in again & set(matrix.names):
            work.out[n_old:n_dates, :, matrix.names.index(name)] = columns[name][n_old:]
    return past, failed, again


def _same_past(matrix: FeatureMatrix, columns: Mapping[str, Floats]) -> None:
    """Refuse features (T,) or (T, N), computed over all dates, of which past values are not those of the matrix."""
    n_old = len(matrix.values)
    for name in columns.keys() & set(matrix.names):
        now = columns[name][:n_old].astype(matrix.values.dtype)
        before = matrix.column(name)
        if before.size and differs(before[:, 0] if now.ndim == 1 else before, now):
            raise looks_ahead({name})
