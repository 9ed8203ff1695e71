"""The catalogue of features: find them, select some, and order them by their dependencies."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import features
from features.spec import INPUTS, STAGES, FeatureError, FeatureSpec, registered_features
from foundation.suggestions import suggest


def catalogue() -> dict[str, FeatureSpec]:
    """Import every module of this package, and return all registered features by name.

    They are sorted by stage and name, so that the order of the columns depends on no import order.
    """
    for module in pkgutil.walk_packages(features.__path__, prefix="features."):
        try:
            importlib.import_module(module.name)
        except FeatureError:
            raise
        except Exception as error:
            # Report an error of a user's module as one of that module, without our traceback.
            path = module.name.replace(".", "/") + ".py"
            raise FeatureError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return sort_specs(registered_features())


def sort_specs(specs: Mapping[str, FeatureSpec]) -> dict[str, FeatureSpec]:
    """Return the features sorted by stage and name."""
    return dict(sorted(specs.items(), key=lambda item: (STAGES.index(item[1].stage), item[0])))


def dictionary(names: Iterable[str], specs: Mapping[str, FeatureSpec] | None = None) -> list[dict[str, str]]:
    """Return one row for each feature, for a table: name, stage, lookback, unit, definition.

    Parameters
    ----------
    names : iterable of str
    specs : mapping of str to FeatureSpec, optional
        All features; by default the registered ones.

    Raises
    ------
    FeatureError
        If there is no feature of a name.
    """
    specs = catalogue() if specs is None else specs
    rows = []
    for name in names:
        if name not in specs:
            raise FeatureError(f"there is no feature {name!r}{suggest(name, specs)}")
        spec = specs[name]
        rows.append(
            {
                "name": name,
                "stage": spec.stage,
                "lookback": _describe_lookback(spec),
                "unit": spec.unit,
                "definition": spec.definition,
            }
        )
    return rows


def _describe_lookback(spec: FeatureSpec) -> str:
    """Describe how much history a feature needs."""
    parts = [(spec.lookback, "month"), (spec.rows, "row")]
    words = [f"{count} {unit}{'s' if count > 1 else ''}" for count, unit in parts if count]
    return " and ".join(words) or "that of its inputs"


def select_features(
    specs: Mapping[str, FeatureSpec], include: Sequence[str], exclude: Sequence[str]
) -> tuple[list[str], set[str]]:
    """Return the selected features in the order of `specs`, and those of them that were selected by name.

    Raises
    ------
    FeatureError
        If a name is neither a stage nor a feature, or if nothing is left.
    """
    _check_names("include", include, (*STAGES, *specs))
    _check_names("exclude", exclude, (*STAGES, *specs))
    wanted = [
        name
        for name, spec in specs.items()
        if {name, spec.stage} & set(include) and not {name, spec.stage} & set(exclude)
    ]
    if not wanted:
        raise FeatureError(f"features: include {list(include)} without {list(exclude)} leaves no feature")
    return wanted, set(include) & set(wanted)


def _check_names(option: str, names: Sequence[str], candidates: Sequence[str]) -> None:
    """Raise if an option names something that is neither a stage nor a feature."""
    if isinstance(names, str):
        raise FeatureError(f"features: {option} is the text {names!r}, expected a list of names")
    for name in names:
        if name not in candidates:
            raise FeatureError(
                f"features: {option} names {name!r}, which is neither a stage ({', '.join(STAGES)}) "
                f"nor a feature{suggest(name, candidates)}"
            )


def order_features(
    specs: Mapping[str, FeatureSpec], wanted: Sequence[str], series: Collection[str]
) -> list[str]:
    """Return the selected features and their dependencies, each after its inputs.

    Parameters
    ----------
    specs : mapping of str to FeatureSpec
    wanted : sequence of str
    series : collection of str
        Names of macro series that a feature may use.

    Raises
    ------
    FeatureError
        If an input is unknown, or features depend on each other in a circle.
    """
    known = {*INPUTS, *specs, *series}
    graph: dict[str, list[str]] = {}
    waiting = list(reversed(wanted))
    while waiting:
        name = waiting.pop()
        if name in graph:
            continue
        for needed in specs[name].inputs:
            if needed not in known:
                raise FeatureError(
                    f"feature {name!r} asks for {needed!r}, which is no input, feature or macro series"
                    f"{suggest(needed, known)}"
                )
        graph[name] = [needed for needed in specs[name].inputs if needed in specs]
        waiting += reversed(graph[name])
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise FeatureError(f"features depend on each other in a circle: {circle}") from error


def list_macro_names(specs: Mapping[str, FeatureSpec]) -> set[str]:
    """Return the macro series that features of stage macro use, whether or not a panel has them."""
    inputs = {needed for spec in specs.values() if spec.stage == "macro" for needed in spec.inputs}
    return inputs - set(INPUTS) - set(specs)
