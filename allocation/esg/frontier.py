"""The ESG-efficient frontier: the best Sharpe ratio at each average score, after Pedersen and others (2021)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocation.covariance_checks import describe_fault
from allocation.covariance_types import FactorCovariance, Risk, to_dense
from allocation.errors import InputError
from allocation.input_alignment import refuse_labels
from foundation.types import Floats


@dataclass(frozen=True, eq=False)
class EsgFrontier:
    """Best Sharpe ratios by score.

    Attributes
    ----------
    score : ndarray of shape (L,)
        Average score of what is held, s'w / 1'w.
    sharpe : ndarray of shape (L,)
        Largest ratio of expected excess return to standard deviation over one horizon; NaN where no portfolio with a
        positive expected excess return has the score.
    weights : ndarray of shape (L, N)
        Portfolios that have it, scaled to sum to 1.
    """

    score: Floats
    sharpe: Floats
    weights: Floats


def esg_frontier(mu: Floats, sigma: Risk, scores: Floats, levels: Floats) -> EsgFrontier:
    """Return the frontier without limits, in closed form.

    Parameters
    ----------
    mu : ndarray of shape (N,)
        Expected excess return over one horizon.
    sigma : Risk
        Covariance over the same horizon, positive definite; factors are not multiplied out.
    scores : ndarray of shape (N,)
    levels : ndarray of shape (L,)
        Average scores to ask for.

    Returns
    -------
    EsgFrontier
        SR(s)^2 = c_mm - (c_sm - s c_1m)^2 / (c_ss - 2 s c_1s + s^2 c_11) with c_ab = a'Sigma^-1 b, at
        w proportional to Sigma^-1 (mu + p (scores - s)), p = (s c_1m - c_sm) / (c_ss - 2 s c_1s + s^2 c_11).
        NaN where that portfolio is not long on balance, as the definition of an average score asks.

    Raises
    ------
    InputError
        If the scores do not differ, or the covariance is not finite, symmetric and positive semidefinite.

    Notes
    -----
    Pedersen, Fitzgibbons and Pomorski (2021), "Responsible investing: the ESG-efficient frontier", *Journal of
    Financial Economics* 142, 572-597, propositions 1 and 2.
    """
    if not np.ptp(scores) > 0:
        raise InputError("a frontier needs scores that differ")
    check_moments(mu, sigma)
    ones = np.ones(len(mu))
    moved = _inverse_times(sigma, np.column_stack([mu, scores, ones]))
    c = np.column_stack([mu, scores, ones]).T @ moved
    mm, sm, om, ss, os, oo = c[0, 0], c[1, 0], c[2, 0], c[1, 1], c[2, 1], c[2, 2]
    spread = ss - 2 * levels * os + levels**2 * oo
    price = (levels * om - sm) / spread
    sharpe = np.sqrt(np.maximum(mm - (sm - levels * om) ** 2 / spread, 0.0))
    weights = moved[:, 0] + price[:, None] * (moved[:, 1] - levels[:, None] * moved[:, 2])
    total = weights.sum(axis=1)
    scale = np.where(total > 1e-12 * np.abs(weights).sum(axis=1), total, np.nan)
    return EsgFrontier(levels, np.where(np.isfinite(scale), sharpe, np.nan), weights / scale[:, None])


def best_score(mu: Floats, sigma: Risk, scores: Floats) -> float:
    """Return the average score of the portfolio with the largest Sharpe ratio, s* = c_sm / c_1m.

    Parameters
    ----------
    mu, sigma, scores
        See `esg_frontier`.
    """
    check_moments(mu, sigma)
    w = _inverse_times(sigma, mu[:, None])[:, 0]
    return float(scores @ w / w.sum())


def check_moments(mu: Floats, sigma: Risk) -> None:
    """Refuse labels, which cannot be matched here, and what is no covariance."""
    refuse_labels("mu", mu)
    refuse_labels("sigma", sigma)
    wrong = describe_fault(sigma, [f"asset {i}" for i in range(len(mu))])
    if wrong:
        raise InputError(wrong)


def _inverse_times(sigma: Risk, columns: Floats) -> Floats:
    """Return Sigma^-1 M for M of shape (N, K); by factors in N K^2 operations (Woodbury)."""
    if not isinstance(sigma, FactorCovariance):
        return np.asarray(np.linalg.solve(sigma, columns))
    if not (sigma.specific > 0).all():
        return np.asarray(np.linalg.solve(to_dense(sigma), columns))
    B, D = sigma.loadings, sigma.specific[:, None]
    inner = np.eye(B.shape[1]) + B.T @ (B / D)
    return np.asarray(columns / D - (B / D) @ np.linalg.solve(inner, B.T @ (columns / D)))
