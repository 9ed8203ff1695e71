"""The commands of operations; importing a module adds its commands to the command line."""

from __future__ import annotations

import importlib

MODULES = ("compile", "data", "drift", "models", "schedule", "serve", "sync")


def load_commands() -> None:
    """Import the modules that define commands."""
    for name in MODULES:
        importlib.import_module(f"operations.cli.{name}")
