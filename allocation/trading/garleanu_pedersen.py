"""AimPortfolio: trade part of the way toward where the forecasts will have been worth going, within the limits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from allocation.allocator import Allocator
from allocation.covariance_checks import check_covariance, describe_singularity
from allocation.covariance_types import Risk, to_dense
from allocation.errors import InputError
from allocation.input_alignment import align_vector
from allocation.problem.allocator_wrapper import AllocatorWrapper
from allocation.trading.signals import Signals
from allocation.trading.trading_speed import Preferences, diagonalise_jointly
from allocation.weights import Weights
from foundation.types import Bools, Floats, Ints


class AimPortfolio(AllocatorWrapper):
    """Take the best step of Garleanu and Pedersen (2013) that the limits allow.

    Without limits the step is the share `rate` of the way from the weights held to the aim, and the aim counts a signal
    the less the faster it fades. With limits, `inner` maximises what the step is worth,

        -d'Lambda d / 2 + (1 - rho) (w'mu - gamma/2 w'Sigma w + E[V(w, f')]),    d = w - held,

    over the weights that they allow: limits bind now as they must, and V, the value of going on, is the one without
    limits. This is exact where limits will not bind later, and an approximation where they will.

    The step is itself a mean-variance problem, with expected returns and covariance that this class makes; `inner` must
    have the same risk aversion and no costs of its own.

    Parameters
    ----------
    inner : Allocator
        Maximises mu'w - gamma/2 w'Sigma w within the limits, as `MeanVariance` without cost.
    preferences : Preferences
    cost : float or ndarray of shape (N,) or (N, N)
        lambda, for Lambda = lambda Sigma (the covariance keeps its form, dense or by factors), or Lambda, or its
        diagonal. In units of return: a trade d costs d'Lambda d / 2. Sigma and mu are over the horizon of the forecast;
        if there are m decisions in one horizon, give m times the cost.
    impact : float or ndarray of shape (N,)
        k: a trade d costs k d^2 in each asset too, as in `MeanVariance`; Lambda is then lambda Sigma + 2 diag(k).
    decay : float or callable
        Share of the forecast `mu` that is gone at the next decision, or what returns it, as known at a row.
    signals : Signals, optional
        Parts of the forecast, in place of `mu` and `decay`: then `mu` is not read.

    Raises
    ------
    InputError
        If a number is out of range, or `inner` has another risk aversion or costs.
    """

    def __init__(
        self,
        inner: Allocator,
        preferences: Preferences,
        *,
        cost: float | Floats,
        impact: float | Floats = 0.0,
        decay: float | Callable[[int], float] = 0.0,
        signals: Signals | None = None,
    ) -> None:
        gamma = getattr(inner, "risk_aversion", preferences.risk_aversion)
        if gamma != preferences.risk_aversion:
            raise InputError(
                f"the inner allocator's risk aversion is {gamma:g}, that of the preferences "
                f"{preferences.risk_aversion:g}: they must be the same"
            )
        if np.any(getattr(inner, "cost", 0.0)) or np.any(getattr(inner, "impact", 0.0)):
            raise InputError("the inner allocator has costs of its own, which would count twice")
        super().__init__(inner)
        self.preferences = preferences
        self.impact = self._checked_impact(impact)
        self.cost = self._checked(np.asarray(align_vector("cost", cost, self.assets), dtype=np.float64))
        self.decay = decay
        self.signals = signals

    def _checked(self, cost: Floats) -> Floats:
        """Return lambda as it is, or Lambda as a matrix."""
        n = len(self.assets)
        if cost.shape not in ((), (n,), (n, n)):
            raise InputError(f"cost has shape {cost.shape}, expected a number, ({n},) or ({n}, {n})")
        enough = (cost > 0).all() or ((cost >= 0).all() and (self.impact > 0).all())
        if not np.isfinite(cost).all() or (cost.ndim < 2 and not enough):
            raise InputError(
                "cost, or cost and impact together, must be finite and more than 0; "
                "without cost there is nothing to wait for"
            )
        return np.diag(cost) if cost.ndim == 1 else cost

    def _checked_impact(self, impact: float | Floats) -> Floats:
        """Return the impact of each asset, shape (N,)."""
        rates = np.asarray(align_vector("impact", impact, self.assets), dtype=np.float64)
        if rates.shape not in ((), (len(self.assets),)) or not (np.isfinite(rates) & (rates >= 0)).all():
            raise InputError(
                f"impact must be a number of 0 or more, or one for each of {len(self.assets)} assets, not {impact!r}"
            )
        return np.broadcast_to(rates, (len(self.assets),))

    def _dense_cost(self, inside: Ints, sigma: Risk) -> Floats:
        """Return Lambda of the assets inside, shape (n, n)."""
        if self.cost.ndim == 0:
            return np.asarray(float(self.cost) * to_dense(sigma) + np.diag(2 * self.impact[inside]))
        return np.asarray(self.cost[np.ix_(inside, inside)] + np.diag(2 * self.impact[inside]))

    def solve_inner(
        self, position: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools, validate: bool
    ) -> Weights:
        """Return the best step's weights; see `Allocator.solve`. What is held outside the universe is sold."""
        parts, decay = self._signals(position, mu)
        inside = np.flatnonzero(universe)
        sigma_inside = check_covariance(position, self.assets, sigma, inside, validate)
        expected = np.full(len(mu), np.nan)
        if self.cost.ndim == 0 and not self.impact.any():
            expected[inside] = self._step(parts[:, inside], decay, sigma_inside, held[inside])
            return self.inner.solve(position, expected, sigma, held, universe, validate=validate)
        cost = self._dense_cost(inside, sigma_inside)
        risk = np.full((len(mu), len(mu)), np.nan)
        why = describe_singularity(sigma_inside) if self.preferences.discount == 0 else ""
        if why:
            raise InputError(
                f"row {position}: without a discount no position without risk is large enough, and {why}; "
                "or give a discount above 0"
            )
        expected[inside], risk[np.ix_(inside, inside)] = self._dense_step(
            parts[:, inside], decay, to_dense(sigma_inside), cost, held[inside]
        )
        return self.inner.solve(position, expected, risk, held, universe, validate=validate)

    def _signals(self, position: int, mu: Floats) -> tuple[Floats, Floats]:
        """Return the parts of the forecast (K, N) and their decays (K,)."""
        if self.signals is not None:
            return self.signals.at(position)
        decay = self.decay(position) if callable(self.decay) else self.decay
        if not 0 <= decay <= 1:
            raise InputError(f"row {position}: the decay is {decay:g}, expected 0 to 1")
        return mu[None], np.array([decay])

    def _step(self, parts: Floats, decay: Floats, sigma: Risk, held: Floats) -> Floats:
        """Return the expected returns of the step's problem where Lambda = lambda Sigma, shape (n,).

        The step maximises w'(lambda Sigma h + (1 - rho) m) - j/2 w'Sigma w, with j = lambda + (1 - rho)(gamma +
        lambda rate) and m the expected return now and, through A_xf, later. Divided by j / gamma it is the inner
        problem for Sigma.
        """
        p, lam = self.preferences, float(self.cost)
        s = np.array(1 / lam)
        kept = 1 - p.discount
        j = lam + kept * (p.risk_aversion + lam * float(p.rate(s)))
        m = (p.signal_weight(s, decay) / p.unit_weight(s)) @ parts
        return np.asarray(p.risk_aversion / j * (lam * (sigma @ held) + kept * m))

    def _dense_step(
        self, parts: Floats, decay: Floats, sigma: Floats, cost: Floats, held: Floats
    ) -> tuple[Floats, Floats]:
        """Return expected returns (n,) and covariance (n, n) of the step's problem for any Lambda."""
        p, kept = self.preferences, 1 - self.preferences.discount
        s, V = diagonalise_jointly(sigma, cost)
        back = cost @ V
        ratio = p.signal_weight(s[:, None], decay[None, :]) / p.unit_weight(s)[:, None]
        m = back @ (ratio * (V.T @ parts.T)).sum(axis=1)
        J = cost + kept * (p.risk_aversion * sigma + back @ (p.rate(s)[:, None] * back.T))
        return cost @ held + kept * m, (J + J.T) / (2 * p.risk_aversion)
