"""Equal risk: each asset contributes as much to the variance as any other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allocation.errors import InputError, SolverError
from allocation.structure import Risk, dense, within
from allocation.weights import Attestation, Weights

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ERROR = 1e-9
"""Largest difference of a contribution from 1/n that is handed out, as a share of the variance."""
STEPS = 200


class EqualRisk:
    """Long weights, fully invested, with w_i (Sigma w)_i the same for all assets of the universe.

    They are the minimiser of x'Sigma x / 2 - sum log x_i, made to sum to 1: unique for any positive definite
    covariance. Neither forecasts nor the weights held are read.

    Parameters
    ----------
    assets : sequence of str, length N

    Notes
    -----
    Maillard, Roncalli and Teiletche (2010), *Journal of Portfolio Management* 36(4), 60-70; solved by Newton's
    method as in Spinu (2013), "An algorithm for computing risk parity weights".
    """

    def __init__(self, assets: Sequence[str]) -> None:
        self.assets = tuple(assets)

    def solve(self, position: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools) -> Weights:
        """Return the weights; see `Allocator.solve`.

        Raises
        ------
        InputError
            If the universe is empty, or the covariance is not finite with positive variances.
        SolverError
            If contributions cannot be made equal, as when the covariance is not positive definite.
        """
        n = int(universe.sum())
        S = dense(within(sigma, universe))
        if not n:
            raise InputError(f"row {position}: the universe is empty")
        if not (np.isfinite(S).all() and (S.diagonal() > 0).all()):
            raise InputError(f"row {position}: the covariance is not finite with positive variances")
        inverse = 1 / np.sqrt(S.diagonal())
        try:
            x = _minimise(S * np.outer(inverse, inverse)) * inverse
        except np.linalg.LinAlgError as singular:
            raise SolverError(f"row {position}: the covariance is not positive definite") from singular
        weights = np.zeros(len(self.assets))
        weights[universe] = x / x.sum()
        w = weights[universe]
        risk = w * (S * w).sum(axis=1)
        error = float(np.abs(risk / risk.sum() - 1 / n).max())
        if not error <= ERROR:
            raise SolverError(
                f"row {position}: contributions to risk differ by {error:.3g} of it from equal ones: is the "
                "covariance positive definite?"
            )
        return Weights(position, weights, 0.0, "solved", Attestation({"equal risk": ERROR - error}, 0.0))


def _minimise(C: Floats) -> Floats:
    """Return the minimiser of x'Cx / 2 - sum log x for a correlation matrix C, by Newton's method."""
    x = np.full(len(C), 1 / np.sqrt(max(float(C.mean()), 1e-12) * len(C)))
    for _ in range(STEPS):
        gradient = (C * x).sum(axis=1) - 1 / x
        step = np.linalg.solve(C + np.diag(1 / x**2), gradient)
        decrement = float(gradient @ step)
        if not decrement > 1e-28 * len(C):
            break
        # The function is self-concordant: this length always lowers it, and far from the end keeps x positive.
        length = 1.0 if np.sqrt(decrement) < 0.25 else 1 / (1 + np.sqrt(decrement))
        x = x - length * step
    return np.asarray(x)
