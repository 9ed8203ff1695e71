"""skfolio: MeanRisk with a prior of given moments, its default solver."""

from __future__ import annotations

import numpy as np
import skfolio  # noqa: F401 (absent: the benchmark is left out)
from problems import Problem
from skfolio import RiskMeasure
from skfolio.optimization import MeanRisk, ObjectiveFunction
from skfolio.prior import BasePrior, FactorModel, ReturnDistribution
from skfolio.uncertainty_set import BaseMuUncertaintySet, UncertaintySet

from allocation.covariance_types import FactorCovariance, to_dense
from allocators.asking import refuse, sums
from foundation.types import Floats


class GivenMoments(BasePrior):
    """A prior with known moments."""

    def __init__(self, mu=None, covariance=None, loadings=None, specific=None):
        self.mu, self.covariance, self.loadings, self.specific = mu, covariance, loadings, specific

    def fit(self, X, y=None, **params):
        """Pass the moments on."""
        model = None
        if self.loadings is not None:
            n, k = self.loadings.shape
            model = FactorModel(
                observations=np.arange(3).astype(str),
                asset_names=np.arange(n).astype(str),
                factor_names=np.array([f"f{i}" for i in range(k)]),
                factor_families=None,
                loading_matrix=self.loadings,
                exposures=None,
                factor_covariance=np.eye(k),
                factor_mu=np.zeros(k),
                factor_returns=None,
                idio_covariance=self.specific,
                idio_mu=None,
                idio_returns=None,
                idio_variances=None,
            )
        self.return_distribution_ = ReturnDistribution(
            mu=self.mu, covariance=self.covariance, returns=np.asarray(X), factor_model=model
        )
        return self


class GivenErrors(BaseMuUncertaintySet):
    """An uncertainty set: an ellipsoid of known errors around the means."""

    def __init__(self, prior_estimator=None, kappa=None, error=None):
        super().__init__(prior_estimator)
        self.kappa, self.error = kappa, error

    def fit(self, X, y=None, **params):
        """Pass the ellipsoid on."""
        self.uncertainty_set_ = UncertaintySet(radius=self.kappa, norm=2, geometry=np.diag(self.error))
        return self


def prior(problem: Problem) -> GivenMoments:
    if isinstance(problem.sigma, FactorCovariance):
        # The dense covariance is required, although only the factors are used.
        return GivenMoments(
            problem.mu, to_dense(problem.sigma), problem.sigma.loadings, problem.sigma.specific
        )
    return GivenMoments(problem.mu, problem.sigma)


def model(problem: Problem) -> MeanRisk:
    refuse(
        problem,
        turnover="max_turnover is a limit on each asset, not on the sum",
        tracking="max_tracking_error is measured on past returns, not by the covariance",
    )
    c, (low, high) = problem.constraints, problem.bounds()
    given = {}
    if np.any(problem.rates() > 0):
        given |= {"transaction_costs": problem.rates().copy(), "previous_weights": problem.held}
    if c.groups or c.linear:
        given["left_inequality"], given["right_inequality"] = sums(problem)
    if (c.cash_minimum, c.cash_maximum) != (0.0, 0.0):
        given |= {"budget": None, "min_budget": 1 - c.cash_maximum, "max_budget": 1 - c.cash_minimum}
    if c.leverage is not None:
        refuse(problem, cash="max_short is gross exposure only where all is invested")
        given["max_short"] = max((c.leverage - 1) / 2, 0.0)
    if c.volatility is not None:
        given["max_standard_deviation"] = c.volatility
    if c.minimum_return is not None:
        given["min_return"] = c.minimum_return
    if problem.kappa:
        given["mu_uncertainty_set_estimator"] = GivenErrors(kappa=problem.kappa, error=problem.error)
    return MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_UTILITY,
        risk_measure=RiskMeasure.VARIANCE,
        risk_aversion=problem.gamma / 2,
        min_weights=low,
        max_weights=high,
        prior_estimator=prior(problem),
        **given,
    )


def weights(problem: Problem) -> Floats:
    return np.asarray(model(problem).fit(np.zeros((3, problem.n))).weights_)
