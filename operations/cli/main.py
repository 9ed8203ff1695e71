"""Entry point of the process `tangency`. It imports next to nothing before signals are dealt with."""

from __future__ import annotations

import os
import sys

from pipeline.stopping import CTRL_C, end_on_signals, settle


def main() -> None:
    """Run the whole command line in this process, which ends afterwards.

    Ctrl-C ends it with one line and exit code 130, SIGTERM with 143 and SIGHUP with 129, also while it imports.
    """
    end_on_signals()
    _limit_digits()
    code: str | int | None = 0
    try:
        try:
            from operations.cli.commands import load_commands
            from pipeline.cli.main import main as run

            load_commands()
            run()
        except SystemExit as stopped:
            code = stopped.code
    except KeyboardInterrupt:
        code = CTRL_C
    sys.exit(settle(code if isinstance(code, int) else int(code is not None)))


def _limit_digits() -> None:
    """Let no file and no request hold an integer of millions of digits, whatever the environment says.

    Python reads digits in time by the square of their number. Its own limit makes a longer integer an error, which
    every reader of JSON here takes for damage.
    """
    os.environ.pop("PYTHONINTMAXSTRDIGITS", None)  # of the processes that are started from here
    sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)
