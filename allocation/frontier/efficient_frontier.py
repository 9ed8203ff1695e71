"""The whole efficient frontier within linear limits, exactly: its corner portfolios, and any point between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocation.covariance_checks import describe_singularity
from allocation.covariance_types import Risk
from allocation.errors import InputError
from foundation.types import Floats

_NOTHING = 1e-6
"""Weights whose sizes add up to a smaller share of the largest portfolio's are all cash but for rounding."""
_RISKLESS = 1e-13
"""Smallest variance, as a share of what it were if assets moved together, that is more than rounding."""


@dataclass(frozen=True, eq=False)
class EfficientFrontier:
    """Efficient portfolios: no other has as much mean with less variance.

    Between two neighbouring corners weights are a mixture of the two. Above the first lambda weights stay the first
    corner; the last corner, lambda = 0, is the portfolio of smallest variance.

    Attributes
    ----------
    lambdas : ndarray of shape (C,)
        Tolerance for risk at the corner, not increasing, the last one 0: the corner maximises
        lambda mu'w - w'Sigma w / 2, so lambda is 1 / risk_aversion. Two corners have the same lambda only where a
        change of weights costs no risk.
    weights : ndarray of shape (C, n)
    mean, variance : ndarray of shape (C,)
    mu : ndarray of shape (n,)
    sigma : Risk
    """

    lambdas: Floats
    weights: Floats
    mean: Floats
    variance: Floats
    mu: Floats
    sigma: Risk

    def at_risk_aversion(self, gamma: float) -> Floats:
        """Return the weights (n,) that maximise mu'w - gamma/2 w'Sigma w, for gamma more than 0."""
        if not gamma > 0:
            raise InputError(f"risk aversion {gamma:g} must be more than 0")
        return np.asarray(self._mixed(np.array([1.0 / gamma]), self.lambdas)[0])

    def at_mean(self, means: Floats) -> Floats:
        """Return the weights (P, n) of least variance with at least these means, shape (P,).

        Raises
        ------
        InputError
            If a mean is more than any portfolio within the limits has.
        """
        means = np.asarray(means, dtype=np.float64)
        top = float(self.mean[0])
        if not bool((means <= top + 1e-12 * max(1.0, abs(top))).all()):
            raise InputError(f"mean {float(means.max()):g} is out of reach: the largest is {top:g}")
        return self._mixed(means, self.mean)

    def points(self, count: int) -> Floats:
        """Return the weights (count, n) of portfolios with equally spaced means, largest first."""
        return self.at_mean(np.linspace(self.mean[0], self.mean[-1], count))

    def minimum_variance(self) -> Floats:
        """Return the weights (n,) of smallest variance, of these the ones with the largest mean."""
        return np.array(self.weights[-1])

    def tangency(self) -> Floats:
        """Return the weights (n,) of the largest mu'w / sqrt(w'Sigma w), of several the largest positions.

        Along a segment the ratio has one maximum, in closed form. Where cash is allowed, the frontier may hold several
        multiples of the same weights, whose ratios differ by rounding alone: the largest multiple is returned.

        Raises
        ------
        InputError
            If no portfolio has a positive mean (`MaximumSharpe` says what is best then), or one without risk has.
        """
        if not self.mean[0] > 0:
            raise InputError(
                f"no portfolio within the limits has a positive mean, the largest is {self.mean[0]:g}"
            )
        w, step = self.weights[:-1], np.diff(self.weights, axis=0)
        if len(self.weights) == 1:
            return np.array(self.weights[0])
        pulls = np.array([self.sigma @ corner for corner in self.weights])
        a, b = self.mean[:-1], np.diff(self.mean)
        c, d = self.variance[:-1], np.einsum("ij,ij->i", step, pulls[:-1])
        e = np.einsum("ij,ij->i", step, np.diff(pulls, axis=0))
        below = a * e - b * d
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(below != 0, (b * c - a * d) / below, 0.0)
        inside = w + np.clip(t, 0.0, 1.0)[:, None] * step
        both = np.vstack([self.weights, inside])
        # Holding nothing, the end of a frontier on which all may be cash, has no ratio.
        gross = np.abs(both).sum(axis=1)
        both = both[gross > _NOTHING * float(gross.max())]
        variance = np.array([float(v @ (self.sigma @ v)) for v in both])
        apart = np.abs(both) @ np.sqrt(self.sigma.diagonal())
        riskless = ~(variance > _RISKLESS * apart**2)
        if (riskless & (both @ self.mu > 0)).any():
            raise InputError(
                "a portfolio without risk is efficient, so no largest ratio to risk exists: "
                f"{describe_singularity(self.sigma) or 'an asset has no risk'}"
            )
        both, variance = both[~riskless], variance[~riskless]
        best = both[int(np.argmax(both @ self.mu / np.sqrt(variance)))]
        return np.array(_largest_multiple_among(both, best))

    def _mixed(self, wanted: Floats, by: Floats) -> Floats:
        """Return mixtures of neighbouring corners at which `by`, not increasing along them, is as wanted."""
        upward, last = -by, len(by) - 1
        right = np.clip(np.searchsorted(upward, -wanted), 1, max(last, 1))
        if last == 0:
            return np.repeat(self.weights, len(wanted), axis=0)
        above, below = by[right - 1], by[right]
        apart = np.where(above > below, above - below, 1.0)
        share = np.clip((above - wanted) / apart, 0.0, 1.0)[:, None]
        return np.asarray((1 - share) * self.weights[right - 1] + share * self.weights[right])


def _largest_multiple_among(portfolios: Floats, best: Floats) -> Floats:
    """Return the largest of some portfolios (P, n) that are a multiple of `best` of 1 or more."""
    factor = portfolios @ best / float(best @ best)
    apart = np.abs(portfolios - factor[:, None] * best).max(axis=1)
    larger = (factor > 1 + 1e-9) & (apart <= 1e-9 * np.abs(portfolios).max(axis=1))
    return np.asarray(portfolios[int(np.argmax(np.where(larger, factor, 0.0)))]) if larger.any() else best
