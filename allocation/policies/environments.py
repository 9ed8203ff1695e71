"""Environments: risk balanced over what growth and inflation may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from allocation.allocator import Allocator
from allocation.covariance_types import Risk, select_covariance
from allocation.decision_status import DecisionStatus
from allocation.errors import InputError
from allocation.policies.portfolio_state import PortfolioState
from allocation.weights import OptimalityCertificate, Sleeve, Weights
from foundation.types import Bools

Covariance = Callable[[int], tuple[Risk, Bools]]


class RiskByEnvironment:
    """Equal risk for each environment, and inside each for each of its assets.

    An environment is a portfolio of the assets that do well in it; an asset may belong to several. Shares of
    wealth are such that the environments' portfolios contribute the same to the variance of the whole. One
    without an eligible asset is left out at that decision. Sleeves are the environments.

    Parameters
    ----------
    environments : mapping of str to ndarray of bool, shape (N,)
        For "All Weather": rising and falling growth, rising and falling inflation.
    covariance : callable
        From a row to the covariance (N, N) as known there, and the eligible assets (N,).
    inside : Allocator
        Of the N assets, long and fully invested: equal risk.
    across : callable
        From the number of environments to an Allocator of so many, of the same kind.
    validate : bool
        Whether to check the covariances; see `Allocator.solve`.

    Notes
    -----
    Bridgewater Associates (2012), "The All Weather Story"; Qian (2005), "Risk parity portfolios".
    """

    def __init__(
        self,
        environments: Mapping[str, Bools],
        covariance: Covariance,
        inside: Allocator,
        across: Callable[[int], Allocator],
        *,
        validate: bool = True,
    ) -> None:
        if not environments:
            raise InputError("there are no environments")
        self.environments = dict(environments)
        self.covariance = covariance
        self.inside = inside
        self.across = across
        self.validate = validate

    def __call__(self, position: int, state: PortfolioState) -> Weights:
        """Return the weights."""
        sigma, eligible = self.covariance(position)
        there = {name: members & eligible for name, members in self.environments.items()}
        there = {name: members for name, members in there.items() if members.any()}
        if not there:
            raise InputError(f"row {position}: no asset of any environment is eligible")
        mu = np.zeros(len(eligible))
        inner = [
            self.inside.solve(position, mu, sigma, state.weights, members, validate=self.validate).weights
            for members in there.values()
        ]
        W = np.column_stack(inner)
        known, M = select_covariance(sigma, eligible), W[eligible]
        between = np.array([[float(a @ (known @ b)) for b in M.T] for a in M.T])
        between = (between + between.T) / 2
        n = len(there)
        ones = np.ones(n, dtype=bool)
        across = self.across(n)
        shares = across.solve(position, np.zeros(n), between, np.zeros(n), ones, validate=False).weights
        parts = {name: Sleeve(w * s) for name, w, s in zip(there, inner, shares, strict=True)}
        weights = np.sum([part.weights for part in parts.values()], axis=0)
        cash, solved = 1.0 - float(weights.sum()), DecisionStatus.SOLVED
        return Weights(position, weights, cash, solved, OptimalityCertificate({}, 0.0), parts)
