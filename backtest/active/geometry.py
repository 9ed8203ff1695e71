"""Geometry of active weights: coordinates in which the covariance is the identity.

In these coordinates the length of an active portfolio is its active risk, the angle to the best unlimited portfolio its
transfer coefficient, and the squared coordinates are shares of active risk in uncorrelated bets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from allocation.covariance_types import FactorCovariance, Risk, to_dense
from foundation.types import Bools, Floats, Ints

_NOTHING = 1e-10
"""Active risk, or expected active return over its risk, that is only rounding."""
_SINGULAR = 1e-12
"""Share of the largest eigenvalue up to which a direction counts as one without risk."""
_CHUNK = 2**21
"""Numbers of one array that are worked on at once."""


@dataclass(frozen=True, eq=False)
class ActiveMeasures:
    """Measures of P portfolios and M forecasts at D decisions, over one horizon.

    Attributes
    ----------
    best : ndarray of shape (D, M, N)
        Sigma^-1 alpha: active weights that maximise alpha'a - a'Sigma a / 2, without limits and costs.
    potential : ndarray of shape (D, M)
        Expected active return of `best` per unit of its active risk.
    risk : ndarray of shape (D, P)
        Expected active risk, sqrt(a'Sigma a).
    transfer : ndarray of shape (D, P)
        Transfer coefficient; NaN where there is no forecast or no active weight.
    bets : ndarray of shape (D, P)
        Effective number of uncorrelated bets; NaN where there is no active weight.
    """

    best: Floats
    potential: Floats
    risk: Floats
    transfer: Floats
    bets: Floats


class _Space(Protocol):
    """The metric of some covariances (D of them)."""

    def root(self, weights: Floats) -> Floats:
        """Return coordinates (D, K, C) of weights (D, K, N), whose length is the risk."""

    def solve(self, alpha: Floats) -> Floats:
        """Return Sigma^-1 alpha, shape (D, K, N)."""


def measure_active(
    sigma: Floats | tuple[FactorCovariance, ...],
    inside: Bools,
    alpha: Floats,
    active: Floats,
    owner: Ints,
    fully_invested: bool,
) -> ActiveMeasures:
    """Measure active portfolios at each decision.

    Parameters
    ----------
    sigma : ndarray of shape (D, N, N), or tuple of D FactorCovariance
    inside : ndarray of bool, shape (D, N)
        Assets that count; what is held of others is left out.
    alpha : ndarray of shape (D, M, N)
        Expected return above the one that the benchmark was made with; 0 for an asset without a forecast.
    active : ndarray of shape (D, P, N)
        Weights less those of the benchmark.
    owner : ndarray of int, shape (P,)
        Which of the M forecasts each portfolio is held to.
    fully_invested : bool
        Whether active weights sum to 0. If not, cash takes what is left.

    Notes
    -----
    The transfer coefficient is the correlation of risk-adjusted active weights and risk-adjusted alphas, Clarke, de
    Silva and Thorley (2002), *Financial Analysts Journal* 58(5), 48-66, with the whole covariance in place of
    residual variances: a'alpha / sqrt(a'Sigma a  alpha'Sigma^-1 alpha), where alpha is less the multiple of 1 that
    makes the sum of Sigma^-1 alpha 0 if `fully_invested`. Without limits and costs it is 1.

    The number of bets is exp(-sum p ln p) of the shares p of active risk in uncorrelated bets: Meucci (2009), *Risk*
    22(5), 74-79. Bets are the principal portfolios of the correlation matrix, so that two copies of an asset are one
    bet; of a factor covariance they are its factors, rotated to be uncorrelated with one another given the specific
    risks too, and the specific risk of each asset. If eigenvalues are equal, bets are arbitrary and so is their number.
    """
    _n_dates, n_assets = inside.shape
    step = max(1, _CHUNK // (n_assets * max(n_assets, alpha.shape[1] + active.shape[1])))
    parts = [
        _measure(space, inside[some], alpha[some], active[some], owner, fully_invested)
        for some, space in _spaces(sigma, inside, step)
    ]
    if not parts:
        nothing = np.empty((0, active.shape[1]))
        return ActiveMeasures(np.empty(alpha.shape), np.empty(alpha.shape[:2]), nothing, nothing, nothing)
    return ActiveMeasures(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("best", "potential", "risk", "transfer", "bets")
        )
    )


def _spaces(
    sigma: Floats | tuple[FactorCovariance, ...], inside: Bools, step: int
) -> Iterator[tuple[slice, _Space]]:
    """Yield slices of the decisions, each with the metric of its covariances."""
    if isinstance(sigma, tuple):
        for d, risk in enumerate(sigma):
            yield slice(d, d + 1), _space_of(risk, inside[d])
        return
    for start in range(0, len(inside), step):
        some = slice(start, start + step)
        yield some, _Dense(sigma[some], inside[some])


def _space_of(risk: Risk, inside: Bools) -> _Space:
    """Return the metric of one factor covariance; a dense one where an asset has no specific risk."""
    if isinstance(risk, FactorCovariance) and (risk.specific > _SINGULAR * risk.diagonal())[inside].all():
        return _Factors(risk, inside)
    return _Dense(to_dense(risk)[None], inside[None])


def _measure(
    space: _Space, inside: Bools, alpha: Floats, active: Floats, owner: Ints, fully_invested: bool
) -> ActiveMeasures:
    """Measure portfolios in one metric."""
    best = space.solve(np.where(inside[:, None], alpha, 0.0))
    if fully_invested:
        even = space.solve(inside[:, None].astype(np.float64))
        total = even.sum(axis=2, keepdims=True)
        share = np.divide(
            best.sum(axis=2, keepdims=True), total, out=np.zeros_like(best[..., :1]), where=total != 0
        )
        best = best - share * even
    aim, held = space.root(best), space.root(np.where(inside[:, None], active, 0.0))
    potential, risk = np.sqrt(np.square(aim).sum(axis=2)), np.sqrt(np.square(held).sum(axis=2))
    best = np.where(potential[..., None] > _NOTHING, best, 0.0)
    there = (risk > _NOTHING) & (potential[:, owner] > _NOTHING)
    product = (held * aim[:, owner]).sum(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        transfer = np.where(there, np.clip(product / (risk * potential[:, owner]), -1.0, 1.0), np.nan)
        share = np.square(held / risk[..., None])
        entropy = -np.where(share > 0, share * np.log(share), 0.0).sum(axis=2)
    bets = np.where(risk > _NOTHING, np.exp(entropy), np.nan)
    return ActiveMeasures(best, np.where(potential > _NOTHING, potential, 0.0), risk, transfer, bets)


class _Dense:
    """The metric of covariances (D, N, N) by their eigenvectors, computed from correlations."""

    def __init__(self, sigma: Floats, inside: Bools) -> None:
        variance = np.diagonal(sigma, axis1=1, axis2=2)
        inside = inside & (np.where(inside, variance, 0.0) > 0)
        self.inside = inside
        self.volatility = np.sqrt(np.where(inside, variance, 1.0))
        both = inside[:, :, None] & inside[:, None, :]
        scale = self.volatility[:, :, None] * self.volatility[:, None, :]
        identity = np.eye(sigma.shape[-1])
        correlation = np.divide(sigma, scale, out=np.broadcast_to(identity, sigma.shape).copy(), where=both)
        values, self.vectors = np.linalg.eigh(correlation)
        self.values = np.maximum(values, 0.0)
        kept = self.values > _SINGULAR * self.values[:, -1:]
        self.inverse = np.divide(1.0, self.values, out=np.zeros_like(values), where=kept)

    def root(self, weights: Floats) -> Floats:
        rows = weights * (self.volatility * self.inside)[:, None]
        return np.asarray(rows @ self.vectors * np.sqrt(self.values)[:, None])

    def solve(self, alpha: Floats) -> Floats:
        scale = (self.inside / self.volatility)[:, None]
        rows = (alpha * scale) @ self.vectors * self.inverse[:, None]
        return np.asarray(rows @ self.vectors.transpose(0, 2, 1) * scale)


class _Factors:
    """The metric of one factor covariance with specific risk in every asset; never multiplied out."""

    def __init__(self, risk: FactorCovariance, inside: Bools) -> None:
        loadings = np.where(inside[:, None], risk.loadings, 0.0)
        self.specific = np.where(inside, risk.specific, 1.0)
        self.inside = inside
        values, rotation = np.linalg.eigh(loadings.T @ (loadings / self.specific[:, None]))
        self.loadings = loadings @ rotation
        self.scaled = self.loadings / self.specific[:, None]
        self.inverse = 1.0 / (1.0 + np.maximum(values, 0.0))

    def root(self, weights: Floats) -> Floats:
        own = weights * (np.sqrt(self.specific) * self.inside)
        return np.concatenate([weights @ self.loadings, own], axis=2)

    def solve(self, alpha: Floats) -> Floats:
        """Return Sigma^-1 alpha by the identity of Woodbury."""
        rows = (alpha * self.inside)[0]
        inner = (rows @ self.scaled) * self.inverse
        return np.asarray((rows / self.specific - inner @ self.scaled.T)[None])
