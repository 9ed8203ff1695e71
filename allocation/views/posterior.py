"""Posterior: what equilibrium and views say together about expected returns (Black and Litterman, 1992).

Expected returns m are unknown. Equilibrium says m ~ N(pi, tau Sigma); views say P m = q + e, e ~ N(0, Omega). Returns
then have mean E[m] and covariance Sigma + Var[m], given both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocation.covariance_types import FactorCovariance, Risk, scale_covariance, to_dense
from allocation.errors import InputError
from allocation.input_alignment import refuse_labels
from foundation.types import Floats


@dataclass(frozen=True, eq=False)
class Posterior:
    """Moments of returns given equilibrium and views.

    Attributes
    ----------
    mean : ndarray of shape (N,)
        Expected excess return over one horizon.
    sigma : Risk
        Covariance of returns over the horizon, the doubt about their mean included. By factors where the prior's
        covariance is and the views are of single assets; dense otherwise.
    """

    mean: Floats
    sigma: Risk


def implied_returns(sigma: Risk, weights: Floats, risk_aversion: float) -> Floats:
    """Return pi = delta Sigma w: the expected excess returns for which `weights` are the best, shape (N,).

    Parameters
    ----------
    sigma : Risk
        Covariance over one horizon.
    weights : ndarray of shape (N,)
        Market weights.
    risk_aversion : float
        delta; see `implied_risk_aversion`.

    Notes
    -----
    Sharpe (1974), "Imputing expected security returns from portfolio composition", *Journal of Financial and
    Quantitative Analysis* 9, 463-472; He and Litterman (1999), equation (2).
    """
    refuse_labels("sigma", sigma)
    refuse_labels("weights", weights)
    return np.asarray(risk_aversion * (sigma @ weights))


def implied_risk_aversion(sigma: Risk, weights: Floats, premium: float) -> float:
    """Return delta = premium / w'Sigma w, under which the market portfolio is expected to earn `premium`.

    Parameters
    ----------
    sigma : Risk
    weights : ndarray of shape (N,)
    premium : float
        Expected excess return of the market over the horizon of sigma.

    Raises
    ------
    InputError
        If the market portfolio has no risk.
    """
    variance = float(weights @ (sigma @ weights))
    if not variance > 0:
        raise InputError(
            f"the market portfolio has variance {variance:g}: no risk aversion explains a premium"
        )
    return premium / variance


def view_variance(sigma: Risk, picks: Floats) -> Floats:
    """Return p Sigma p' of each view's portfolio, shape (K,).

    Parameters
    ----------
    sigma : Risk
    picks : ndarray of shape (K, N)
    """
    return np.asarray((_multiply_columns(sigma, picks.T) * picks.T).sum(axis=0))


def omega_of_confidence(confidence: Floats, prior_variance: Floats) -> Floats:
    """Return Omega's diagonal for confidences: tau p Sigma p' (1 - c) / c, infinite at c = 0.

    Idzorek (2005) defines the confidence of a view by the tilt of the best weights: alone, it moves them a share c of
    what it would move them without doubt. The tilt of a single view is proportional to
    tau p Sigma p' / (tau p Sigma p' + omega), so this closed form (Walters, 2014, section on Idzorek) is exactly his
    least-squares fit. c = 1/2 is the choice of He and Litterman (1999).

    Parameters
    ----------
    confidence : ndarray of shape (K,)
        Between 0 and 1.
    prior_variance : ndarray of shape (K,)
        tau p Sigma p'.

    Notes
    -----
    Idzorek (2005), "A step-by-step guide to the Black-Litterman model: incorporating user-specified confidence
    levels", Ibbotson Associates. Walters (2014), "The Black-Litterman model in detail", SSRN 1314585.
    """
    with np.errstate(divide="ignore"):
        return np.where(
            confidence > 0, prior_variance * (1 - confidence) / np.maximum(confidence, 1e-300), np.inf
        )


def combine_views(
    prior: Floats, sigma: Risk, picks: Floats, values: Floats, omega: Floats, *, tau: float
) -> Posterior:
    """Combine equilibrium and views.

    Parameters
    ----------
    prior : ndarray of shape (N,)
        pi.
    sigma : Risk
    picks : ndarray of shape (K, N)
        P, one row per view. Without a view the mean stays as it is.
    values : ndarray of shape (K,)
        q.
    omega : ndarray of shape (K,) or (K, K)
        Covariance of the views' errors; its diagonal alone if they are independent. 0 is a view without doubt.
    tau : float
        Doubt about equilibrium, as a share of Sigma.

    Returns
    -------
    Posterior
        mean = pi + tau Sigma P' A^-1 (q - P pi), sigma = (1 + tau) Sigma - tau^2 Sigma P' A^-1 P Sigma, with
        A = tau P Sigma P' + Omega: nothing of the size of Sigma is inverted.

    Raises
    ------
    InputError
        If views without doubt repeat or contradict one another.

    Notes
    -----
    He and Litterman (1999), "The intuition behind Black-Litterman model portfolios", Goldman Sachs, equations (8)
    to (10).
    """
    if not len(picks):
        return Posterior(prior, scale_covariance(sigma, 1 + tau))
    moved = tau * _multiply_columns(sigma, picks.T)
    A = picks @ moved + (np.diag(omega) if omega.ndim == 1 else omega)
    _check_invertible(A)
    mean = prior + moved @ np.linalg.solve(A, values - picks @ prior)
    learnt = moved @ np.linalg.solve(A, moved.T)
    full = (1 + tau) * to_dense(sigma) - (learnt + learnt.T) / 2
    return Posterior(mean, full)


def _multiply_columns(sigma: Risk, columns: Floats) -> Floats:
    """Return Sigma M for M of shape (N, K), without multiplying factors out."""
    if isinstance(sigma, FactorCovariance):
        return np.asarray(sigma.loadings @ (sigma.loadings.T @ columns) + sigma.specific[:, None] * columns)
    return np.asarray(sigma @ columns)


def _check_invertible(A: Floats) -> None:
    """Refuse views of which one follows from others without doubt."""
    scale = np.sqrt(np.maximum(np.diag(A), 1e-300))
    if np.linalg.eigvalsh(A / np.outer(scale, scale))[0] < 1e-11:
        raise InputError(
            "views that leave no doubt repeat or contradict one another: give at least one of them less confidence"
        )
