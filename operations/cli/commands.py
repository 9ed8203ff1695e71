"""The commands of operations, which add themselves to the command line when their modules are imported."""

from __future__ import annotations

import importlib

MODULES = ("compile", "data", "drift", "models", "schedule", "serve", "sync")


def load_commands() -> None:
    """Import the modules of the commands."""
    for name in MODULES:
        importlib.import_module(f"operations.cli.{name}")
