"""The same allocation problem put to several libraries, each as one would write it for that library."""

from __future__ import annotations

import sys
from pathlib import Path

# Problems, their reading and their truth are those of the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "test_allocation"))
