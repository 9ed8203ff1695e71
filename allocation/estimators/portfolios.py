"""Allocators with scikit-learn's habits: fit on returns, read the weights, predict the portfolio's returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass

import numpy as np

from allocation.allocator import Allocator
from allocation.asset_names import Labelled
from allocation.covariance.choices import CovarianceChoice
from allocation.decision_status import DecisionStatus
from allocation.errors import InputError
from allocation.estimators.limited_portfolios import MeanVariancePortfolio, MinimumVariancePortfolio
from allocation.estimators.portfolio_estimator import MomentPortfolio, PortfolioEstimator
from allocation.estimators.sample import Means, Sample
from allocation.problem.constraints import Constraints
from allocation.weights import OptimalityCertificate, Weights

__all__ = [
    "EqualWeightPortfolio",
    "FromAllocator",
    "MeanVariancePortfolio",
    "MinimumVariancePortfolio",
    "PortfolioEstimator",
]


class EqualWeightPortfolio(PortfolioEstimator):
    """1/N of each column of X (DeMiguel, Garlappi and Uppal, 2009)."""

    least_rows = 1

    def _decide(self, sample: Sample) -> Weights:
        n = len(sample.assets)
        return Weights(
            sample.position, np.full(n, 1 / n), 0.0, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0)
        )


@dataclass(eq=False, repr=False)
class FromAllocator(MomentPortfolio):
    """Any allocator of this package, or of your own, as an estimator.

    Parameters
    ----------
    factory : callable
        Called at each fit as factory(assets), or factory(assets, constraints=...) where there are constraints; returns
        an `Allocator`. A class will do, and `functools.partial` gives it further arguments.
    constraints : Constraints, optional
    covariance, mu, mean_shrinkage, previous_weights
        As of `MeanVariancePortfolio`.
    scenarios : str, optional
        Name of the argument under which the factory takes the returns of X (T, N), for allocators that look at more
        than two moments. The row of the decision, `position`, is the last of them.

    Attributes
    ----------
    mu_ : Series, or ndarray of shape (N,)
    allocator_ : Allocator
        What the factory made.
    """

    factory: Callable[..., Allocator]
    _: KW_ONLY
    constraints: Constraints | None = None
    covariance: CovarianceChoice = "ledoit_wolf"
    mu: Means = None
    mean_shrinkage: float | None = None
    previous_weights: Labelled | None = None
    scenarios: str | None = None

    @property
    def trades(self) -> bool:
        """Whether the answer depends on the weights held: unknown, so True."""
        return True

    def _check_factory(self, assets: tuple[str, ...], options: Mapping[str, object]) -> None:
        """Refuse a factory that cannot be called with what it would be given."""
        name = getattr(self.factory, "__name__", repr(self.factory))
        if not callable(self.factory):
            raise InputError(f"factory: expected a class or function that makes an allocator, got {name}")
        try:
            accepted = inspect.signature(self.factory)
        except (TypeError, ValueError):  # some callables of C have no signature to look at
            return
        try:
            accepted.bind(assets, **options)
        except TypeError as error:
            raise InputError(
                f"factory: {name} cannot be called as {name}(assets{''.join(f', {key}=...' for key in options)}): "
                f"{error}; it takes {accepted}"
            ) from error

    def _decide(self, sample: Sample) -> Weights:
        options: dict[str, object] = {} if self.constraints is None else {"constraints": self.constraints}
        if self.scenarios is not None:
            options[self.scenarios] = sample.returns.copy()
        self._check_factory(sample.assets, options)
        self.allocator_ = self.factory(sample.assets, **options)
        if not callable(getattr(self.allocator_, "solve", None)):
            raise InputError(
                f"factory: {self.factory!r} returned {self.allocator_!r}, which has no method solve"
            )
        sigma = self._estimate(sample)
        mu = self._expect(sample, self.mu, sigma, self.mean_shrinkage)
        held = sample.held(self.previous_weights)
        return self.allocator_.solve(sample.position, mu, sigma, held, sample.everything)
