"""Kernels of risk budgeting: a matrix-free Newton method without bounds, coordinate descent within them.

Both minimise f(x) = x'Sigma x / 2 - price sum b_i log x_i over x > 0. A covariance comes as (matrix, specific): dense
with `specific` empty, or as loadings with specific variances, which are never multiplied out.
"""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats


@compiled
def multiply_covariance(matrix: Floats, specific: Floats, x: Floats) -> Floats:
    """Return Sigma x, shape (n,)."""
    if len(specific):
        return matrix @ (matrix.T @ x) + specific * x
    return matrix @ x


@compiled
def minimise_unbounded(
    matrix: Floats, specific: Floats, variances: Floats, budgets: Floats, tolerance: float
) -> tuple[bool, Floats, int]:
    """Return the minimiser of f for price 1, at which x_i (Sigma x)_i = b_i.

    With D = diag(x / sqrt(b)) the Newton step d = D u solves (I + D Sigma D) u = r with
    r_i = (b_i - x_i (Sigma x)_i) / sqrt(b_i). At the solution D Sigma D has the eigenvector sqrt(b) with eigenvalue
    1; where no covariance is negative that is its largest (Perron), so that the spectrum is in [1, 2] whatever the
    condition of Sigma, and conjugate gradients need a handful of products.

    Parameters
    ----------
    matrix, specific : ndarray
        The covariance.
    variances, budgets : ndarray of shape (n,)
        Budgets are positive and sum to 1.
    tolerance : float
        Largest error of a share of risk.

    Returns
    -------
    solved : bool
    x : ndarray of shape (n,)
    products : int
        Products with Sigma that were made.

    Notes
    -----
    Spinu (2013), "An algorithm for computing risk parity weights": the convex problem and its Newton method.
    """
    root = np.sqrt(budgets)
    x = root / np.sqrt(variances)
    sx = multiply_covariance(matrix, specific, x)
    products = 1
    for _ in range(100):
        total = x @ sx
        if not (np.isfinite(total) and total > 0.0):
            return False, x, products
        # The best multiple of x: f has its minimum along a ray where x'Sigma x = 1.
        scale = 1.0 / np.sqrt(total)
        x, sx = x * scale, sx * scale
        right = (budgets - x * sx) / root
        if np.abs(right * root).max() <= tolerance:
            return True, x, products
        size = np.sqrt(right @ right)
        most = max(min(0.3, 3.0 * size) * size, 0.3 * tolerance / root.max())
        u, mu, used = _conjugate(matrix, specific, x / root, right, most)
        products += used
        step = _step(u, mu, root, budgets)
        if step == 0.0:
            return False, x, products
        sx = sx + step * mu * root / x
        x = x * (1.0 + step * u / root)
    return False, x, products


@compiled
def _conjugate(
    matrix: Floats, specific: Floats, scale: Floats, right: Floats, most: float
) -> tuple[Floats, Floats, int]:
    """Solve (I + D Sigma D) u = right until the residual is at most `most`; return u, D Sigma D u and the products."""
    u, mu = np.zeros(len(right)), np.zeros(len(right))
    rest = right.copy()
    along = right.copy()
    square = rest @ rest
    for used in range(1, 2 * len(right) + 20):
        image = scale * multiply_covariance(matrix, specific, scale * along)
        curvature = along @ along + along @ image
        if not curvature > 0.0:
            return u, mu, used
        length = square / curvature
        u += length * along
        mu += length * image
        rest -= length * (along + image)
        fresh = rest @ rest
        if np.sqrt(fresh) <= most:
            return u, mu, used
        along = rest + (fresh / square) * along
        square = fresh
    return u, mu, 2 * len(right) + 20


@compiled
def _step(u: Floats, mu: Floats, root: Floats, budgets: Floats) -> float:
    """Return a step length at which f falls and x stays positive; 0 if there is none.

    u and `mu`, which is D Sigma D u, tell the whole quadratic without another product.
    """
    relative = u / root
    largest = np.abs(relative).max()
    if largest < 0.3:
        return 1.0
    # x'Sigma d = sum of (D Sigma D u)_i sqrt(b)_i.
    slope, bend = mu @ root, mu @ u
    descent = slope - u @ root
    step: float = min(1.0, 0.95 / max(-relative.min(), 1e-300))
    for _ in range(60):
        change = step * slope + 0.5 * step * step * bend - (budgets * np.log1p(step * relative)).sum()
        if change <= 1e-4 * step * descent:
            return step
        step *= 0.5
    return 0.0


@compiled
def minimise_bounded(
    matrix: Floats,
    specific: Floats,
    variances: Floats,
    budgets: Floats,
    price: float,
    low: Floats,
    high: Floats,
    x: Floats,
    tolerance: float,
    sweeps: int,
) -> bool:
    """Move `x` to the minimiser of f within low <= x <= high by cyclical coordinate descent; True if it arrived.

    Along one coordinate f has its minimum at the positive root of v x^2 + c x - price b = 0, c being the covariance
    with the other assets; the bound nearest to it is the minimum within bounds.

    Notes
    -----
    Griveau-Billion, Richard and Roncalli (2013), "A fast algorithm for computing high-dimensional risk parity
    portfolios", equation (6).
    """
    factors = len(specific) > 0
    # By factors the state is the K exposures; dense, the n covariances with the portfolio.
    state = matrix.T @ x if factors else matrix @ x
    for _ in range(sweeps):
        moved = 0.0
        for i in range(len(x)):
            own = (matrix[i] * state).sum() + specific[i] * x[i] if factors else state[i]
            linear = own - variances[i] * x[i]
            root = np.sqrt(linear * linear + 4.0 * variances[i] * price * budgets[i])
            # Of the two forms of the root, the one without cancellation.
            if linear > 0.0:
                wanted = 2.0 * price * budgets[i] / (linear + root)
            else:
                wanted = (root - linear) / (2.0 * variances[i])
            wanted = min(max(wanted, low[i]), high[i])
            change = wanted - x[i]
            if change != 0.0:
                x[i] = wanted
                moved = max(moved, abs(change) / wanted)
                for k in range(len(state)):
                    state[k] += change * matrix[i, k]
        if moved <= tolerance:
            return True
    return False
