"""The commands of operations, which add themselves to the command line when this is imported."""

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

__all__ = [
    "compile_command",
    "data_commands",
    "drift_commands",
    "model_commands",
    "schedule_commands",
    "serve_command",
    "sync_commands",
]
