"""Resolution of a recipe: which features a panel has the data for, in which order, and how far each looks back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from features.catalogue import catalogue as full_catalogue
from features.catalogue import list_macro_names, order_features, select_features, sort_specs
from features.engine.inputs import explain_missing, find_table_inputs
from features.engine.recipe import Kind, Recipe, Step
from features.library.returns import wealth
from features.spec import INPUTS, FeatureError, FeatureSpec
from market.frequency import Month
from market.panel import Panel

LEVEL = FeatureSpec("level", "asset", 0, "index", ("returns",), INPUTS["level"], wealth)
"""An input that is a recursion is computed, and carried on, like a feature."""
_SHARED = ("market", "cash", "month")
"""Inputs that all assets share, beside macro series."""


def make_recipe(
    panel: Panel, include: Sequence[str], exclude: Sequence[str], catalogue: Mapping[str, FeatureSpec] | None
) -> Recipe:
    """Return the steps that compute the selected features."""
    specs = full_catalogue() if catalogue is None else sort_specs(catalogue)
    wanted, by_name = select_features(specs, include, exclude)
    return _resolve(specs, wanted, by_name, panel)


def _resolve(
    specs: Mapping[str, FeatureSpec], wanted: Sequence[str], by_name: Collection[str], panel: Panel
) -> Recipe:
    """Return the recipe of the selected features that the panel has the data for.

    No step is of kind rows until `arrange_steps` finds those that are computed by date.

    Raises
    ------
    FeatureError
        If a feature selected by name needs data that the panel lacks, or no feature is left.
    """
    tables = find_table_inputs(panel, specs.values())
    series = (list_macro_names(specs) | set(panel.macro)) - tables
    specs = {**specs, LEVEL.name: LEVEL}
    order = order_features(specs, wanted, series | tables)
    missing = _find_missing([specs[name] for name in order], by_name, panel, series)
    columns = tuple(name for name in wanted if name not in missing)
    if not columns:
        raise FeatureError(f"panel {panel.name!r} can give no feature: {missing[wanted[0]]}")
    series -= {*specs, *INPUTS}
    kept = [specs[name] for name in order if name not in missing]
    return Recipe(
        _make_steps(kept, columns, series, panel.month),
        columns,
        {name: why for name, why in missing.items() if name in wanted},
        frozenset(name for spec in kept for name in spec.inputs if name in series | tables),
    )


def _find_missing(
    specs: Sequence[FeatureSpec], by_name: Collection[str], panel: Panel, series: set[str]
) -> dict[str, str]:
    """Return the features that the panel lacks the data for, with the reason; raise for one selected by name."""
    missing: dict[str, str] = {}
    for spec in specs:
        why = explain_missing(spec, panel, series, missing)
        if why and spec.name in by_name:
            raise FeatureError(f"feature {spec.name!r} cannot be computed: {why}")
        if why:
            missing[spec.name] = why
    return missing


def _make_steps(
    specs: Sequence[FeatureSpec], columns: Sequence[str], series: Collection[str], month: Month
) -> tuple[Step, ...]:
    """Return the steps of features, each of which comes after its inputs."""
    places = {name: column for column, name in enumerate(columns)}
    steps: dict[str, Step] = {}
    needs: dict[str, int] = {}
    for spec in specs:
        history = spec.history(month)
        needs[spec.name] = max((needs.get(name, 0) for name in spec.inputs), default=0) + history
        computed = [steps[name] for name in spec.inputs if name in steps]
        warm = max((step.warm for step in computed), default=0) + max(history - 1, 0)
        shared = {*_SHARED, *series, *(step.name for step in computed if step.kind == "series")}
        kind: Kind = "tile"
        if shared.issuperset(spec.inputs):
            kind = "series"
        elif spec.sees_several or any(step.kind == "whole" for step in computed):
            kind = "whole"
        steps[spec.name] = Step(spec, warm, _depth(spec, needs, month), places.get(spec.name, -1), kind)
    return tuple(steps.values())


def _depth(spec: FeatureSpec, needs: Mapping[str, int], month: Month) -> int:
    """Return how many rows back the function may look into its inputs.

    The lookback comes on top of what the slowest input needs. Into an input that needs less itself, the function
    may look further by the difference: `average_correlation_12` looks 24 months back into the returns, 12 into
    the volatilities; one with a `reach` does not. A function without a lookback looks at its date.
    """
    if spec.lookback == spec.rows == 0:
        return 0
    if spec.reach is not None:
        return spec.reach * month + spec.rows
    return needs[spec.name] - min((needs.get(i, 0) for i in spec.inputs if i != "month"), default=0)
