"""Append dates to a matrix: bit for bit the matrix of a full build, computing only the new dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from features.building import build_matrix, lookahead_error
from features.engine.build import arrange, compute_rows, compute_series, default_workers
from features.engine.column_kernels import differ_bitwise
from features.engine.context import BuildContext, Past
from features.engine.inputs import Inputs, check_losses
from features.engine.resolution import make_recipe
from features.matrix import FeatureMatrix
from features.spec import FeatureError, FeatureSpec
from foundation.types import Floats
from market.panel import Panel


def append_dates(
    matrix: FeatureMatrix,
    panel: Panel,
    catalogue: Mapping[str, FeatureSpec] | None = None,
    *,
    workers: int | None = None,
) -> FeatureMatrix:
    """Return the matrix of a panel that continues that of `matrix`; only its new dates are computed.

    The result is that of `build_matrix`, bit for bit. The last date of the old matrix is computed again. A feature
    whose value then differs looks further back than its lookback says. It and its dependents are computed from the
    first date on (`FeatureMatrix.recomputed`).

    Parameters
    ----------
    matrix : FeatureMatrix
        Stays valid; the new matrix may share its memory.
    panel : Panel
        The panel of `matrix` with later dates appended.
    catalogue : mapping of str to FeatureSpec, optional
        The features of `matrix`; by default all registered ones.
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
    whole = make_recipe(panel, history.include, history.exclude, catalogue)
    inputs = Inputs(panel, set(whole.dated))
    seen = history.check(inputs, whole, n_old)
    check_losses(panel, n_old)
    buffer = matrix.buffer.extend_rows(n_old, n_dates)
    try:
        context = BuildContext(inputs, whole, frozenset(), buffer.array, dict(inputs.series))
        past, failed, again = _append_rows(matrix, context, catalogue, workers)
        buffer.write_header()
    except BaseException:
        buffer.release_rows(n_old, n_dates)
        raise
    return replace(
        matrix,
        values=buffer.array[:n_dates, :, : len(matrix.names)],
        history=replace(history, seen=seen, digests={}, past=past, deep=history.deep | failed),
        buffer=buffer,
        recomputed=tuple(name for name in matrix.names if name in again),
    )


def _append_rows(
    matrix: FeatureMatrix,
    context: BuildContext,
    catalogue: Mapping[str, FeatureSpec] | None,
    workers: int | None,
) -> tuple[Past, set[str], set[str]]:
    """Write the new dates.

    Returns
    -------
    past : Past
        State that later dates need.
    failed : set of str
        Features that look further back than their lookback says.
    again : set of str
        Features that were computed from the first date on: the failed ones, earlier failures, and their dependents.
    """
    whole, history, panel = context.recipe, matrix.history, context.inputs.panel
    n_old, n_dates = len(matrix.values), len(panel.dates)
    again = whole.dependents_of(history.deep)
    context = replace(context, recipe=arrange(whole, panel, history.deep).drop_steps(again))
    compute_series(context)
    _check_past(matrix, {step.name: context.series[step.name] for step in context.recipe.steps_of("series")})
    past, failed = compute_rows(context, history.past, n_old, workers or default_workers())
    again |= whole.dependents_of(failed)
    if again:
        full = build_matrix(panel, tuple(again), (), catalogue, workers=workers)
        columns = {name: full.column(name) for name in full.names}
        _check_past(matrix, columns)
        for name in again & set(matrix.names):
            context.out[n_old:n_dates, :, matrix.names.index(name)] = columns[name][n_old:]
    return past, failed, again


def _check_past(matrix: FeatureMatrix, columns: Mapping[str, Floats]) -> None:
    """Raise if features (T,) or (T, N), computed over all dates, differ from the matrix in the past."""
    n_old = len(matrix.values)
    for name in columns.keys() & set(matrix.names):
        now = columns[name][:n_old].astype(matrix.values.dtype)
        before = matrix.column(name)
        if before.size and differ_bitwise(before[:, 0] if now.ndim == 1 else before, now):
            raise lookahead_error({name})
