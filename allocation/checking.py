"""Checking: refuse inputs of a decision that have no answer, naming what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allocation.errors import InputError
from allocation.structure import FactorCovariance, Risk, within
from features.compiled import compiled

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def check_inputs(
    position: int,
    assets: Sequence[str],
    mu: Floats,
    sigma: Risk,
    held: Floats,
    universe: Bools,
    trusted: bool = False,
) -> None:
    """Refuse what an allocator cannot use.

    Parameters
    ----------
    position : int
        Row of the decision, for the message.
    assets : sequence of str, length N
    mu : ndarray of shape (N,)
    sigma : Risk
    held : ndarray of shape (N,)
    universe : ndarray of bool, shape (N,)
    trusted : bool
        Whether the covariance need not be looked at.

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
    if not trusted:
        _check_covariance(position, assets, sigma, np.flatnonzero(universe))


def _misshapen(position: int, n: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools) -> InputError:
    """Return what says which shape is wrong."""
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


def _check_covariance(position: int, assets: Sequence[str], sigma: Risk, inside: NDArray[np.intp]) -> None:
    S = within(sigma, inside)
    parts = (S.loadings, S.specific[:, None]) if isinstance(S, FactorCovariance) else (S,)
    for part in parts:
        bad = np.flatnonzero(~np.isfinite(part).all(axis=1))
        if len(bad):
            raise InputError(f"row {position}: the covariance of {assets[inside[bad[0]]]!r} is not finite")
    if isinstance(S, FactorCovariance):
        if (S.specific < 0).any():
            worst = inside[int(np.argmin(S.specific))]
            raise InputError(f"row {position}: the specific variance of {assets[worst]!r} is negative")
        return
    if S.shape != (len(inside), len(inside)):
        raise InputError(f"row {position}: covariance has shape {S.shape}, expected a square")
    if float(np.abs(S - S.T).max()) > 1e-9 * float(np.abs(S).max()):
        raise InputError(f"row {position}: the covariance is not symmetric")
    try:
        np.linalg.cholesky(S + 1e-9 * max(float(np.trace(S)) / len(S), 1e-300) * np.eye(len(S)))
    except np.linalg.LinAlgError as error:
        smallest = float(np.linalg.eigvalsh(S)[0])
        raise InputError(
            f"row {position}: the covariance is not positive semidefinite (smallest eigenvalue {smallest:.3g})"
        ) from error
