"""Portfolios within limits, as estimators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, cast

import numpy as np

from allocation.asset_names import Labelled, align_rate, align_values
from allocation.covariance.choices import CovarianceChoice
from allocation.covariance_types import Risk
from allocation.errors import DataError, LimitError
from allocation.estimators.portfolio_estimator import MomentPortfolio
from allocation.estimators.sample import Means, Sample
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.weights import Weights
from foundation.types import Floats


@dataclass(kw_only=True, eq=False, repr=False)
class MinimumVariancePortfolio(MomentPortfolio):
    """The weights of smallest variance within limits, without regard to costs.

    Parameters
    ----------
    covariance : str, callable or object
        A name of `allocation.covariance.choices.COVARIANCES`, a function of the returns (T, N), an object with
        `estimate(returns)`, or a covariance estimator of scikit-learn.
    constraints : Constraints, optional
        Without it the portfolio is long and fully invested. Limits on deviations are of one row of X.
    previous_weights : Series, mapping or array-like, optional
        Weights held before the trade, from which turnover counts; None is all cash.
    """

    covariance: CovarianceChoice = "ledoit_wolf"
    constraints: Constraints | None = None
    previous_weights: Labelled | None = None

    @property
    def trades(self) -> bool:
        """Whether the answer depends on the weights held."""
        return self.constraints is not None and self.constraints.turnover is not None

    def _decide(self, sample: Sample) -> Weights:
        constraints = self.constraints or Constraints()
        if constraints.minimum_return is not None:
            raise LimitError("minimum_return: MinimumVariancePortfolio has no expected returns")
        solver = MeanVariance(sample.assets, constraints, risk_aversion=1.0)
        sigma, held = self._estimate(sample), sample.held(self.previous_weights)
        return solver.solve(sample.position, np.zeros(len(sample.assets)), sigma, held, sample.everything)


@dataclass(eq=False, repr=False)
class MeanVariancePortfolio(MomentPortfolio):
    """Maximise mu'w - gamma/2 w'Sigma w - c'|w - h| - k'(w - h)^2 - kappa |e w| within limits (`MeanVariance`).

    Means, covariance and limits on deviations are of one row of X.

    Parameters
    ----------
    risk_aversion : float
        gamma, more than 0.
    mu : Series, mapping, array-like or callable, optional
        Expected returns by asset; an array in the order of X; or a function of the returns (T, N). None takes the
        historical means, shrunk. Numbers given here do not change with X: in a cross-validation they must have been
        known before its first test.
    mean_shrinkage : float, optional
        How far historical means move to that of the portfolio of smallest variance, 0 to 1. None follows Jorion (1986).
    mu_error : Series, mapping or array-like, optional
        Standard errors e of the means, for `uncertainty`. None takes those of historical means, before shrinkage:
        volatility / sqrt(T). Must be given if `mu` is.
    covariance, constraints, previous_weights
        As of `MinimumVariancePortfolio`.
    cost, impact : float, Series, mapping or array-like
        c and k: return per unit traded, and per squared unit. Paid from `previous_weights`.
    uncertainty : float
        kappa: means count at the worst point of an ellipsoid of this many standard errors.

    Attributes
    ----------
    mu_ : Series, or ndarray of shape (N,)
        Expected returns that were used.
    """

    risk_aversion: float = 5.0
    _: KW_ONLY
    mu: Means = None
    mean_shrinkage: float | None = None
    mu_error: Labelled | None = None
    covariance: CovarianceChoice = "ledoit_wolf"
    constraints: Constraints | None = None
    previous_weights: Labelled | None = None
    cost: float | Labelled = 0.0
    impact: float | Labelled = 0.0
    uncertainty: float = 0.0

    @property
    def trades(self) -> bool:
        """Whether the answer depends on the weights held."""
        limited = self.constraints is not None and self.constraints.turnover is not None
        return limited or bool(np.any(_numbers(self.cost)) or np.any(_numbers(self.impact)))

    def _decide(self, sample: Sample) -> Weights:
        solver = MeanVariance(
            sample.assets,
            self.constraints or Constraints(),
            risk_aversion=self.risk_aversion,
            cost=align_rate("cost", self.cost, sample.assets),
            impact=align_rate("impact", self.impact, sample.assets),
            uncertainty=self.uncertainty,
        )
        sigma = self._estimate(sample)
        mu = self._expect(sample, self.mu, sigma, self.mean_shrinkage)
        held, error = sample.held(self.previous_weights), self._error(sample, sigma)
        return solver.solve(sample.position, mu, sigma, held, sample.everything, error=error)

    def _error(self, sample: Sample, sigma: Risk) -> Floats | None:
        """Return the standard errors of the means, where they are asked for."""
        if self.uncertainty == 0:
            return None
        if self.mu_error is not None:
            return align_values("mu_error", self.mu_error, sample.assets)
        if self.mu is not None:
            raise DataError("uncertainty needs mu_error, the standard errors of the expected returns in mu")
        return np.sqrt(np.asarray(sigma.diagonal()) / len(sample.returns))


def _numbers(rates: float | Labelled) -> Floats:
    """Return rates without their names."""
    values: Any = list(rates.values()) if isinstance(rates, Mapping) else rates
    return cast(Floats, np.asarray(values, dtype=np.float64))
