"""Where operations keep what they know: one folder a configuration, below the output folder."""

from __future__ import annotations

from pathlib import Path

from pipeline.config import RunConfig


def state_dir(config: RunConfig) -> Path:
    """Return the folder of a configuration's operations."""
    return config.output / "operations" / config.name
