"""FeatureMatrix: the features of a panel, computed in the order in which they depend on each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalogue import catalogue as full_catalogue
from features.catalogue import dictionary, macro_names, ordered, plan, select
from features.returns import wealth
from features.spec import INPUTS, STAGES, FeatureError, FeatureSpec
from market.hints import suggest
from market.panel import BARS, Panel

__all__ = ["FeatureMatrix", "build", "dictionary"]

Floats = NDArray[np.float64]
SMALLEST_GROWTH = 1e-6
"""What is left after a total loss, for logarithms: the loss counts, and stays finite."""


@dataclass(frozen=True, eq=False)
class FeatureMatrix:
    """Features of all assets at all dates.

    Attributes
    ----------
    values : ndarray of shape (T, N, K)
        C-ordered, read-only. Row t depends on data up to t alone. NaN before a column is warm, where a window
        is not full enough and, for a feature of an asset, where that asset is not listed.
    names : tuple of str, length K
        Sorted by stage and name.
    stages : tuple of str, length K
    warm : tuple of int, length K
        First row at which the windows of the feature and of all that it is made of lie inside the panel.
    common : ndarray of bool, shape (K,)
        Which columns are the same for all assets. They have values also where an asset is not listed.
    missing : dict of str to str
        Features that the panel cannot give, with the reason.
    """

    values: Floats
    names: tuple[str, ...]
    stages: tuple[str, ...]
    warm: tuple[int, ...]
    common: NDArray[np.bool_]
    missing: dict[str, str]

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        object.__setattr__(self, "values", np.ascontiguousarray(self.values))
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


def build(
    panel: Panel,
    include: Sequence[str] = STAGES,
    exclude: Sequence[str] = (),
    catalogue: Mapping[str, FeatureSpec] | None = None,
) -> FeatureMatrix:
    """Compute features.

    Parameters
    ----------
    panel : Panel
    include : sequence of str
        Stages or features; by default all.
    exclude : sequence of str
        Stages or features to leave out; it wins over `include`. What others need is computed all the same.
    catalogue : mapping of str to FeatureSpec, optional
        The features there are; by default all that this package defines and all that were registered.

    Returns
    -------
    FeatureMatrix

    Raises
    ------
    FeatureError
        If a name in `include` or `exclude` or an input of a feature is unknown, features depend on each other
        in a circle, a feature asked for by name needs what the panel lacks, the panel can give none of the
        features, or a feature fails, is infinite or has the wrong shape.
    """
    specs = full_catalogue() if catalogue is None else ordered(catalogue)
    wanted, by_name = select(specs, include, exclude)
    series = macro_names(specs) | set(panel.macro)
    values = _inputs(panel, series - set(specs) - set(INPUTS))
    warm: dict[str, int] = {}
    missing: dict[str, str] = {}
    for name in plan(specs, wanted, series):
        lacking = _lacking(specs[name], panel, series, missing)
        if lacking and name in by_name:
            raise FeatureError(f"feature {name!r} cannot be computed: {lacking}")
        if lacking:
            missing[name] = lacking
            continue
        base = max((warm[i] for i in specs[name].inputs if i in warm), default=0)
        warm[name] = base + max(specs[name].history(panel.month) - 1, 0)
        values[name] = _computed(specs[name], values, panel, warm[name])
    names = [name for name in wanted if name not in missing]
    if not names:
        raise FeatureError(f"panel {panel.name!r} can give no feature: {missing[wanted[0]]}")
    out = np.empty((*panel.returns.shape, len(names)))
    for k, name in enumerate(names):
        column = np.asarray(values[name])
        out[:, :, k] = column if column.ndim == 2 else column[:, None]
    return FeatureMatrix(
        values=out,
        names=tuple(names),
        stages=tuple(specs[name].stage for name in names),
        warm=tuple(warm[name] for name in names),
        common=np.array([np.ndim(values[name]) == 1 for name in names], dtype=np.bool_),
        missing={name: reason for name, reason in missing.items() if name in wanted},
    )


def _inputs(panel: Panel, series: set[str]) -> dict[str, Floats | int]:
    """Return what features can ask for, as far as the panel has it, read-only."""
    _check_losses(panel)
    growth = np.maximum(1.0 + panel.returns, SMALLEST_GROWTH)
    values: dict[str, Floats] = {
        "returns": panel.returns,
        "log_returns": np.log(growth),
        "excess": panel.returns - panel.cash[:, None],
        "level": wealth(panel.returns),
        "market": panel.market,
        "cash": panel.cash,
    }
    if panel.volume is not None:
        values["volume"] = panel.volume
    values |= panel.bars
    values |= {name: panel.macro[name].at(panel.dates) for name in series & set(panel.macro)}
    for array in values.values():
        array.setflags(write=False)
    return {**values, "month": panel.month}


def _check_losses(panel: Panel) -> None:
    """Refuse returns below -1: they have no logarithm, and nobody can lose more than all."""
    wrong = np.argwhere(panel.returns < -1.0)
    if len(wrong):
        t, j = wrong[0]
        raise FeatureError(
            f"panel {panel.name!r}: the return of {panel.assets[j]} on {panel.dates[t]:%Y-%m-%d} is "
            f"{panel.returns[t, j]:g}, expected a fraction of at least -1"
        )


def _lacking(spec: FeatureSpec, panel: Panel, series: set[str], missing: Mapping[str, str]) -> str:
    """Return why the panel cannot give the feature, or nothing."""
    for needed in spec.inputs:
        if needed in missing:
            return f"it needs {needed}, and {missing[needed]}"
        if needed == "volume" and panel.volume is None:
            return "the panel has no volume"
        if needed in BARS and needed not in panel.bars:
            return f"the panel has no {needed}"
        if needed in series and needed not in panel.macro:
            return f"the panel has no macro series {needed!r}{suggest(needed, panel.macro)}"
    return ""


def _computed(spec: FeatureSpec, values: Mapping[str, Floats | int], panel: Panel, warm: int) -> Floats:
    """Return the feature, checked, NaN before it is warm and where the asset is not listed, read-only."""
    try:
        # What a division by zero gives is checked below, with the place where it happened.
        with np.errstate(all="ignore"):
            result = np.asarray(spec.kernel(**{name: values[name] for name in spec.inputs}), dtype=np.float64)
    except Exception as error:
        raise FeatureError(f"feature {spec.name!r} failed: {type(error).__name__}: {error}") from error
    shape = panel.returns.shape
    if result.shape not in (shape, shape[:1]):
        raise FeatureError(
            f"feature {spec.name!r} has shape {result.shape}, expected {shape} or {shape[:1]}: rows are dates"
        )
    usable = panel.listed if result.ndim == 2 else np.ones(shape[0], dtype=np.bool_)
    result = np.where(usable, result, np.nan)
    result[:warm] = np.nan
    infinite = np.argwhere(np.isinf(result))
    if len(infinite):
        where = panel.dates[infinite[0][0]].strftime("%Y-%m-%d")
        who = f" for {panel.assets[infinite[0][1]]}" if result.ndim == 2 else ""
        raise FeatureError(
            f"feature {spec.name!r} is infinite{who} on {where}; give NaN where a divisor is zero"
        )
    result.setflags(write=False)
    return result
