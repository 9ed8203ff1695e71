"""Mean-variance allocation within named limits, with a certificate of optimality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from allocation import input_checks
from allocation.asset_names import parse_names
from allocation.covariance_types import Risk, select_covariance
from allocation.errors import InputError
from allocation.input_alignment import align_all, is_plain
from allocation.mean_variance.preparation import (
    broadcast_rates,
    check_standard_errors,
    is_implied_by_budget,
    median_variance,
    start_within_bounds,
)
from allocation.mean_variance.problem import MeanVarianceProblem
from allocation.mean_variance.universe_cache import UniverseCache, UniverseMembers
from allocation.problem.closed_markets import fix_bounds
from allocation.problem.constraints import Constraints
from allocation.solver.lagrangian import solve_lagrangian
from allocation.solver.programme import Programme
from allocation.solver.terms import Gross, Term, Uncertainty, Variance
from allocation.weights import Weights
from foundation.types import Bools, Floats


class MeanVariance:
    """Maximise mu'w - gamma/2 (w'Sigma w + lambda v w'w) - c'|w - h| - k'(w - h)^2 - kappa |e w| within the limits.

    h are the weights held, v is the median variance of the assets, e are the standard errors of mu. What is held of
    assets outside the universe is sold; that trade counts in turnover. With mu = 0, lambda = 0 and no costs the answer
    is the portfolio of smallest variance.

    Parameters
    ----------
    assets : sequence of str, length N
    constraints : Constraints
    risk_aversion : float
        gamma, more than 0: without risk the best weights need not be unique.
    cost : float, ndarray of shape (N,), or Series or mapping by asset
        c, in return per unit traded.
    impact : float, ndarray of shape (N,), or Series or mapping by asset
        k, in return per squared unit traded.
    uncertainty : float
        kappa, the radius in standard errors of the ellipsoid around mu: its worst point is maximised.
    l2_penalty : float
        lambda: 1 counts the sum of squared weights like the variance of uncorrelated assets. It spreads the weights
        (DeMiguel, Garlappi, Nogales and Uppal, 2009, *Management Science* 55, 798-812). Where cash is allowed it also
        lowers the sum of weights.

    Raises
    ------
    InputError
        If a number is out of range.
    LimitError
        If a limit names an asset that does not exist.
    """

    def __init__(
        self,
        assets: Sequence[str],
        constraints: Constraints,
        *,
        risk_aversion: float,
        cost: float | Floats = 0.0,
        impact: float | Floats = 0.0,
        uncertainty: float = 0.0,
        l2_penalty: float = 0.0,
    ) -> None:
        self.assets = parse_names("assets", assets)
        self.constraints = constraints
        if not (np.isfinite(risk_aversion) and risk_aversion > 0):
            raise InputError(f"risk_aversion {risk_aversion:g} must be > 0 and finite")
        if not (np.isfinite(uncertainty) and uncertainty >= 0):
            raise InputError(f"uncertainty {uncertainty:g} must be >= 0 and finite")
        if not (np.isfinite(l2_penalty) and l2_penalty >= 0):
            raise InputError(f"l2_penalty {l2_penalty:g} must be >= 0 and finite")
        self.risk_aversion = risk_aversion
        self.uncertainty = uncertainty
        self.l2_penalty = l2_penalty
        self.cost = broadcast_rates("cost", cost, self.assets)
        self.impact = broadcast_rates("impact", impact, self.assets)
        self._universes = UniverseCache(self.assets, constraints, self.cost, self.impact)

    def with_fixed(self, weights: Mapping[str, float]) -> MeanVariance:
        """Return the same problem with the weights of some assets fixed, whatever their own limits."""
        return MeanVariance(
            self.assets,
            fix_bounds(self.constraints, weights),
            risk_aversion=self.risk_aversion,
            cost=self.cost,
            impact=self.impact,
            uncertainty=self.uncertainty,
            l2_penalty=self.l2_penalty,
        )

    def solve(
        self,
        position: int,
        mu: Floats,
        sigma: Risk,
        held: Floats,
        universe: Bools,
        *,
        error: Floats | None = None,
        validate: bool = True,
    ) -> Weights:
        """Return the best weights.

        Parameters
        ----------
        position : int
            Row of the decision, for the record and for messages.
        mu : ndarray of shape (N,)
            Expected excess return over one horizon.
        sigma : Risk
            Covariance over the same horizon, of N assets.
        held : ndarray of shape (N,)
            Weights before the trade.
        universe : ndarray of bool, shape (N,)
            Assets that may be held.
        error : ndarray of shape (N,), optional
            Standard errors of `mu`; needed where `uncertainty` is not 0.
        validate : bool
            Whether to check that the covariance is finite, symmetric and positive semidefinite. The check can take
            longer than the solution; skip it for a sound `CovariancePath`.

        Raises
        ------
        InputError
            If means, covariances or weights held are not finite, or the covariance is not symmetric positive
            semidefinite.
        InfeasibleError
            If the limits contradict one another. A turnover limit that cannot be met is raised instead, and the status
            is `RELAXED`.
        SolverError
            If no solver finds the optimum of a feasible problem.
        """
        if not is_plain(mu, sigma, held, universe, error):
            mu, sigma, held, universe, error = align_all(self.assets, mu, sigma, held, universe, error)
        input_checks.check_inputs(position, self.assets, mu, sigma, held, universe, validate)
        self._universes.raise_known_conflict(position, universe)
        decision = self.decision(position, mu, sigma, held, universe, error)
        answer = solve_lagrangian(decision.programme, decision.terms) if decision.room >= 0 else None
        if answer is None:
            self._universes.check_feasible(position, mu, universe)
            decision, answer = decision.solve_relaxed()
        return decision.weights(answer)

    def decision(
        self, position: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools, error: Floats | None
    ) -> MeanVarianceProblem:
        """Return the problem that `solve` solves, with the same parameters; inputs are not checked."""
        members = self._universes.members(mu, universe)
        limits, inside = members.limits, members.limits.inside
        pulled, start, forced = start_within_bounds(mu, held, members.impact, inside, limits.low, limits.high)
        risk = sigma if len(inside) == len(self.assets) else select_covariance(sigma, inside)
        ridge = members.nothing
        if self.l2_penalty:
            ridge = ridge + self.risk_aversion * self.l2_penalty * median_variance(sigma)
        programme = Programme(
            pulled,
            risk,
            self.risk_aversion,
            members.cost,
            members.impact,
            start,
            limits.low,
            limits.high,
            limits.rows,
            limits.lower,
            limits.upper,
            ridge,
        )
        others = self._terms(position, risk, error, members)
        return MeanVarianceProblem(position, self.constraints, limits, programme, held, forced, others)

    def _terms(
        self, position: int, sigma: Risk, error: Floats | None, members: UniverseMembers
    ) -> tuple[Term, ...]:
        """Return the terms that are not quadratic, without the limit on turnover."""
        c, terms = self.constraints, list[Term]()
        if c.leverage is not None and not is_implied_by_budget(c.leverage, members.limits):
            terms.append(Gross(c.leverage))
        if self.uncertainty > 0:
            standard = check_standard_errors(position, self.assets, error, members.limits.inside)
            terms.append(Uncertainty(self.uncertainty, standard))
        if c.volatility is not None:
            terms.append(Variance("volatility", sigma, members.nothing, c.volatility))
        if c.tracking_error is not None:
            terms.append(Variance("tracking error", sigma, members.benchmark, c.tracking_error))
        return tuple(terms)
