"""Closed markets: decisions on a date at which some assets have no price and cannot be traded.

A holding whose market is closed keeps its weight, and what is not held is not bought. Policies decide as if every
market were open, and `keep_closed` corrects their target. Allocators that can hold weights fixed solve the problem
around them exactly, so that all limits hold for the whole portfolio and nothing is left to correct.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from allocation.allocator import Allocator
from allocation.covariance_types import Risk
from allocation.decision_status import DecisionStatus
from allocation.errors import InfeasibleError, LimitError, SolverError
from allocation.problem.constraints import Constraints
from allocation.weights import OptimalityCertificate, Sleeve, Weights
from foundation.types import Bools, Floats

SAME = 1e-12
"""Weights that differ by less are equal."""
LARGEST_SCALE = 10.0
"""A target whose open part would have to grow by more is almost all in closed markets: it is not traded at all."""


@runtime_checkable
class _FixesWeights(Protocol):
    """An allocator that can hold the weights of some assets fixed."""

    def with_fixed(self, weights: Mapping[str, float]) -> Allocator:
        """Return the same allocator with these weights, by asset, as they are."""


def fix_weights(allocator: Allocator, weights: Mapping[str, float]) -> Allocator:
    """Return an allocator with the weights of some assets fixed; itself if it cannot fix any."""
    return allocator.with_fixed(weights) if isinstance(allocator, _FixesWeights) else allocator


def fix_bounds(constraints: Constraints, weights: Mapping[str, float]) -> Constraints:
    """Return limits under which some assets have a given weight, even one outside their own limits."""
    pairs = {asset: (weight, weight) for asset, weight in weights.items()}
    return replace(constraints, overrides={**constraints.overrides, **pairs})


def solve_around(
    allocator: Allocator,
    position: int,
    mu: Floats,
    sigma: Risk,
    held: Floats,
    universe: Bools,
    closed: Bools | None,
    *,
    validate: bool,
) -> Weights:
    """Return an allocator's weights, those of closed markets as they are held as far as it can keep them.

    Where the limits cannot be met around the fixed weights (a group whose closed members have grown beyond its
    maximum, for example), it decides as if all markets were open, which `keep_closed` then corrects.

    Parameters
    ----------
    allocator, position, mu, sigma, held, universe, validate
        As for `Allocator.solve`.
    closed : ndarray of bool, shape (N,), or None
        Assets whose market is closed; None if all are open.

    Raises
    ------
    AllocationError
        If there are no weights even with all markets open.
    """
    if closed is None:
        return allocator.solve(position, mu, sigma, held, universe, validate=validate)
    stuck = closed & universe
    # Closed assets outside the universe are not sold now and count in no turnover.
    before = np.where(closed & ~universe, 0.0, held)
    if not stuck.any():
        return allocator.solve(position, mu, sigma, before, universe, validate=validate)
    fixed = {allocator.assets[i]: float(held[i]) for i in np.flatnonzero(stuck)}
    try:
        return fix_weights(allocator, fixed).solve(position, mu, sigma, before, universe, validate=validate)
    except (InfeasibleError, LimitError, SolverError):
        answer = allocator.solve(position, mu, sigma, before, universe, validate=validate)
        note = "; ".join(filter(None, [answer.note, "limits relaxed around closed markets"]))
        return replace(answer, status=answer.status | DecisionStatus.RELAXED, note=note)


def keep_closed(
    target: Weights, held: Floats, sleeves: Mapping[str, Sleeve], closed: Bools
) -> Weights | None:
    """Return a target in which assets of closed markets keep the weight held; the rest is scaled to fill up to 1.

    Parameters
    ----------
    target : Weights
    held : ndarray of shape (N,)
        Weights before the trade.
    sleeves : mapping of str to Sleeve
        The same by purpose, if the portfolio has sleeves. Closed assets stay in the sleeve that holds them.
    closed : ndarray of bool, shape (N,)

    Returns
    -------
    Weights or None
        Without a certificate if it was scaled. None if the open part of the target is too small to be scaled, as
        where all of it is in closed markets: then nothing can be traded.
    """
    if not (np.abs(target.weights - held)[closed] > SAME).any():
        return target
    open_now = 1.0 - float(held[closed].sum())
    open_then = 1.0 - float(target.weights[closed].sum())
    scale = open_now / open_then if abs(open_then) > SAME else np.inf
    if not 0.0 <= scale <= LARGEST_SCALE:
        return None
    # The certificate holds for the weights before scaling.
    unproved = OptimalityCertificate({}, 0.0)
    if not target.sleeves:
        kept = np.where(closed, held, target.weights * scale)
        return replace(target, weights=kept, cash=target.cash * scale, certificate=unproved)
    parts = {
        name: Sleeve(np.where(closed, 0.0, s.weights * scale), s.cash * scale)
        for name, s in target.sleeves.items()
    }
    for name, share in _closed_by_sleeve(held, sleeves, closed).items():
        before = parts.get(name, Sleeve(np.zeros_like(held)))
        parts[name] = Sleeve(before.weights + share, before.cash)
    weights = np.sum([part.weights for part in parts.values()], axis=0)
    cash = sum(part.cash for part in parts.values())
    return replace(target, weights=weights, cash=cash, sleeves=parts, certificate=unproved)


def _closed_by_sleeve(held: Floats, sleeves: Mapping[str, Sleeve], closed: Bools) -> dict[str, Floats]:
    """Return what each sleeve holds in closed markets, shape (N,); without sleeves it is one named "closed"."""
    parts = {name: np.where(closed, sleeve.weights, 0.0) for name, sleeve in sleeves.items()}
    parts = parts or {"closed": np.where(closed, held, 0.0)}
    return {name: weights for name, weights in parts.items() if weights.any()}
