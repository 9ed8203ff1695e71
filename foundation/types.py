"""Types of arrays, each defined once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SmallInts = NDArray[np.int32]
"""Half the memory of `Ints`, which matters for millions of records."""
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]
"""Positions as numpy returns them, e.g. from `argsort` and `flatnonzero`."""
Json = dict[str, Any]
"""An object of JSON."""
