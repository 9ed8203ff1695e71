"""Whether each strategy can keep the limits of the run at every decision: found out before anything is fitted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.policies.policy import BuyAndHold, EqualWeight, Policy
from allocation.policies.portfolio_state import PortfolioState
from allocation.problem.constraints import Constraints
from allocation.problem.limits import build_limits
from allocation.weights import Weights
from foundation.types import Bools
from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.preflight.universe import UniverseCheck, dated
from pipeline.settings.limit_keys import limits_set
from pipeline.stages.schedule import Schedule
from pipeline.strategies.allocator_kinds import AllocatorStrategy, BlackLittermanStrategy
from pipeline.strategies.builder import Workshop
from pipeline.strategies.kinds import StatedStrategy, TacticalStrategy

Universes = Sequence[tuple[int, Bools]]

KEPT = 1e-9
"""How far stated weights may miss a limit by rounding."""


def check_strategies(
    panel: Panel, schedule: Schedule, config: RunConfig, check: UniverseCheck, universes: Universes
) -> None:
    """Refuse strategies that cannot keep a limit of the run at some decision.

    Raises
    ------
    RunError
        Naming the strategy, the date and the limit.
    """
    shop = _workshop(panel, schedule, config, universes)
    for name, section in config.strategies.items():
        if isinstance(section, AllocatorStrategy):
            _check_allocator(name, section, shop, check, universes)
        elif isinstance(section, StatedStrategy):
            _check_stated(name, section, shop, check, universes)
        elif isinstance(section, BlackLittermanStrategy) and section.market is not None:
            _check_market(name, section, shop, universes)
        elif isinstance(section, TacticalStrategy):
            _check_tactical(name, section, shop, check, universes)


def _workshop(panel: Panel, schedule: Schedule, config: RunConfig, universes: Universes) -> Workshop:
    """Return a workshop that knows the eligible assets of each decision, and no covariance, forecast or regime."""
    rows = np.array([position for position, _ in universes], dtype=np.int64)
    unknown = np.empty((len(rows), 0, 0))
    path = CovariancePath(rows, unknown, np.array([universe for _, universe in universes]))
    baselines: dict[str, Policy] = {"equal_weight": EqualWeight(path), "buy_and_hold": BuyAndHold(path)}
    return Workshop(panel, schedule, {}, path, None, config, baselines)


def _check_allocator(
    name: str, section: AllocatorStrategy, shop: Workshop, check: UniverseCheck, universes: Universes
) -> None:
    """Refuse an allocator whose limits cannot be met by the assets that it may hold, or that lacks scenarios."""
    hold = shop.config.allocation.on_infeasible == "hold"
    holdable, limits, seen = (
        shop.mask(section.holdable(shop.panel.assets)),
        shop.limits(section),
        set[bytes](),
    )
    with dated(shop.panel, universes[0][0], hold=False, name=name):
        scenarios = getattr(section.allocator(shop, limits), "scenarios", None)
    for position, universe in universes:
        inside = universe & holdable
        if not inside.any():
            raise RunError(
                f"strategies.{name}, at {shop.panel.dates[position]:%Y-%m-%d}: no asset that it may hold has enough "
                "history (allocation.min_history, allocation.covariance_window)"
            )
        with dated(shop.panel, position, hold, name):
            if scenarios is not None:
                scenarios.at(position, np.flatnonzero(inside))
            if inside.tobytes() not in seen:
                seen.add(inside.tobytes())
                check.given_way(inside, limits)


def _check_market(name: str, section: BlackLittermanStrategy, shop: Workshop, universes: Universes) -> None:
    """Refuse market weights of which no asset can be held at some decision."""
    weighted = [asset for asset, weight in (section.market or {}).items() if weight]
    inside = np.isin(shop.panel.assets, weighted)
    for position, universe in universes:
        if not (universe & inside).any():
            raise RunError(
                f"strategies.{name}.market, at {shop.panel.dates[position]:%Y-%m-%d}: none of its assets "
                f"({', '.join(weighted[:5])}) has enough history (allocation.min_history, "
                "allocation.covariance_window): name more assets, or evaluate from a later date"
            )


def _check_stated(
    name: str, section: StatedStrategy, shop: Workshop, check: UniverseCheck, universes: Universes
) -> None:
    """Refuse stated weights that break a limit of the run at some decision."""
    given = {key for key in limits_set(shop.config.allocation) if key not in section.exempt}
    if not given:
        return
    policy, limits, seen = shop.policy(name), shop.limits(section), set[str]()
    for position, universe in universes:
        decided = policy(position, PortfolioState.empty(len(universe)))
        if not isinstance(decided, Weights):
            continue
        allowed, floor = check.scores(position, universe) if "esg" in given else (universe, None)
        key = f"{decided.weights.tobytes()!r}{allowed.tobytes()!r}{floor}"
        if key in seen:
            continue
        seen.add(key)
        broken = _broken(decided, limits, shop, given, allowed)
        if (decided.weights[~allowed] != 0).any():
            k = int(np.flatnonzero(~allowed & (decided.weights != 0))[0])
            broken = f"esg: {shop.panel.assets[k]!r} must not be held, by its score"
        if floor is not None:
            row = [floor.coefficients.get(asset, 0.0) for asset in shop.panel.assets]
            if float(decided.weights @ row) < -KEPT:
                broken = f"esg.floor: the average score is too small by {-float(decided.weights @ row):.4g}"
        if broken:
            raise RunError(
                f"strategies.{name}, at {shop.panel.dates[position]:%Y-%m-%d}: the weights that it states break a "
                f"limit of the run: {broken}; change the weights or the limit, or write exempt in the strategy"
            )


def _broken(
    decided: Weights, limits: Constraints, shop: Workshop, given: Collection[str], universe: Bools
) -> str:
    """Return the first limit on weights that is broken, in words, "" if all are kept."""
    if "cash" not in given:
        cash = decided.cash
        least, most = min(cash, limits.cash_minimum), max(cash, limits.cash_maximum)
        limits = replace(limits, cash_minimum=least, cash_maximum=most)
    on = build_limits(limits, shop.panel.assets, universe)
    for limit, slack in on.slack(decided.weights[universe]).items():
        if slack < -KEPT:
            return f"{limit} (missed by {-slack:.4g})"
    few = shop.config.allocation.positions
    if few is not None and "positions" in given:
        sizes = np.abs(decided.weights[decided.weights != 0])
        if len(sizes) > few.maximum:
            return f"at most {few.maximum} positions (there are {len(sizes)})"
        if len(sizes) and sizes.min() < few.minimum_weight - KEPT:
            return f"position at least {few.minimum_weight:g} (the smallest is {sizes.min():.4g})"
    return ""


def _check_tactical(
    name: str, section: TacticalStrategy, shop: Workshop, check: UniverseCheck, universes: Universes
) -> None:
    """Refuse bands around stated weights in which the limits of the run cannot be met."""
    anchor = shop.config.strategies.get(section.strategic)
    if not isinstance(anchor, StatedStrategy) and section.strategic not in shop.policies:
        return  # it keeps the limits itself, or is not known yet; see `pipeline.strategies.limits`
    policy, (deviation, others) = shop.policy(section.strategic), shop.around(section)
    hold, seen = shop.config.allocation.on_infeasible == "hold", set[str]()
    for position, universe in universes:
        around = policy(position, PortfolioState.empty(len(universe)))
        if not isinstance(around, Weights):
            continue
        with dated(shop.panel, position, hold, name):
            allowed, floor = check.scores(position, universe)
            key = f"{around.weights.tobytes()!r}{allowed.tobytes()!r}{floor}"
            if key in seen:
                continue
            seen.add(key)
            # The tracking error is 0 at the strategic weights; whether another limit leaves enough is not known yet.
            check.limits(
                position, allowed, floor, deviation.limits_on(around, others, shop.panel.assets, allowed)
            )
