"""Keys: under what a stage's result is stored. Whoever makes a stage, and whoever brings it forward, asks here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config import RunConfig
from pipeline.store import key_of

if TYPE_CHECKING:
    from pipeline.settings.models import Fitted

FEATURES = "features"
REGIMES = "regimes"
MODEL = "model"


def features_key(config: RunConfig, digest: str) -> str:
    """Return the key of the features of the panel with this digest."""
    return key_of(digest, config.features.model_dump_json())


def fitting_key(config: RunConfig, digest: str) -> str:
    """Return the key of all that is fitted to that panel, whichever the model; the regimes' own."""
    settings = config.model_dump_json(include={"target", "walk_forward", "regimes", "seed"})
    return key_of(features_key(config, digest), settings)


def walk_key(fitting: str, name: str, section: Fitted) -> str:
    """Return the key of one model's walk, from `fitting_key`."""
    return key_of(fitting, name, section.model_dump_json())
