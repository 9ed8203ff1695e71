"""Build a matrix: features of a panel, computed in the order of their dependencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from features.engine.buffer import MatrixBuffer
from features.engine.build import TOGETHER, arrange, compute_rows, compute_series, default_workers
from features.engine.column_kernels import differ_bitwise
from features.engine.context import BuildContext, Past
from features.engine.history import History, collect_arrays, make_signature
from features.engine.inputs import Inputs, check_losses, select_assets
from features.engine.resolution import make_recipe
from features.matrix import FeatureMatrix
from features.spec import SEVERAL, STAGES, FeatureError, FeatureSpec
from market.panel import Panel


def build_matrix(
    panel: Panel,
    include: Sequence[str] = STAGES,
    exclude: Sequence[str] = (),
    catalogue: Mapping[str, FeatureSpec] | None = None,
    *,
    dtype: DTypeLike = np.float64,
    extra: int = 0,
    out: Path | None = None,
    workers: int | None = None,
) -> FeatureMatrix:
    """Compute features.

    Parameters
    ----------
    panel : Panel
    include : sequence of str
        Stages or features; by default all.
    exclude : sequence of str
        Stages or features to leave out; it wins over `include`. Inputs of other features are computed anyway.
    catalogue : mapping of str to FeatureSpec, optional
        All features; by default those of this package and all others that were registered.
    dtype : float64 or float32
        Type of the matrix. Everything is computed in double precision, and rounded once when it is written.
    extra : int
        Columns to reserve behind the features, for `FeatureMatrix.join_columns`.
    out : Path, optional
        A .npy file to write the matrix to, which may be larger than memory; by default it is in memory.
    workers : int, optional
        Threads; by default as many as there are processors. The values are the same for any number.

    Returns
    -------
    FeatureMatrix

    Raises
    ------
    FeatureError
        If a name in `include` or `exclude` or an input of a feature is unknown, features depend on each other
        in a circle, a feature selected by name needs data that the panel lacks, the panel has the data for none of the
        features, or a feature fails, is infinite, has the wrong shape, changes when later dates are added, or is
        falsely declared to see one asset.
    """
    if np.dtype(dtype) not in (np.float64, np.float32):
        raise FeatureError(f"dtype is {np.dtype(dtype)}, expected float64 or float32")
    include, exclude = tuple(include), tuple(exclude)
    recipe = make_recipe(panel, include, exclude, catalogue)
    check_losses(panel)
    n_dates, n_assets = panel.returns.shape
    buffer = MatrixBuffer.allocate(n_dates, n_assets, len(recipe.columns) + extra, dtype, out)
    inputs = Inputs(panel, set(recipe.dated))
    context = BuildContext(inputs, recipe, frozenset(), buffer.array, dict(inputs.series))
    compute_series(context)
    context, past = _compute_all(context, workers or default_workers())
    matrix = _make_matrix(context, past, buffer, include, exclude)
    if n_assets > TOGETHER:
        check_single_assets(matrix, panel, catalogue)
    return matrix


def _make_matrix(
    context: BuildContext,
    past: Past,
    buffer: MatrixBuffer,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
) -> FeatureMatrix:
    """Return the matrix of a computation that is complete."""
    inputs, recipe, panel = context.inputs, context.recipe, context.inputs.panel
    steps = {step.name: step for step in recipe.steps}
    common = [name in context.series or past.tails[name].ndim == 1 for name in recipe.columns]
    return FeatureMatrix(
        values=buffer.array[: len(panel.dates), :, : len(recipe.columns)],
        names=recipe.columns,
        stages=tuple(steps[name].spec.stage for name in recipe.columns),
        warm=tuple(steps[name].warm for name in recipe.columns),
        common=np.array(common, dtype=np.bool_),
        missing=recipe.missing,
        history=History(
            include=include,
            exclude=exclude,
            assets=panel.assets,
            year=panel.periods_per_year,
            seen=collect_arrays(inputs, recipe),
            digests={},
            signature=make_signature(recipe),
            deep=context.deep,
            past=past.trim(recipe.history()),
        ),
        buffer=buffer,
    )


def check_single_assets(
    matrix: FeatureMatrix, panel: Panel, catalogue: Mapping[str, FeatureSpec] | None = None
) -> None:
    """Refuse features that are declared to see one asset, and change when other assets are left out.

    The two assets with the longest past are computed again without the others.

    Parameters
    ----------
    matrix : FeatureMatrix
    panel : Panel
        The panel of the matrix. With fewer than three assets there is nothing to leave out.
    catalogue : mapping of str to FeatureSpec, optional
        The features of `matrix`; by default all registered ones.

    Raises
    ------
    FeatureError
        Names the first such feature, and the asset and date at which it changes.
    """
    recipe = make_recipe(panel, matrix.names, (), catalogue)
    names = [step.name for step in recipe.steps_of("tile") if step.column >= 0]
    if len(panel.assets) < 3 or not names:
        return
    # In turned order, so that a function that looks at the first column of its array looks at another asset.
    assets = np.argsort(-panel.listed.sum(axis=0), kind="stable")[1::-1]
    kept = " and ".join(panel.assets[j] for j in assets)
    how = f"for {kept} without the other assets"
    advice = f"a feature that sees several belongs to stage {' or '.join(SEVERAL)}"
    try:
        alone = build_matrix(select_assets(panel, assets), names, (), catalogue, dtype=matrix.values.dtype)
    except FeatureError as error:
        raise FeatureError(f"{error}, computed {how}; {advice}") from error
    for name in alone.names:
        before, after = matrix.column(name)[:, assets], alone.column(name)
        if differ_bitwise(before, after):
            row, j = next(at for at in np.ndindex(before.shape) if differ_bitwise(before[at], after[at]))
            raise FeatureError(
                f"feature {name!r} of stage {alone.stages[alone.names.index(name)]} is declared to see one asset, but "
                f"its value of {panel.assets[assets[j]]} on {panel.dates[row]:%Y-%m-%d} was {before[row, j]:.17g} and "
                f"became {after[row, j]:.17g}, computed {how}; {advice}"
            )


def _compute_all(context: BuildContext, workers: int) -> tuple[BuildContext, Past]:
    """Compute all dates; a feature that looks further back than its lookback says is computed from row 0 on."""
    recipe = context.recipe
    while True:
        context = replace(context, recipe=arrange(recipe, context.inputs.panel, context.deep))
        past, failed = compute_rows(context, Past(), 0, workers)
        if not failed:
            return context, past
        if failed & context.deep:
            raise lookahead_error(failed & context.deep)
        context = replace(context, deep=context.deep | failed)


def lookahead_error(names: set[str]) -> FeatureError:
    """Return the error that names features whose past values change."""
    return FeatureError(
        f"{', '.join(repr(name) for name in sorted(names))}: the value of a past date is another when later dates "
        "are added; a feature may depend on data up to its date alone"
    )
