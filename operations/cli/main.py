"""Entry point of the process `tangency`. It imports very little before signal handlers are installed."""

from __future__ import annotations

import importlib
import os
import sys

from pipeline.stopping import CTRL_C, end_on_signals, settle

COMMANDS = ("check", "compile", "data", "drift", "ledger", "models", "schedule", "serve", "status", "sync")
"""Modules of this folder that define commands."""


def main() -> None:
    """Run the command line in this process, and exit.

    Ctrl-C prints one line and exits with code 130, SIGTERM with 143 and SIGHUP with 129, also during imports.
    """
    end_on_signals()
    _limit_digits()
    code: str | int | None = 0
    try:
        try:
            from pipeline.cli.main import main as run

            load_commands()
            run()
        except SystemExit as stopped:
            code = stopped.code
    except KeyboardInterrupt:
        code = CTRL_C
    sys.exit(settle(code if isinstance(code, int) else int(code is not None)))


def load_commands() -> None:
    """Import the modules that define commands, which adds them to the command line."""
    for name in COMMANDS:
        importlib.import_module(f"operations.cli.{name}")


def _limit_digits() -> None:
    """Limit the digits of integers in files and requests, whatever the environment sets.

    Python parses an integer in time quadratic in its number of digits. With the limit, a longer integer raises an
    error, which every reader of JSON here treats as damage.
    """
    os.environ.pop("PYTHONINTMAXSTRDIGITS", None)  # for child processes
    sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)
