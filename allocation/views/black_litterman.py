"""BlackLitterman: an allocator that decides by what equilibrium and views expect together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from allocation.allocator import Allocator
from allocation.covariance.path import CovariancePath
from allocation.covariance_checks import check_covariance
from allocation.covariance_types import Risk, select_covariance, spread_covariance, to_dense
from allocation.errors import InputError
from allocation.input_alignment import align_vector
from allocation.problem.allocator_wrapper import AllocatorWrapper
from allocation.views.forecast_posterior import Errors, posterior_of_forecasts
from allocation.views.forecast_views import ForecastViews
from allocation.views.posterior import (
    Posterior,
    combine_views,
    implied_returns,
    omega_of_confidence,
    view_variance,
)
from allocation.views.view import View, select_views
from allocation.weights import Weights
from foundation.types import Bools, Floats

Market = Floats | Callable[[int], Floats] | None
"""Weights of the market, shape (N,) or by asset, or what returns those known at a row; None is 1/N."""


def _market_at(market: Market, position: int, universe: Bools) -> Floats:
    """Return the market's weights within the universe, scaled to sum to 1, shape (n,).

    Raises
    ------
    InputError
        If they are negative, not numbers, or nothing.
    """
    weights = market(position) if callable(market) else market
    inside = np.ones(int(universe.sum())) if weights is None else weights[universe]
    if not ((inside >= 0) & np.isfinite(inside)).all() or not inside.sum() > 0:
        raise InputError(
            f"row {position}: market weights must be 0 or more, with some asset of the universe above 0"
        )
    return np.asarray(inside / inside.sum())


def _has_market(market: Market, position: int, universe: Bools) -> bool:
    """Whether some asset of the universe has a weight in the market."""
    weights = market(position) if callable(market) else market
    return bool(universe.any() if weights is None else (weights[universe] != 0).any())


def equilibrium_path(covariances: CovariancePath, market: Market, risk_aversion: float) -> Floats:
    """Return the expected excess returns of equilibrium at each decision, shape (D, N).

    NaN outside the universe, and where no asset of the universe is in the market: there is no equilibrium then.

    Parameters
    ----------
    covariances : CovariancePath
    market : Market
    risk_aversion : float
        delta.
    """
    rows = [covariances.at(int(position)) for position in covariances.positions]
    out = np.full((len(rows), len(rows[0][1]) if rows else 0), np.nan)
    for d, (position, (sigma, universe)) in enumerate(zip(covariances.positions, rows, strict=True)):
        if _has_market(market, int(position), universe):
            weights = _market_at(market, int(position), universe)
            out[d, universe] = implied_returns(select_covariance(sigma, universe), weights, risk_aversion)
    return out


class BlackLitterman(AllocatorWrapper):
    """Give the posterior of Black and Litterman (1992) to another allocator.

    The expected returns that come to `solve` are not read: the prior is equilibrium, and forecasts come as views.

    Parameters
    ----------
    inner : Allocator
        Chooses the weights by the posterior's mean and covariance.
    risk_aversion : float
        delta of the market, more than 0; see `implied_risk_aversion`. That of `inner` is its own affair, but only
        with the same one are the weights without views near the market's.
    market : Market
    views : sequence of View
        Stated views, each used from its first to its last row where all its assets are in the universe.
    forecasts : ForecastViews, optional
        Views made of a model's forecasts, by `forecast_views`. With stated views too, all are combined, and errors
        of forecasts are independent of theirs.
    errors : {"like_returns", "independent"}
        How the errors of the forecasts move together; see `posterior_of_forecasts`.
    tau : float
        Doubt about equilibrium as a share of the covariance, more than 0.
    covariance : {"posterior", "prior"}
        What `inner` takes for risk: Sigma with the doubt about the mean (He and Litterman, 1999), or Sigma alone
        (Idzorek, 2005), which stays by factors if it was.

    Raises
    ------
    InputError
        If a number is out of range or a view names an asset that does not exist.
    """

    def __init__(
        self,
        inner: Allocator,
        *,
        risk_aversion: float,
        market: Market = None,
        views: Sequence[View] = (),
        forecasts: ForecastViews | None = None,
        errors: Errors = "like_returns",
        tau: float = 0.05,
        covariance: Literal["posterior", "prior"] = "posterior",
    ) -> None:
        if not (np.isfinite(risk_aversion) and risk_aversion > 0 and np.isfinite(tau) and tau > 0):
            raise InputError(
                f"risk_aversion {risk_aversion:g} and tau {tau:g} must be finite and more than 0"
            )
        super().__init__(inner)
        self.risk_aversion = risk_aversion
        self.market = market if callable(market) else align_vector("market", market, self.assets)
        self.views = tuple(views)
        self.forecasts = forecasts
        self.errors: Errors = errors
        self.tau = tau
        self.covariance = covariance
        for view in self.views:
            view.pick(self.assets)

    def solve_inner(
        self, position: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools, validate: bool
    ) -> Weights:
        """Return the weights that the inner allocator chooses by the posterior; see `Allocator.solve`."""
        if not universe.any():
            raise InputError(f"row {position}: the universe is empty")
        inner = check_covariance(position, self.assets, sigma, np.flatnonzero(universe), validate)
        moments = self.posterior(position, inner, universe)
        mean = np.full(len(self.assets), np.nan)
        mean[universe] = moments.mean
        risk = spread_covariance(moments.sigma, universe) if self.covariance == "posterior" else sigma
        return self.inner.solve(position, mean, risk, held, universe, validate=validate)

    def posterior(self, position: int, sigma: Risk, universe: Bools) -> Posterior:
        """Return the posterior of the n assets of the universe, for their covariance."""
        market = self.market
        if callable(market):
            market = align_vector("market", market(position), self.assets)
        prior = implied_returns(sigma, _market_at(market, position, universe), self.risk_aversion)
        stated, picks = select_views(self.views, position, self.assets, universe)
        picks = picks[:, universe]
        values, confidence = np.full(len(prior), np.nan), np.zeros(len(prior))
        if self.forecasts is not None:
            values, confidence = (row[universe] for row in self.forecasts.at(position))
        if not stated:
            return posterior_of_forecasts(prior, sigma, values, confidence, tau=self.tau, errors=self.errors)
        believed = np.flatnonzero(np.isfinite(values) & (confidence > 0))
        rows = np.vstack([picks, np.eye(len(prior))[believed]])
        omega = np.zeros((len(rows), len(rows)))
        omega[: len(stated), : len(stated)] = np.diag(_stated_omega(stated, sigma, picks, self.tau))
        S = np.sqrt(1 / confidence[believed] - 1)
        block = self.tau * to_dense(select_covariance(sigma, believed)) * np.outer(S, S)
        omega[len(stated) :, len(stated) :] = (
            block if self.errors == "like_returns" else np.diag(np.diag(block))
        )
        q = np.concatenate([[view.value for view in stated], values[believed]])
        return combine_views(prior, sigma, rows, q, omega, tau=self.tau)


def _stated_omega(views: Sequence[View], sigma: Risk, picks: Floats, tau: float) -> Floats:
    """Return the variance of each stated view's error, shape (K,)."""
    confidence = np.array([0.5 if view.confidence is None else view.confidence for view in views])
    omega = omega_of_confidence(confidence, tau * view_variance(sigma, picks))
    return np.array([o if v.variance is None else v.variance for o, v in zip(omega, views, strict=True)])
