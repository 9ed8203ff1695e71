"""FeatureMatrix: the features of a panel, computed in the order of their dependencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from features.catalogue import catalogue as full_catalogue
from features.catalogue import dictionary, select_features, sort_specs
from features.engine.buffer import MatrixBuffer
from features.engine.build import TOGETHER, arrange, compute_rows, compute_series, default_workers
from features.engine.column_kernels import differ_bitwise
from features.engine.context import BuildContext, Past
from features.engine.history import History, collect_arrays, make_signature
from features.engine.inputs import Inputs, check_losses, select_assets
from features.engine.recipe import Recipe, resolve_recipe
from features.spec import SEVERAL, STAGES, FeatureError, FeatureSpec
from foundation.suggestions import suggest
from foundation.types import Floats
from market.panel import Panel

__all__ = ["FeatureMatrix", "build_matrix", "dictionary"]


@dataclass(frozen=True, eq=False)
class FeatureMatrix:
    """Features of all assets at all dates.

    Attributes
    ----------
    values : ndarray of shape (T, N, K)
        Read-only; C-ordered, unless columns are reserved behind them. Row t depends on data up to t alone. NaN
        before a column is warm, where a window is not full enough and, for a feature of an asset, where that
        asset is not listed.
    names : tuple of str, length K
        Sorted by stage and name.
    stages : tuple of str, length K
    warm : tuple of int, length K
        First row at which the windows of the feature and of its inputs lie inside the panel.
    common : ndarray of bool, shape (K,)
        Which columns are the same for all assets. They have values also where an asset is not listed.
    missing : dict of str to str
        Features that the panel lacks the data for, with the reason.
    history : History
        State that `features.appending.append_dates` needs.
    recomputed : tuple of str
        Features that the last `append` had to compute from the first date on, because they look further back
        than their lookback says.
    """

    values: Floats
    names: tuple[str, ...]
    stages: tuple[str, ...]
    warm: tuple[int, ...]
    common: NDArray[np.bool_]
    missing: dict[str, str]
    history: History
    buffer: MatrixBuffer = field(repr=False, metadata={"stored": False})
    recomputed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        self.values.setflags(write=False)
        self.common.setflags(write=False)

    def column(self, name: str) -> Floats:
        """Return one feature, (T, N), read-only.

        Raises
        ------
        FeatureError
            If the matrix has no such column.
        """
        if name not in self.names:
            why = f": {self.missing[name]}" if name in self.missing else suggest(name, self.names)
            raise FeatureError(f"the matrix has no feature {name!r}{why}")
        return self.values[:, :, self.names.index(name)]

    def join_columns(self, columns: Floats) -> Floats:
        """Return the features and further columns behind them, (T, N, K + n), read-only.

        The first call copies nothing if exactly n columns are reserved (`build_matrix(..., extra=n)`): it fills them.
        Any other call returns a new array.

        Parameters
        ----------
        columns : ndarray of shape (T, n) or (T, N, n)
        """
        columns = columns[:, None, :] if columns.ndim == 2 else columns
        n_dates, _, n_features = self.values.shape
        whole = self.buffer.array[:n_dates]
        if whole.shape[2] != n_features + columns.shape[2] or not self.buffer.take_reserve():
            whole = np.empty((*self.values.shape[:2], n_features + columns.shape[2]), self.values.dtype)
            whole[:, :, :n_features] = self.values
        whole[:, :, n_features:] = columns
        whole.setflags(write=False)
        return whole

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to store: the rows in use with their reserved columns, without spare rows."""
        state = dict(self.__dict__)
        state["values"] = self.buffer.array[: len(self.values)]
        del state["buffer"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a stored state without a copy."""
        whole = state["values"]
        values = whole[:, :, : len(state["names"])]
        self.__dict__.update(state, values=values, buffer=MatrixBuffer(whole, len(whole)))
        self.__post_init__()


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
    inputs = Inputs(panel, set(recipe.macro))
    context = BuildContext(inputs, recipe, frozenset(), buffer.array, dict(inputs.series))
    compute_series(context)
    context, past = _compute_all(context, workers or default_workers())
    steps = {step.name: step for step in context.recipe.steps}
    common = [name in context.series or past.tails[name].ndim == 1 for name in recipe.columns]
    matrix = FeatureMatrix(
        values=buffer.array[:n_dates, :, : len(recipe.columns)],
        names=recipe.columns,
        stages=tuple(steps[name].spec.stage for name in recipe.columns),
        warm=tuple(steps[name].warm for name in recipe.columns),
        common=np.array(common, dtype=np.bool_),
        missing=recipe.missing,
        history=History(
            include,
            exclude,
            panel.assets,
            panel.month,
            collect_arrays(inputs, recipe),
            {},
            make_signature(recipe),
            context.deep,
            past.trim(recipe.history()),
        ),
        buffer=buffer,
    )
    if n_assets > TOGETHER:
        check_single_assets(matrix, panel, catalogue)
    return matrix


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


def make_recipe(
    panel: Panel, include: Sequence[str], exclude: Sequence[str], catalogue: Mapping[str, FeatureSpec] | None
) -> Recipe:
    """Return the steps that compute the selected features."""
    specs = full_catalogue() if catalogue is None else sort_specs(catalogue)
    wanted, by_name = select_features(specs, include, exclude)
    return resolve_recipe(specs, wanted, by_name, panel)


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
