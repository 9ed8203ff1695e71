"""Entry point of the process `tangency`. It imports next to nothing before signals are dealt with."""

from __future__ import annotations

import sys

from pipeline.stopping import CTRL_C, end_on_signals, settle


def main() -> None:
    """Run the whole command line in this process, which ends afterwards.

    Ctrl-C ends it with one line and exit code 130, SIGTERM with 143 and SIGHUP with 129, also while it imports.
    """
    end_on_signals()
    code: str | int | None = 0
    try:
        try:
            import operations.commands  # noqa: F401 (commands add themselves when they are imported)
            from pipeline.cli import main as run

            run()
        except SystemExit as stopped:
            code = stopped.code
    except KeyboardInterrupt:
        code = CTRL_C
    sys.exit(settle(code if isinstance(code, int) else int(code is not None)))
