"""StrategyPreflight: checks of strategies at every decision, before any fit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from allocation.allocator import Allocator
from allocation.policies.deviation import Deviation
from allocation.policies.policy import Policy
from allocation.policies.portfolio_state import PortfolioState
from allocation.problem.constraints import Constraints
from allocation.problem.limit_builder import build_limits
from allocation.problem.sum_limits import Linear
from allocation.weights import Weights
from foundation.types import Bools
from pipeline.errors import RunError
from pipeline.settings.limit_keys import LimitKey, limits_set
from pipeline.strategies.builder import StrategyBuilder
from pipeline.strategies.universe_check import UniverseCheck, date_errors

TOLERANCE = 1e-9
"""Rounding error by which stated weights may miss a limit."""


@dataclass(frozen=True)
class StrategyPreflight:
    """Checks of strategies on the eligible assets of each decision.

    Attributes
    ----------
    builder : StrategyBuilder
        Without forecasts, covariances and regimes.
    check : UniverseCheck
    universes : sequence of (int, ndarray of shape (N,))
        Row and eligible assets of each decision.
    """

    builder: StrategyBuilder
    check: UniverseCheck
    universes: Sequence[tuple[int, Bools]]

    @property
    def _hold(self) -> bool:
        return self.builder.settings.allocation.on_infeasible == "hold"

    def check_allocator(
        self, name: str, make: Callable[[Constraints], Allocator], limits: Constraints, holdable: Bools
    ) -> None:
        """Refuse an allocator with limits that the holdable assets cannot meet, or with too few scenarios."""
        panel, seen = self.builder.panel, set[bytes]()
        with date_errors(panel, self.universes[0][0], hold=False, name=name):
            scenarios = getattr(make(limits), "scenarios", None)
        for position, universe in self.universes:
            inside = universe & holdable
            if not inside.any():
                raise RunError(
                    f"strategies.{name}, at {panel.dates[position]:%Y-%m-%d}: no asset that it may hold has enough "
                    "history (allocation.min_history, allocation.covariance_window)"
                )
            with date_errors(panel, position, self._hold, name):
                if scenarios is not None:
                    scenarios.at(position, np.flatnonzero(inside))
                if inside.tobytes() not in seen:
                    seen.add(inside.tobytes())
                    self.check.relax_limits(inside, limits)

    def check_market(self, name: str, weighted: Sequence[str]) -> None:
        """Refuse market weights if none of their assets can be held at some decision."""
        panel = self.builder.panel
        inside = np.isin(panel.assets, list(weighted))
        for position, universe in self.universes:
            if not (universe & inside).any():
                raise RunError(
                    f"strategies.{name}.market, at {panel.dates[position]:%Y-%m-%d}: none of its assets "
                    f"({', '.join(weighted[:5])}) has enough history (allocation.min_history, "
                    "allocation.covariance_window): name more assets, or evaluate from a later date"
                )

    def check_stated(self, name: str, kept: frozenset[LimitKey], exempt: Collection[LimitKey]) -> None:
        """Refuse stated weights that break a limit of the run at some decision."""
        panel = self.builder.panel
        given = {key for key in limits_set(self.builder.settings.allocation) if key not in exempt}
        if not given:
            return
        policy, limits, seen = self.builder.policy(name), self.builder.limits(kept), set[str]()
        for position, universe in self.universes:
            decided = policy(position, PortfolioState.empty(len(universe)))
            if not isinstance(decided, Weights):
                continue
            allowed, floor = (
                self.check.apply_scores(position, universe) if "esg" in given else (universe, None)
            )
            key = f"{decided.weights.tobytes()!r}{allowed.tobytes()!r}{floor}"
            if key in seen:
                continue
            seen.add(key)
            broken = self._broken_score(decided, allowed, floor) or self._broken_limit(
                decided, limits, given, allowed
            )
            if broken:
                raise RunError(
                    f"strategies.{name}, at {panel.dates[position]:%Y-%m-%d}: the weights that it states break a "
                    f"limit of the run: {broken}; change the weights or the limit, or write exempt in the strategy"
                )

    def check_bands(self, name: str, anchor: Policy, deviation: Deviation, others: Constraints) -> None:
        """Refuse bands around known weights within which the limits of the run cannot be met."""
        panel, seen = self.builder.panel, set[str]()
        for position, universe in self.universes:
            around = anchor(position, PortfolioState.empty(len(universe)))
            if not isinstance(around, Weights):
                continue
            with date_errors(panel, position, self._hold, name):
                allowed, floor = self.check.apply_scores(position, universe)
                key = f"{around.weights.tobytes()!r}{allowed.tobytes()!r}{floor}"
                if key in seen:
                    continue
                seen.add(key)
                # The tracking error is 0 at the strategic weights. Whether it binds elsewhere is not known yet.
                limits = deviation.limits_on(around, others, panel.assets, allowed)
                self.check.check_limits(position, allowed, floor, limits)

    def _broken_score(self, decided: Weights, allowed: Bools, floor: Linear | None) -> str:
        """Return the conflict of the weights with scores; "" if there is none."""
        assets, weights = self.builder.panel.assets, decided.weights
        if floor is not None:
            average = float(weights @ [floor.coefficients.get(asset, 0.0) for asset in assets])
            if average < -TOLERANCE:
                return f"esg.floor: the average score is too small by {-average:.4g}"
        if (weights[~allowed] != 0).any():
            k = int(np.flatnonzero(~allowed & (weights != 0))[0])
            return f"esg: {assets[k]!r} must not be held, by its score"
        return ""

    def _broken_limit(
        self, decided: Weights, limits: Constraints, given: Collection[str], universe: Bools
    ) -> str:
        """Return the first limit that the weights break; "" if they keep all."""
        if "cash" not in given:
            cash = decided.cash
            least, most = min(cash, limits.cash_minimum), max(cash, limits.cash_maximum)
            limits = replace(limits, cash_minimum=least, cash_maximum=most)
        on = build_limits(limits, self.builder.panel.assets, universe)
        for limit, slack in on.slack(decided.weights[universe]).items():
            if slack < -TOLERANCE:
                return f"{limit} (missed by {-slack:.4g})"
        few = self.builder.settings.allocation.positions
        if few is not None and "positions" in given:
            sizes = np.abs(decided.weights[decided.weights != 0])
            if len(sizes) > few.maximum:
                return f"at most {few.maximum} positions (there are {len(sizes)})"
            if len(sizes) and sizes.min() < few.minimum_weight - TOLERANCE:
                return f"position at least {few.minimum_weight:g} (the smallest is {sizes.min():.4g})"
        return ""
