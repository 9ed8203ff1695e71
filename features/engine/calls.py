"""Call the function of a feature, and check its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from features.kernels.carried_state import Continuation, use_continuation
from features.spec import FeatureError, FeatureSpec
from foundation.types import Floats
from market.panel import Panel


def infinite_error(name: str, panel: Panel, row: int, asset: int = -1) -> FeatureError:
    """Return the error that says where a feature is infinite."""
    who = "" if asset < 0 else f" for {panel.assets[asset]}"
    return FeatureError(
        f"feature {name!r} is infinite{who} on {panel.dates[row]:%Y-%m-%d}; give NaN where a divisor is zero"
    )


def mask_series(value: Floats, cold: int, limit: float, name: str, panel: Panel, first: int = 0) -> Floats:
    """Return a copy of the values (T,) that all assets share, from row `first` on, NaN in the first `cold` rows.

    Raises
    ------
    FeatureError
        If one is above the limit.
    """
    out = value.copy()
    out[:cold] = np.nan
    beyond = np.flatnonzero(np.abs(out) > limit)
    if len(beyond):
        raise infinite_error(name, panel, first + int(beyond[0]))
    return out


def call_kernel(
    spec: FeatureSpec, inputs: Mapping[str, Floats], now: Continuation, shapes: Sequence[tuple[int, ...]]
) -> Floats:
    """Return the values of a feature, in one of these shapes, C-ordered and read-only.

    Raises
    ------
    FeatureError
        If it fails or gives another shape.
    """
    try:
        # The caller checks for results of a division by zero, and names the place.
        with np.errstate(all="ignore"), use_continuation(now):
            result = np.asarray(spec.kernel(**inputs), dtype=np.float64)
    except Exception as error:
        raise FeatureError(f"feature {spec.name!r} failed: {type(error).__name__}: {error}") from error
    if result.shape not in shapes:
        expected = " or ".join(str(shape) for shape in shapes)
        raise FeatureError(
            f"feature {spec.name!r} has shape {result.shape}, expected {expected} in stage {spec.stage}: rows are dates"
        )
    result = np.ascontiguousarray(result).view()
    result.setflags(write=False)
    return result
