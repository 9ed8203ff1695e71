"""Posterior of forecasts: a view of each asset, with errors that are independent or move together as returns do."""

from __future__ import annotations

from typing import Literal

import numpy as np

from allocation.covariance_types import FactorCovariance, Risk, scale_covariance, to_dense
from allocation.errors import InputError
from allocation.views.posterior import Posterior, combine_views, omega_of_confidence
from foundation.types import Floats

Errors = Literal["like_returns", "independent"]


def posterior_of_forecasts(
    prior: Floats, sigma: Risk, values: Floats, confidence: Floats, *, tau: float, errors: Errors
) -> Posterior:
    """Combine equilibrium with a forecast of each asset.

    Parameters
    ----------
    prior : ndarray of shape (N,)
        pi.
    sigma : Risk
    values : ndarray of shape (N,)
        Expected excess return over one horizon by the forecast; NaN is no view.
    confidence : ndarray of shape (N,)
        Between 0, no view, and 1.
    tau : float
    errors : {"like_returns", "independent"}
        "like_returns": Omega = tau S Sigma S with S_i^2 = (1 - c_i) / c_i. One model's errors on many assets have
        common causes, as returns have; with one confidence for all the mean goes exactly the share c from pi to
        the forecast. "independent": only the diagonal of that. N such views of assets that share a factor are
        nearly without doubt about the factor, however little each of them says.

    Raises
    ------
    InputError
        If a confidence is not between 0 and 1.
    """
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise InputError(
            f"confidences run from {confidence.min():g} to {confidence.max():g}, expected 0 to 1"
        )
    c = np.where(np.isfinite(values), confidence, 0.0)
    if errors == "independent":
        return _posterior_by_asset(
            prior, sigma, values, omega_of_confidence(c, tau * sigma.diagonal()), tau=tau
        )
    viewed = c > 0
    if not viewed.any():
        return Posterior(prior, scale_covariance(sigma, 1 + tau))
    if viewed.all() and (c == c[0]).all():
        # A = tau Sigma / c: everything is a multiple of Sigma, and stays in its form.
        return Posterior(prior + c[0] * (values - prior), scale_covariance(sigma, 1 + tau * (1 - c[0])))
    S = np.sqrt((1 - c[viewed]) / c[viewed])
    full = to_dense(sigma)
    omega = tau * full[np.ix_(viewed, viewed)] * np.outer(S, S)
    return combine_views(prior, full, np.eye(len(prior))[viewed], values[viewed], omega, tau=tau)


def _posterior_by_asset(
    prior: Floats, sigma: Risk, values: Floats, omega: Floats, *, tau: float
) -> Posterior:
    """Combine equilibrium with independent views of single assets; by factors if the covariance is.

    Parameters
    ----------
    prior : ndarray of shape (N,)
    sigma : Risk
    values : ndarray of shape (N,)
        Expected excess return by the view of each asset; not read where there is none.
    omega : ndarray of shape (N,)
        Variance of each view's error, infinite where there is no view.
    tau : float

    Notes
    -----
    With Sigma = B B' + D, the doubt about the mean is again of that form: the factors' part is what N views of B f
    with errors tau D + Omega leave, and tau D omega / (tau D + omega) is each asset's own. So Sigma + Var[m] has 2K
    factors, and the cost is N K^2.
    """
    viewed = np.isfinite(omega)
    if not isinstance(sigma, FactorCovariance) or not viewed.any():
        return combine_views(prior, sigma, np.eye(len(prior))[viewed], values[viewed], omega[viewed], tau=tau)
    B, D = sigma.loadings, sigma.specific
    E = tau * D[viewed] + omega[viewed]
    if not (E > 0).all():
        raise InputError("views without doubt on assets without risk of their own cannot all be met")
    weighted = B[viewed] / E[:, None]
    precision = np.eye(B.shape[1]) / tau + B[viewed].T @ weighted
    surprise = values[viewed] - prior[viewed]
    y = surprise / E - weighted @ np.linalg.solve(precision, weighted.T @ surprise)
    own = np.zeros(len(prior))
    own[viewed] = D[viewed] * y
    mean = prior + tau * (B @ (B[viewed].T @ y) + own)
    kept = np.ones(len(prior))
    kept[viewed] = omega[viewed] / E
    # C C' = precision^-1, from the lower triangle of precision = L L': C = L^-T.
    C = np.linalg.inv(np.linalg.cholesky(precision)).T
    return Posterior(mean, FactorCovariance(np.hstack([B, (kept[:, None] * B) @ C]), D + tau * D * kept))
