"""Run the command line in this process."""

from __future__ import annotations

import atexit
import gc
import os

from pipeline.cli import browse, config, init, run, stages  # noqa: F401 (importing these registers their commands)
from pipeline.cli.group import tangency
from pipeline.endings import exit_codes


def main() -> None:
    """Run the command line; a user error prints one message and exits with code 2."""
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        # Read when numpy is imported. One BLAS thread sums in the same order on every machine, without busy waiting.
        # The work consists of many small products, which a second thread slows down; folds and worlds run in parallel.
        os.environ.setdefault(variable, "1")
    # Imported modules are not garbage: scanning them would take half a second of a run during the imports, and
    # another half when the process ends.
    gc.set_threshold(10_000)
    atexit.register(gc.freeze)
    with exit_codes():
        tangency(standalone_mode=False)
