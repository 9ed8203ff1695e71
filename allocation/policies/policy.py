"""Policies: rules that decide at each rebalance."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from allocation.allocator import Allocator
from allocation.covariance.path import CovariancePath
from allocation.covariance_types import Risk
from allocation.decision_status import DecisionStatus
from allocation.errors import InfeasibleError, InputError
from allocation.input_alignment import align_columns
from allocation.policies.portfolio_state import PortfolioState
from allocation.problem.closed_markets import keep_closed, solve_around
from allocation.weights import NoTrade, OptimalityCertificate, Weights
from foundation.types import Bools, Floats, Ints

TradeDecision = Weights | NoTrade | None
"""Target weights, or no trade: with a reason that is recorded, or as a matter of course (None)."""


class Policy(Protocol):
    """Decide at the close of a row, given the state of the portfolio there.

    A policy is a function of its arguments and of what it was made with: it remembers nothing between calls. One
    whose portfolio has not `started` gives target weights, whatever its calendar says.
    """

    def __call__(self, position: int, state: PortfolioState) -> TradeDecision:
        """Return the target weights, or that nothing is traded."""


class EqualWeight:
    """1/N over the eligible assets, at every rebalance (DeMiguel, Garlappi and Uppal, 2009)."""

    def __init__(self, covariances: CovariancePath) -> None:
        self.covariances = covariances

    def __call__(self, position: int, state: PortfolioState) -> Weights:
        """Return equal weights."""
        _, eligible = self.covariances.at(position)
        if not eligible.any():
            raise InputError(f"row {position}: no asset is eligible")
        return Weights(
            position, eligible / eligible.sum(), 0.0, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0)
        )


class BuyAndHold:
    """1/N over the assets eligible when it begins, then no trade ever."""

    def __init__(self, covariances: CovariancePath) -> None:
        self.once = EqualWeight(covariances)

    def __call__(self, position: int, state: PortfolioState) -> Weights | None:
        """Return equal weights at the first decision, None after it."""
        return None if state.started else self.once(position, state)


class AllocatorPolicy:
    """Trade what an allocator chooses, at every rebalance.

    Parameters
    ----------
    allocator : Allocator
    covariances : CovariancePath
    positions : ndarray of int, shape (D,), optional
        Rows at which the forecasts were made, increasing.
    mean : ndarray of shape (D, N), optional
        Expected excess return over the horizon of the covariances. An asset without one is not held. Without
        forecasts nothing is expected of any asset: for allocators that look at risk alone.
    """

    def __init__(
        self,
        allocator: Allocator,
        covariances: CovariancePath,
        positions: Ints | None = None,
        mean: Floats | None = None,
    ) -> None:
        self.allocator = allocator
        self.covariances = covariances
        self.mean = None if mean is None else align_columns("mean", mean, allocator.assets)
        self.row = {int(row): d for d, row in enumerate([] if positions is None else positions)}

    def __call__(self, position: int, state: PortfolioState) -> Weights:
        """Return the allocator's choice by what is known at this row."""
        mu, sigma, universe = self.inputs(position)
        closed, validate = self.covariances.closed_at(position), not self.covariances.sound
        return solve_around(
            self.allocator, position, mu, sigma, state.weights, universe, closed, validate=validate
        )

    def inputs(self, position: int) -> tuple[Floats, Risk, Bools]:
        """Return expected returns (N,), their covariance, and the assets (N,) that may be held at a row."""
        mu = None if self.mean is None else self.expected(position)
        sigma, eligible = self.covariances.at(position)
        if mu is None:
            mu = np.zeros(len(eligible))
        return mu, sigma, eligible & np.isfinite(mu)

    def expected(self, position: int) -> Floats:
        """Return the forecast made at a row, shape (N,)."""
        if self.mean is None or position not in self.row:
            raise InputError(f"row {position}: there is no forecast")
        return np.asarray(self.mean[self.row[position]])


class HoldIfInfeasible:
    """Trade as another policy does, and nothing where its limits cannot be met: the reason is recorded."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def __call__(self, position: int, state: PortfolioState) -> TradeDecision:
        """Return the policy's decision, or that the limits cannot be met."""
        try:
            return self.policy(position, state)
        except InfeasibleError as error:
            return NoTrade(position, f"held: {'; '.join(error.limits)} cannot be met together")


class KeepClosed:
    """Trade as another policy does, but not in markets that are closed: what is held there keeps its weight.

    Parameters
    ----------
    policy : Policy
        Decides as if all markets were open.
    covariances : CovariancePath
        Knows which are closed.
    assets : tuple of str, length N
    """

    def __init__(self, policy: Policy, covariances: CovariancePath, assets: tuple[str, ...]) -> None:
        self.policy = policy
        self.covariances = covariances
        self.assets = assets

    def __call__(self, position: int, state: PortfolioState) -> TradeDecision:
        """Return the policy's decision with the weights of closed markets as they are held."""
        decided = self.policy(position, state)
        closed = self.covariances.closed_at(position)
        if closed is None or not isinstance(decided, Weights):
            return decided
        stuck = [
            self.assets[i] for i in np.flatnonzero(closed & ((state.weights != 0) | (decided.weights != 0)))
        ]
        if not stuck:
            return decided
        why = f"not traded, market closed: {', '.join(stuck[:3])}{' and others' if len(stuck) > 3 else ''}"
        kept = keep_closed(decided, state.weights, state.sleeves, closed)
        if kept is None:
            return NoTrade(position, why, DecisionStatus.MARKET_CLOSED)
        note = "; ".join(filter(None, [kept.note, why]))
        return replace(kept, status=kept.status | DecisionStatus.MARKET_CLOSED, note=note)
