"""Covariance of a mixture of regimes, in the proportions that are believed now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from allocation.covariance.estimator import Estimator
from allocation.covariance.moments import window_moments
from allocation.covariance.path import CovarianceCollector, CovariancePath
from allocation.covariance.shrinkage import LedoitWolf
from allocation.errors import InputError
from foundation.types import Floats


@dataclass(frozen=True, eq=False)
class RegimeMixture(Estimator):
    """Covariance of next period's return, whichever regime it comes from.

    By the law of total variance, with q the probabilities now, m_s and S_s mean and covariance within a regime:

        Sigma = sum_s q_s S_s + sum_s q_s (m_s - m)(m_s - m)'    and    m = sum_s q_s m_s.

    Rows of the window count in S_s and m_s by their probability of regime s. A regime that the window has hardly seen
    says little: both are averaged with mean and Ledoit-Wolf covariance of the whole window, which count as
    `prior_rows` rows beside the regime's own (its effective number, (sum p)^2 / sum p^2).

    A row without probabilities (before the first fit of the regimes) counts in the whole window alone. Where there are
    none now, the estimate is that of the whole window.

    Parameters
    ----------
    probabilities : ndarray of shape (W, S)
        Of each row of the window, as known at the time; NaN where they were not. Or of all rows of a panel,
        of which `select_rows` takes those of a window.
    current : ndarray of shape (S,) or (W, S), optional
        Probabilities of the period ahead; by default those of the last row. With one row for each of `probabilities`,
        such as forecasts of the regime, the last one counts.
    prior_rows : float, optional
        By default the number of assets; 0 lets each regime speak for itself.

    Raises
    ------
    InputError
        If shapes do not fit, or probabilities are negative or do not sum to 1.
    """

    semidefinite: ClassVar[bool] = True

    probabilities: Floats
    current: Floats | None = None
    prior_rows: float | None = None

    def __post_init__(self) -> None:
        """Check the probabilities."""
        given = self.probabilities if self.current is None else np.vstack([self.probabilities, self.current])
        if (
            self.current is not None
            and self.current.ndim == 2
            and len(self.current) != len(self.probabilities)
        ):
            raise InputError(
                f"{len(self.current)} rows of current for {len(self.probabilities)} of probabilities"
            )
        known = given[np.isfinite(given).all(axis=1)]
        if (known < 0).any() or not np.allclose(known.sum(axis=1), 1.0, atol=1e-6):
            raise InputError("regime probabilities: expected rows that are not negative and sum to 1")
        if self.prior_rows is not None and not 0 <= self.prior_rows < np.inf:
            raise InputError(f"prior_rows {self.prior_rows}: expected 0 or more")

    def select_rows(self, rows: slice) -> RegimeMixture:
        """Return the estimator of a window, which knows the probabilities of its rows alone."""
        current = self.current
        if current is not None and current.ndim == 2:
            current = current[rows]
        return replace(self, probabilities=self.probabilities[rows], current=current)

    def estimate(self, returns: Floats) -> Floats:
        """Return the covariance (N, N).

        Raises
        ------
        InputError
            If there are not as many returns as probabilities.
        """
        return self.estimate_moments(returns)[1]

    def estimate_moments(self, returns: Floats) -> tuple[Floats, Floats]:
        """Return the mean (N,) and the covariance (N, N) of the mixture.

        Raises
        ------
        InputError
            If there are not as many returns as probabilities.
        """
        if len(returns) != len(self.probabilities):
            raise InputError(f"{len(returns)} rows of returns and {len(self.probabilities)} of probabilities")
        whole = LedoitWolf().from_moments(window_moments(returns))
        mean, now = _mean(returns, np.ones(len(returns))), self._believed_now()
        if not np.isfinite(now).all():
            return mean, whole
        known = np.isfinite(self.probabilities).all(axis=1)
        sigma, centres = np.zeros_like(whole), []
        for s, weight in enumerate(now):
            within, centre = self._regime(
                returns, np.where(known, self.probabilities[:, s], 0.0), whole, mean
            )
            sigma += weight * within
            centres.append(centre)
        means = np.array(centres)
        apart = np.sqrt(now)[:, None] * (means - now @ means)
        return np.asarray(now @ means), np.asarray(sigma + apart.T @ apart)

    def _believed_now(self) -> Floats:
        """Return the probabilities (S,) of the mixture."""
        if self.current is None:
            return np.asarray(self.probabilities[-1])
        return np.asarray(self.current[-1] if self.current.ndim == 2 else self.current)

    def _regime(self, returns: Floats, counted: Floats, whole: Floats, mean: Floats) -> tuple[Floats, Floats]:
        """Return covariance (N, N) and mean (N,) within a regime, averaged with those of the whole window."""
        seen = counted > 0
        finite = np.isfinite(returns)
        # Two rows at least of every asset, or the regime says nothing of how it varies.
        if (finite[seen].sum(axis=0) < 2).any():
            return whole, mean
        moments = window_moments(returns[seen], counted[seen])
        prior = len(whole) if self.prior_rows is None else self.prior_rows
        own = moments.rows / (moments.rows + prior)
        centre = own * _mean(returns, counted) + (1 - own) * mean
        return own * moments.to_definite() + (1 - own) * whole, centre


def _mean(returns: Floats, counted: Floats) -> Floats:
    finite = np.isfinite(returns)
    return np.asarray((counted @ np.where(finite, returns, 0.0)) / (counted @ finite))


def mixture_path(
    excess: Floats, path: CovariancePath, mixture: RegimeMixture, *, window: int, horizon: int
) -> tuple[Floats, CovariancePath]:
    """Return mean (D, N) and covariances of the mixture, at the decisions and for the eligible assets of a path.

    Parameters
    ----------
    excess : ndarray of shape (T, N)
        Returns less cash, NaN where an asset is not listed.
    path : CovariancePath
        Its covariances are not used.
    mixture : RegimeMixture
        Of all rows of the panel.
    window : int
        Rows to use.
    horizon : int
        Mean and covariance are scaled to this many observations.
    """
    n_decisions, n_assets = path.eligible.shape
    means, sigma = (
        np.full((n_decisions, n_assets), np.nan),
        CovarianceCollector(n_decisions, n_assets, horizon, False),
    )
    for d in np.flatnonzero(path.eligible.any(axis=1)).tolist():
        last = int(path.positions[d])
        rows = slice(max(0, last - window + 1), last + 1)
        inside = np.flatnonzero(path.eligible[d])
        mean, covariance = mixture.select_rows(rows).estimate_moments(excess[rows][:, inside])
        means[d, inside] = horizon * mean
        sigma.put(d, inside, covariance)
    return means, replace(path, sigma=sigma.sigma(), sound=True)
