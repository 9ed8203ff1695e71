"""The same allocation problem for several libraries, each in the library's own idiom."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Set before numpy is imported: one thread per contender, otherwise times depend on the number of free cores.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# The problems, their loader and their reference solutions come from the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "test_allocation" / "mean_variance"))
