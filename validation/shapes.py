"""Check that arrays have the same shape, which numpy would otherwise broadcast silently."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from validation.errors import StatisticError


def check_same_shape(**arrays: NDArray[Any]) -> None:
    """Refuse arrays of different shapes, by name.

    Raises
    ------
    StatisticError
    """
    if len({a.shape for a in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
        raise StatisticError(f"expected arrays of the same shape, got {shapes}")
