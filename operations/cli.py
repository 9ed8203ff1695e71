"""The whole command line: the pipeline's commands, and those of operations."""

from __future__ import annotations

import operations.sync_commands  # noqa: F401 (adds its command)
from pipeline.cli import main

__all__ = ["main"]
