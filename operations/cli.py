"""The whole command line: the pipeline's commands, and those of operations, which add themselves when imported."""

from __future__ import annotations

from operations import (
    compile_command,
    data_commands,
    drift_commands,
    model_commands,
    schedule_commands,
    sync_commands,
)
from operations.serving import command as serve_command
from pipeline.cli import main

__all__ = [
    "compile_command",
    "data_commands",
    "drift_commands",
    "main",
    "model_commands",
    "schedule_commands",
    "serve_command",
    "sync_commands",
]
