"""Moments: all that penalised least squares needs of its rows, as sums that can be added and taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints
from models.walk_forward.standardise import invert_scale

FLAT = 1e-12
"""A variance below this, of features brought to a scale of about 1, is rounding: the column does not vary."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Weighted sums of products of [Z, y, 1] over rows.

    Attributes
    ----------
    products : ndarray of shape (K + 2, K + 2)
        Sum over rows of weight times the outer product of the K features, the target and 1.
    n : int
        Rows.
    """

    products: Floats
    n: int

    @classmethod
    def none(cls, n_features: int) -> Moments:
        """Return the moments of no row."""
        return cls(np.zeros((n_features + 2, n_features + 2)), 0)

    @classmethod
    def of(cls, Z: Floats, y: Floats, weight: Floats | None = None) -> Moments:
        """Accumulate the moments of Z (n, K) and y (n,), each row counting `weight` (n,), or 1."""
        rows = np.empty((len(y), Z.shape[1] + 2))
        rows[:, :-2], rows[:, -2], rows[:, -1] = Z, y, 1.0
        if weight is not None:
            rows *= np.sqrt(weight)[:, None]
        return cls(rows.T @ rows, len(y))

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both sets of rows."""
        return Moments(self.products + other.products, self.n + other.n)

    def __sub__(self, other: Moments) -> Moments:
        """Return the moments without rows that are among them."""
        return Moments(self.products - other.products, self.n - other.n)

    @property
    def weight(self) -> float:
        """Sum of the weights: the number of rows if all count 1."""
        return float(self.products[-1, -1])

    def squared_errors(self, coefficients: Floats, intercepts: Floats) -> Floats:
        """Return the weighted sum of squared errors of linear forecasts of these rows, shape (P,).

        Parameters
        ----------
        coefficients : ndarray of shape (K, P)
        intercepts : ndarray of shape (P,)
        """
        whole = np.vstack([-coefficients, np.ones((1, coefficients.shape[1])), -intercepts[None, :]])
        errors: Floats = np.maximum(np.einsum("kp,kp->p", whole, self.products @ whole), 0.0)
        return errors


@dataclass(frozen=True, eq=False)
class Gram:
    """Second moments of standardised features: all that a path of coefficients is computed from.

    Attributes
    ----------
    G : ndarray of shape (K, K)
        Correlations of the features: Z'Z / n with ones on the diagonal; zeros for a column that does not vary.
    q : ndarray of shape (K,)
        Z'y / n.
    n : int
        Rows.
    """

    G: Floats
    q: Floats
    n: int

    @classmethod
    def of(cls, Z: Floats, y: Floats) -> Gram:
        """Accumulate the moments of Z (n, K) and y (n,), which are already centred."""
        n = len(y)
        return cls(Z.T @ Z / n, Z.T @ y / n, n)


@dataclass(frozen=True, eq=False)
class Standardised:
    """Moments brought to mean 0 and variance 1, and the way back.

    Attributes
    ----------
    gram : Gram
    centre, scale : ndarray of shape (K,)
        Weighted mean and standard deviation of each feature; scale 0 where it does not vary.
    level : float
        Weighted mean of the target.
    """

    gram: Gram
    centre: Floats
    scale: Floats
    level: float

    @classmethod
    def of(cls, moments: Moments, *, intercept: bool) -> Standardised:
        """Standardise moments; without an intercept means are taken to be 0, and only the scale is set to 1."""
        products, weight = moments.products, moments.weight
        zeros = np.zeros(len(products) - 2)
        centre = products[:-2, -1] / weight if intercept else zeros
        level = float(products[-2, -1] / weight) if intercept else 0.0
        covariance = products[:-2, :-2] / weight - np.outer(centre, centre)
        variance = np.diag(covariance)
        scale = np.where(variance > FLAT, np.sqrt(np.maximum(variance, 0.0)), 0.0)
        per = invert_scale(scale)
        q = (products[:-2, -2] / weight - centre * level) * per
        return cls(Gram(covariance * per[:, None] * per, q, moments.n), centre, scale, level)

    def unscale(self, path: Floats) -> tuple[Floats, Floats]:
        """Return coefficients (K, P) of the features as they came, and intercepts (P,).

        Parameters
        ----------
        path : ndarray of shape (K, P)
            Coefficients of the standardised features.
        """
        coefficients = path * invert_scale(self.scale)[:, None]
        return coefficients, self.level - self.centre @ coefficients


def demean_by_date(values: Floats, date: Ints, weight: Floats | None = None) -> Floats:
    """Subtract from each row the (weighted) mean of the rows of its date: date fixed effects.

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, K)
    date : ndarray of int, shape (n,), not decreasing
    weight : ndarray of shape (n,), optional
        Positive.
    """
    if not len(date):
        return values
    columns = np.ascontiguousarray(values).reshape(len(date), -1)
    out: Floats = _demean_dates(columns, date, np.ones(len(date)) if weight is None else weight)
    return out.reshape(values.shape)


@compiled
def _demean_dates(values: Floats, date: Ints, weight: Floats) -> Floats:
    """Return the rows (n, K) less the weighted mean of their date."""
    n, k = values.shape
    out, mean = np.empty((n, k)), np.empty(k)
    first = 0
    while first < n:
        last, total = first, 0.0
        mean[:] = 0.0
        while last < n and date[last] == date[first]:
            total += weight[last]
            for j in range(k):
                mean[j] += weight[last] * values[last, j]
            last += 1
        for j in range(k):
            mean[j] /= total
        for i in range(first, last):
            for j in range(k):
                out[i, j] = values[i, j] - mean[j]
        first = last
    return out
