"""The same allocation problem put to several libraries, each as one would write it for that library."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Before numpy: one thread for each contender, or times measure how many cores were free.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# Problems, their reading and their truth are those of the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "test_allocation"))
