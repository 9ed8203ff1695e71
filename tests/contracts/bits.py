"""Whether two results are the same to the last bit."""

from dataclasses import fields

import numpy as np

ASIDE = ("seconds", "buffer", "history", "recomputed", "current")
"""Fields that tell how long something took, or what features are gone on from."""


def assert_same_bits(left, right, where):
    """Compare two results bit for bit, apart from the fields put aside; `where` is told on failure."""
    assert type(left) is type(right), where
    if isinstance(left, np.ndarray):
        assert left.dtype == right.dtype, where
        assert left.shape == right.shape, where
        assert left.tobytes() == right.tobytes(), where
    elif isinstance(left, tuple | list):
        assert len(left) == len(right), where
        for k, (a, b) in enumerate(zip(left, right, strict=True)):
            assert_same_bits(a, b, f"{where}[{k}]")
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left:
            assert_same_bits(left[key], right[key], f"{where}[{key}]")
    elif hasattr(left, "__dataclass_fields__"):
        for each in fields(left):
            if each.name not in ASIDE:
                assert_same_bits(getattr(left, each.name), getattr(right, each.name), f"{where}.{each.name}")
    else:
        assert left == right, where
