"""The whole command line: the pipeline's commands, and those of operations."""

from __future__ import annotations

from operations import data_commands  # noqa: F401 (adds its commands)
from pipeline.cli import main

__all__ = ["main"]
