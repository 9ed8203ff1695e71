"""Preparation of a mean-variance problem: rates per asset, standard errors, and the start within the bounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allocation.covariance_types import Risk
from allocation.errors import InputError
from allocation.input_alignment import align_vector
from allocation.problem.limits import Limits
from foundation.compiled import compiled
from foundation.types import Floats, Indices


def is_implied_by_budget(leverage: float, limits: Limits) -> bool:
    """Return whether the budget and long positions imply the limit on gross exposure.

    Such a limit has no multiplier; a search for one would follow rounding errors.
    """
    return bool((limits.low >= 0).all()) and float(limits.upper[0]) <= leverage


def broadcast_rates(what: str, value: float | Floats, assets: Sequence[str]) -> Floats:
    """Return one rate per asset."""
    rates = np.asarray(align_vector(what, value, assets), dtype=np.float64)
    if rates.shape not in ((), (len(assets),)):
        raise InputError(
            f"{what} has shape {rates.shape}, expected a number or one for each of {len(assets)} assets"
        )
    rates = np.broadcast_to(rates, (len(assets),)).copy()
    bad = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0)))
    if len(bad):
        raise InputError(f"{what} {rates[bad[0]]:g} of {assets[bad[0]]!r} must be >= 0 and finite")
    return rates


def check_standard_errors(
    position: int, assets: Sequence[str], error: Floats | None, inside: NDArray[np.intp]
) -> Floats:
    """Return the standard errors of the assets inside."""
    if error is None:
        raise InputError(f"row {position}: uncertainty needs the standard errors of the expected returns")
    if error.shape != (len(assets),):
        raise InputError(
            f"row {position}: standard errors have shape {error.shape}, expected ({len(assets)},)"
        )
    bad = inside[~(np.isfinite(error[inside]) & (error[inside] >= 0))]
    if len(bad):
        raise InputError(f"row {position}: the standard error of {assets[bad[0]]!r} is {error[bad[0]]}")
    return error[inside]


@compiled
def start_within_bounds(
    mu: Floats, held: Floats, impact: Floats, inside: Indices, low: Floats, high: Floats
) -> tuple[Floats, Floats, float]:
    """Return adjusted expected returns, the weights held clipped to the bounds, and the trades that the bounds force.

    Where the weight held lies outside the bounds, k (w - h)^2 is k (w - start)^2 plus a linear part, which is in mu.
    """
    pulled, start, forced, k = np.empty(len(inside)), np.empty(len(inside)), 0.0, 0
    for i in range(len(held)):
        if k < len(inside) and inside[k] == i:
            start[k] = min(max(held[i], low[k]), high[k])
            pulled[k] = mu[i] - 2.0 * impact[k] * (start[k] - held[i])
            forced += abs(held[i] - start[k])
            k += 1
        else:
            forced += abs(held[i])
    return pulled, start, forced


def median_variance(sigma: Risk) -> float:
    """Return the median of the variances that are known; those of assets without a covariance are NaN."""
    return float(_finite_median(np.ascontiguousarray(sigma.diagonal())))


@compiled
def _finite_median(values: Floats) -> float:
    """Return the median of the finite values, NaN if there are none."""
    known = np.sort(values[np.isfinite(values)])
    n = len(known)
    return 0.5 * (known[(n - 1) // 2] + known[n // 2]) if n else np.nan
