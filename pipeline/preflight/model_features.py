"""Features of models: refuse before any fit a list of features that a model cannot use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.catalogue import catalogue
from features.matrix import FeatureMatrix
from features.spec import STAGES
from foundation.suggestions import list_names, suggest
from foundation.types import Ints
from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.own_data.features import feature_specs
from pipeline.stages.compute import name_regime_columns
from pipeline.stages.schedule import Schedule


def check_model_features(panel: Panel, matrix: FeatureMatrix, schedule: Schedule, config: RunConfig) -> None:
    """Refuse a model whose `features` this run does not build, or from which it could learn nothing.

    Raises
    ------
    RunError
        Names the model and the features, with the reason.
    """
    for name, section in config.fitted_models().items():
        if section.features is None:
            continue
        key = f"models.{name}.features"
        for feature in section.features:
            if why := _find_fault(feature, panel, matrix, config):
                raise RunError(f"{key}: {feature!r} {why}")
        train = schedule.folds_for(section.refit_every)[-1].train
        if why := _find_lack(section.features, panel, matrix, train, relative=config.target.relative):
            raise RunError(f"{key}: {why}")


def _find_fault(name: str, panel: Panel, matrix: FeatureMatrix, config: RunConfig) -> str:
    """Return why this run has no such feature; "" if it has."""
    regimes = name_regime_columns(config.regimes.states)
    if name in matrix.names or name in regimes:
        return ""
    if name in matrix.missing:
        return f"cannot be used: {matrix.missing[name]}"
    if name in STAGES:
        return "is a stage: expected the names of single features"
    specs = feature_specs(panel, config.data)[0] or catalogue()
    if name not in specs:
        return f"is no feature of this run{suggest(name, (*matrix.names, *regimes))}"
    stage, section = specs[name].stage, config.features
    if {name, stage} & set(section.exclude):
        return (
            "is not built: features.exclude leaves it out (without a section features, this list holds what looks "
            "back too far for the span of the data)"
        )
    return f"is not built: neither it nor its stage {stage} is in features.include ({', '.join(section.include)})"


def _find_lack(
    names: Sequence[str], panel: Panel, matrix: FeatureMatrix, train: Ints, *, relative: bool
) -> str:
    """Return why a model could learn nothing from these features; "" if it could, or if a regime is among them."""
    known = [matrix.names.index(name) for name in names if name in matrix.names]
    if relative and matrix.common[known].all():
        return (
            f"{list_names(names)} {'is' if len(names) == 1 else 'are'} the same for all assets, and target.relative "
            "is true: no difference between assets can be forecast; add a feature that differs between assets"
        )
    if len(known) == len(names) and not any(_varies(panel, matrix, train, k) for k in known):
        return (
            f"{list_names(names)} {'has' if len(names) == 1 else 'have'} no two different values at any training "
            "date: there is nothing to learn from"
        )
    return ""


def _varies(panel: Panel, matrix: FeatureMatrix, train: Ints, column: int) -> bool:
    """Whether a feature has two different values at the training dates of listed assets."""
    values = matrix.values[train, :, column][panel.listed[train] & panel.holdable[train]]
    values = values[np.isfinite(values)]
    return len(values) > 0 and bool((values != values[0]).any())
