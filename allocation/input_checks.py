"""Checks of the inputs of one decision: shapes and numbers, in one pass over each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from allocation.covariance_checks import describe_fault
from allocation.covariance_types import Risk, select_covariance
from allocation.errors import InputError
from foundation.compiled import compiled
from foundation.types import Bools, Floats, Ints


def check_inputs(
    position: int,
    assets: Sequence[str],
    mu: Floats,
    sigma: Risk,
    held: Floats,
    universe: Bools,
    validate: bool = True,
) -> None:
    """Refuse inputs that `MeanVariance` cannot use, in one pass.

    Parameters
    ----------
    position : int
        Row of the decision, for the message.
    assets : sequence of str, length N
    mu : ndarray of shape (N,)
    sigma : Risk
    held : ndarray of shape (N,)
    universe : ndarray of bool, shape (N,)
    validate : bool
        Whether to check the covariance.

    Raises
    ------
    InputError
        If shapes do not fit, the universe is empty, numbers inside the universe are not finite, or the covariance is
        not symmetric positive semidefinite.
    """
    if not (mu.shape == held.shape == universe.shape == (len(assets),) and len(sigma) == len(assets)):
        raise _misshapen(position, len(assets), mu, sigma, held, universe)
    count, bad_mean, bad_held = _scan(mu, held, universe)
    if not count:
        raise InputError(f"row {position}: the universe is empty")
    if bad_mean >= 0:
        raise InputError(f"row {position}: the expected return of {assets[bad_mean]!r} is {mu[bad_mean]}")
    if bad_held >= 0:
        raise InputError(f"row {position}: the weight held of {assets[bad_held]!r} is {held[bad_held]}")
    if validate:
        _covariance(position, assets, sigma, np.flatnonzero(universe))


def _covariance(position: int, assets: Sequence[str], sigma: Risk, inside: Ints) -> None:
    """Refuse a covariance that is not finite, symmetric and positive semidefinite among the assets `inside`."""
    if isinstance(sigma, np.ndarray) and sigma.shape != (len(assets), len(assets)):
        raise InputError(f"row {position}: covariance has shape {sigma.shape}, expected a square")
    inner = sigma if len(inside) == len(assets) else select_covariance(sigma, inside)
    wrong = describe_fault(inner, [assets[i] for i in inside])
    if wrong:
        raise InputError(f"row {position}: {wrong}")


def _misshapen(position: int, n: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools) -> InputError:
    """Return the error that names the wrong shape."""
    shapes = {"expected returns": mu.shape, "weights held": held.shape, "universe": universe.shape}
    shapes["covariance"] = (len(sigma),)
    what, shape = next((what, shape) for what, shape in shapes.items() if shape != (n,))
    return InputError(f"row {position}: {what} has shape {shape}, expected {(n,)}")


@compiled
def _scan(mu: Floats, held: Floats, universe: Bools) -> tuple[int, int, int]:
    """Return how many assets may be held, and the first whose mean, and whose weight held, is not finite, or -1."""
    count, bad_mean, bad_held = 0, -1, -1
    for i in range(len(mu) - 1, -1, -1):
        count += universe[i]
        if universe[i] and not np.isfinite(mu[i]):
            bad_mean = i
        if not np.isfinite(held[i]):
            bad_held = i
    return count, bad_mean, bad_held


def find_members(position: int, assets: Sequence[str], universe: Bools) -> Ints:
    """Return the indices of the assets that may be held.

    Raises
    ------
    InputError
        If there are none, or `universe` is not of shape (N,).
    """
    if universe.shape != (len(assets),):
        raise InputError(f"row {position}: universe has shape {universe.shape}, expected ({len(assets)},)")
    inside = np.flatnonzero(universe)
    if not len(inside):
        raise InputError(f"row {position}: the universe is empty")
    return inside.astype(np.int64)


def check_means(position: int, assets: Sequence[str], mu: Floats, inside: Ints) -> Floats:
    """Return the expected returns of the assets `inside`, shape (n,).

    Raises
    ------
    InputError
        If `mu` is not of shape (N,), or one of them is not finite.
    """
    if mu.shape != (len(assets),):
        raise InputError(f"row {position}: expected returns have shape {mu.shape}, expected ({len(assets)},)")
    inner = np.ascontiguousarray(mu[inside], dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(inner))
    if len(bad):
        raise InputError(
            f"row {position}: the expected return of {assets[inside[bad[0]]]!r} is {inner[bad[0]]}"
        )
    return inner
