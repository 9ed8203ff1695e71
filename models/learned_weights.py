"""Learned weights: a combination's weights from past out-of-sample errors, shrunk to equal."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from foundation.types import Floats, Ints


def learned_weights(
    raw: Floats, y: Floats, ends: Ints, horizon: int, *, prior_deviation: float = 1.0, discount: float = 1.0
) -> Floats:
    """Return the weight of each member at each date, shape (T, M): not negative, summing to 1.

    Only pairs whose label had ended by row t, and that all members forecast, enter row t.

    Parameters
    ----------
    raw : ndarray of shape (T, N, M)
        Predictions in the target's unit.
    y : ndarray of shape (T, N)
        Target.
    ends : ndarray of int, shape (T,)
        Row at which the labels of each date end.
    horizon : int
        Observations that a label spans.
    prior_deviation : float
        Standard deviation that a weight is expected to have around 1/M before anything is known, as a multiple of
        1/M; 0 gives equal weights.
    discount : float
        What a date counts less with each row, in (0, 1].

    Notes
    -----
    Of weights 1/M + b that sum to 1 the error is e - d'b, where e is the error of the equal combination and d are the
    members' forecasts less it. Their least-squares estimate is Bates and Granger's (1969) with the full covariance of
    errors; it is known to be too noisy (Timmermann, 2006, section 4). With the prior
    b ~ N(0, (prior_deviation / M)^2 I) its posterior mean is b = (D + k I)^-1 g. D and g are sums over pairs of d d'
    and d e; k is the variance of g for each unit of tr D under equal weights, divided by the variance of the prior.
    The variance of g is summed over dates, so that assets of a date may depend on one another, and multiplied by the
    horizon, because overlapping labels repeat one another. Negative weights become 0 and the others are scaled to the
    sum 1.
    """
    n_members = raw.shape[2]
    equal = np.full((len(ends), n_members), 1.0 / n_members)
    if prior_deviation == 0 or n_members == 1:
        return equal
    products, scores, noise = _sum_products(raw, y, ends, discount)
    spread = np.trace(products, axis1=1, axis2=2)
    differ = spread > 0
    strength = np.zeros(len(ends))
    strength[differ] = horizon * noise[differ] / spread[differ] * (n_members / prior_deviation) ** 2
    # Without an error so far the members are as good as one another.
    differ &= strength > 0
    # Of M differences from the mean M - 1 are free: without this basis the matrix is singular but for k.
    basis = scipy.linalg.helmert(n_members).T
    ridge = basis.T @ products[differ] @ basis + strength[differ, None, None] * np.eye(n_members - 1)
    solved = np.linalg.solve(ridge, (scores[differ, :, None] * basis).sum(axis=1)[:, :, None])[:, :, 0]
    weights = equal.copy()
    weights[differ] += (solved[:, None, :] * basis).sum(axis=2)
    weights = np.maximum(weights, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def discounted_sums(by_date: Floats, ends: Ints, discount: float) -> Floats:
    """Return the discounted sum of what had ended by each date, shape (T, S), of numbers per date (T, S)."""
    total = np.zeros(by_date.shape)
    sums, matured = np.zeros(by_date.shape[1]), 0
    for t in range(len(ends)):
        sums = discount * sums
        while matured < len(ends) and ends[matured] <= t:
            sums = sums + by_date[matured]
            matured += 1
        total[t] = sums
    return total


def _sum_products(raw: Floats, y: Floats, ends: Ints, discount: float) -> tuple[Floats, Floats, Floats]:
    """Return sums known at each date: d d' (T, M, M), d e (T, M), and the squared length of d e by date (T,)."""
    n_dates, _, n_members = raw.shape
    ok = np.isfinite(raw).all(axis=2) & np.isfinite(y)
    forecasts = np.where(ok[:, :, None], raw, 0.0)
    mean = forecasts.mean(axis=2)
    d, e = forecasts - mean[:, :, None], np.where(ok, y, 0.0) - mean
    products = np.einsum("tim,tik->tmk", d, d).reshape(n_dates, -1)
    scores = (d * e[:, :, None]).sum(axis=1)
    by_date = np.concatenate([products, scores, (scores**2).sum(axis=1, keepdims=True)], axis=1)
    sums = discounted_sums(by_date, ends, discount)
    square = n_members * n_members
    return sums[:, :square].reshape(n_dates, n_members, n_members), sums[:, square:-1], sums[:, -1]
