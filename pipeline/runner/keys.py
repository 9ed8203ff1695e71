"""Keys: the store key of each stage's result, shared by the code that computes a stage and the code that extends it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.config import RunConfig
from pipeline.store import key_of

if TYPE_CHECKING:
    from pipeline.settings.models import Fitted

FEATURES = "features"
REGIMES = "regimes"
MODEL = "model"
PORTFOLIO = "portfolio"


def stage_key(config: RunConfig, digest: str, name: str) -> str | None:
    """Return the key of a stage's result for the panel with this digest; None if it is not stored."""
    kind, _, which = name.partition(" ")
    if kind == FEATURES:
        return features_key(config, digest)
    if kind == REGIMES:
        return fitting_key(config, digest)
    if kind == MODEL:
        return walk_key(fitting_key(config, digest), which, config.fitted_models()[which])
    if kind == PORTFOLIO:
        return key_of(key_of(digest, config.digest()), which)
    return None


def features_key(config: RunConfig, digest: str) -> str:
    """Return the key of the features of the panel with this digest."""
    own = [json.dumps([name, entry.features]) for name, entry in config.data.series.items()]
    own += [json.dumps([name, entry.features]) for name, entry in config.data.tables.items()]
    return key_of(digest, config.features.model_dump_json(), *own)


def fitting_key(config: RunConfig, digest: str) -> str:
    """Return the key shared by everything fitted to that panel; also the key of the regimes."""
    settings = config.model_dump_json(include={"target", "walk_forward", "regimes", "seed"})
    return key_of(features_key(config, digest), settings)


def walk_key(fitting: str, name: str, section: Fitted) -> str:
    """Return the key of one model's walk, from `fitting_key`."""
    return key_of(fitting, name, section.model_dump_json())
