"""The folder in which operations keep their state: one per configuration, below the output folder."""

from __future__ import annotations

from pathlib import Path

from pipeline.config import RunConfig


def state_dir(config: RunConfig) -> Path:
    """Return the folder that holds the state of a configuration's operations."""
    return config.output / "operations" / config.name
