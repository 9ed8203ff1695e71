"""Weights with given shares of risk: by Newton's method without bounds, by a price of risk within them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from allocation.covariance_types import FactorCovariance, Risk
from allocation.errors import InfeasibleError, SolverError
from allocation.risk_based.kernels import minimise_bounded, minimise_unbounded, multiply_covariance
from foundation.types import Floats

ERROR = 1e-10
"""Largest error of a share of risk that is returned."""


def _parts(sigma: Risk) -> tuple[Floats, Floats, Floats]:
    """Return matrix, specific variances (empty if dense) and variances, as the kernels take them."""
    if isinstance(sigma, FactorCovariance):
        return sigma.loadings, sigma.specific, sigma.diagonal()
    return sigma, np.empty(0), np.ascontiguousarray(sigma.diagonal())


def solve_unbounded(sigma: Risk, budgets: Floats, invested: float) -> Floats | None:
    """Return the weights without bounds, or None if Newton's method does not arrive."""
    solved, x, _ = minimise_unbounded(*_parts(sigma), budgets, 0.1 * ERROR)
    return np.asarray(x * (invested / x.sum())) if solved else None


def solve_bounded(
    position: int, sigma: Risk, budgets: Floats, invested: float, low: Floats, high: Floats
) -> Floats:
    """Return the weights within bounds: find the price at which they sum to what is invested."""
    if high.sum() - invested <= 1e-12:
        return np.array(high)
    if invested - low.sum() <= 1e-12:
        return np.array(low)
    matrix, specific, variances = _parts(sigma)
    x = np.clip(invested * budgets / np.sqrt(variances) / (budgets / np.sqrt(variances)).sum(), low, high)
    x = np.maximum(x, 1e-300)

    def missing(price: float) -> float:
        if not minimise_bounded(matrix, specific, variances, budgets, price, low, high, x, 1e-14, 5000):
            raise SolverError(f"row {position}: coordinate descent did not arrive in 5,000 sweeps")
        return float(x.sum()) - invested

    variance = float(x @ multiply_covariance(matrix, specific, x))
    if not variance > 0:
        raise SolverError(f"row {position}: the covariance is not positive definite")
    _root(position, missing, variance)
    return np.asarray(x)


def _bracket_root(
    position: int, missing: Callable[[float], float], price: float
) -> tuple[float, float, float, float]:
    """Return two prices between which `missing` changes its sign, each followed by its value there."""
    a, fa = price, missing(price)
    factor = 2.0 if fa < 0 else 0.5
    b, fb = a, fa
    for _ in range(400):
        if fb * fa <= 0 and b != a:
            return a, fa, b, fb
        a, fa = b, fb
        b = a * factor
        fb = missing(b)
    raise InfeasibleError(
        f"row {position}: at no price of risk do weights within the bounds sum to what is invested: "
        "minimum weights leave no room for budgets",
        ("minimum weight",),
    )


def _root(position: int, missing: Callable[[float], float], price: float) -> None:
    """Leave `missing` called at the price at which it is 0: doubling, then the Illinois rule on log prices."""
    a, fa, b, fb = _bracket_root(position, missing, price)
    for _ in range(200):
        if abs(fb) <= 1e-15 or abs(np.log(b / a)) < 1e-15:
            return
        c = float(np.exp((np.log(a) * fb - np.log(b) * fa) / (fb - fa)))
        fc = missing(c)
        if fc * fb < 0:
            a, fa = b, fb
        else:
            fa *= 0.5
        b, fb = c, fc
