"""Run the command line in this process."""

from __future__ import annotations

import atexit
import gc
import os

from pipeline.cli import browse, run, stages  # noqa: F401 (their commands add themselves)
from pipeline.cli.group import tangency
from pipeline.endings import exit_codes


def main() -> None:
    """Run the command line; a mistake of the user's is one message and exit code 2."""
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        # Numpy reads it when it is loaded: sums in one order on any machine, and no thread that spins while it waits.
        # The work is many small products, of which two threads make more time; folds and worlds are what goes abreast.
        os.environ.setdefault(variable, "1")
    # Modules are no garbage: half a second of a run would go into looking for some while they are loaded, and another
    # before the process ends.
    gc.set_threshold(10_000)
    atexit.register(gc.freeze)
    with exit_codes():
        tangency(standalone_mode=False)
