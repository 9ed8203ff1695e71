"""Covariance of a mixture of regimes, in the proportions that are believed now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from allocation.covariance.estimator import Estimator
from allocation.covariance.moments import window_moments
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
    current : ndarray of shape (S,), optional
        Probabilities now; by default those of the last row.
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
        known = given[np.isfinite(given).all(axis=1)]
        if (known < 0).any() or not np.allclose(known.sum(axis=1), 1.0, atol=1e-6):
            raise InputError("regime probabilities: expected rows that are not negative and sum to 1")
        if self.prior_rows is not None and not 0 <= self.prior_rows < np.inf:
            raise InputError(f"prior_rows {self.prior_rows}: expected 0 or more")

    def select_rows(self, rows: slice) -> RegimeMixture:
        """Return the estimator of a window, which knows the probabilities of its rows alone."""
        return replace(self, probabilities=self.probabilities[rows])

    def estimate(self, returns: Floats) -> Floats:
        """Return the covariance (N, N).

        Raises
        ------
        InputError
            If there are not as many returns as probabilities.
        """
        if len(returns) != len(self.probabilities):
            raise InputError(f"{len(returns)} rows of returns and {len(self.probabilities)} of probabilities")
        whole = LedoitWolf().from_moments(window_moments(returns))
        now = self.probabilities[-1] if self.current is None else self.current
        if not np.isfinite(now).all():
            return whole
        mean = _mean(returns, np.ones(len(returns)))
        known = np.isfinite(self.probabilities).all(axis=1)
        sigma, means = np.zeros_like(whole), []
        for s, weight in enumerate(now):
            within, centre = self._regime(
                returns, np.where(known, self.probabilities[:, s], 0.0), whole, mean
            )
            sigma += weight * within
            means.append(centre)
        apart = np.sqrt(now)[:, None] * (np.array(means) - now @ np.array(means))
        return np.asarray(sigma + apart.T @ apart)

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
