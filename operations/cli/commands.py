"""The commands of operations, which add themselves to the command line when this is imported."""

from __future__ import annotations

from operations.cli import compile as compile_command
from operations.cli import data as data_commands
from operations.cli import drift as drift_commands
from operations.cli import models as model_commands
from operations.cli import schedule as schedule_commands
from operations.cli import serve as serve_command
from operations.cli import sync as sync_commands

__all__ = [
    "compile_command",
    "data_commands",
    "drift_commands",
    "model_commands",
    "schedule_commands",
    "serve_command",
    "sync_commands",
]
