"""Types that may be stored: a closed table by name. Reading a file creates and imports no other types."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Mapping
from typing import Any, ClassVar, get_origin, get_type_hints

from pipeline.store.errors import DamagedError

STAGES = {
    "features": "features.matrix:FeatureMatrix",
    "regimes": "models.regimes.path:RegimePath",
    "model": "models.walk_forward.results:WalkResult",
    "portfolio": "backtest.result:BacktestResult",
    "audit": "pipeline.audit.certificate:Certificate",
    "published": "pipeline.export.artifacts:RunArtifacts",
}
"""Type of the result of each stage."""

PARTS = (
    "allocation.policies.portfolio_state:PortfolioState",
    "allocation.policies.portfolio_state:SleevePaths",
    "allocation.decision_status:DecisionStatus",
    "allocation.weights:Sleeve",
    "features.engine.history:History",
    "features.engine.context:Past",
    "models.walk_forward.results:FoldFit",
    "models.walk_forward.results:Trial",
    "models.regimes.ahead.forecast:RegimeForecast",
    "models.regimes.baum_welch:Chain",
    "models.regimes.hmm:HMMRegimes",
    "models.regimes.jump:JumpRegimes",
    "models.regimes.kmeans:KMeansRegimes",
    "models.walk_forward.moments:Moments",
    "models.walk_forward.state:WalkState",
    "models.walk_forward.standardise:Standardiser",
    "pipeline.audit.certificate:Leak",
    "pipeline.drift.drift:Drift",
    "pipeline.drift.drift:FeatureDrift",
    "pipeline.drift.drift:Finding",
    "pipeline.drift.drift:Watch",
    "pipeline.report.text_table:Column",
    "pipeline.report.text_table:TextTable",
)
"""Types of the parts of those results.

A test follows the annotations of the results and fails for a type that is missing here, or that no result uses."""

STORABLE = frozenset((*STAGES.values(), *PARTS))


def name_of(cls: type) -> str | None:
    """Return the name under which a type is stored, or None if it must not be stored."""
    name = f"{cls.__module__}:{cls.__qualname__}"
    return name if name in STORABLE else None


@functools.cache
def type_named(name: str) -> type:
    """Return the type that is stored under this name.

    Raises
    ------
    DamagedError
        If no storable type has this name; nothing is imported then.
    """
    if name not in STORABLE:
        raise DamagedError(f"{name!r:.100} is no type that may be stored")
    module, _, qualified = name.partition(":")
    cls: type = getattr(importlib.import_module(module), qualified)
    return cls


def stage_type(stage: str) -> type:
    """Return the type of a stage's result.

    Raises
    ------
    KeyError
        If there is no such stage; add it to `STAGES`.
    """
    return type_named(STAGES[stage])


def fields_of(cls: type) -> Mapping[str, Any]:
    """Return the stored fields of a type and the annotation of each.

    For a dataclass these are its fields, except those with `"stored": False` in their metadata, which the class
    restores in `__setstate__`. Any other class annotates each attribute of its instances.
    """
    fields = _FIELDS.get(cls)
    if fields is None:
        fields = _FIELDS[cls] = _annotated(cls)
    return fields


_FIELDS: dict[type, dict[str, Any]] = {}


def _annotated(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls)
    if dataclasses.is_dataclass(cls):
        kept = [one.name for one in dataclasses.fields(cls) if one.metadata.get("stored", True)]
        return {name: hints[name] for name in kept}
    return {name: hint for name, hint in hints.items() if get_origin(hint) is not ClassVar}
