"""Rules that hold for any data, checked from first principles and without the code that should keep them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from allocation.problem.closed_markets import LARGEST_SCALE, SAME
from backtest.result import BacktestResult
from foundation.types import Bools, Floats, Ints
from market.frequency import longest_closure
from market.panel import Panel
from pipeline.audit.point_in_time import refits
from pipeline.config import RunConfig
from validation.folds.walk_forward import Fold

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated


ROUNDING = 1e-9


@dataclass(frozen=True)
class Checked:
    """Result of checking one rule on one item.

    Attributes
    ----------
    rule, stage, name : str
    count : int
        Number of checks.
    row : int or None
        First row of the panel at which the rule was broken.
    expected, found : str
        Values at that row, if the rule was broken.
    """

    rule: str
    stage: str
    name: str
    count: int
    row: int | None = None
    expected: str = ""
    found: str = ""


def check_rules(done: Evaluated) -> Iterator[Checked]:
    """Check the rules on the results of a run."""
    prepared = done.trained.prepared
    panel, schedule, config = prepared.panel, prepared.schedule, prepared.config
    yield check_labels(panel, schedule.labels.value, config)
    span = config.target.execution_lag + config.target.horizon
    for name, every in refits(config).items():
        yield check_folds(name, schedule.folds_for(every), span, config.walk_forward.embargo)
    # Regimes have no label; each is known at the close of its own date.
    yield check_folds("the regimes", schedule.regime_folds, 0, 0)
    for result in done.results.values():
        yield from check_earnings(result, panel, config)
        if panel.member is not None:
            yield check_members(result, panel, schedule.decisions, config.target.execution_lag)


def check_labels(panel: Panel, value: Floats, config: RunConfig) -> Checked:
    """Recompound each label return by return, starting on the row after its trade."""
    rule = "a label is what a trade earns after the lag, over the horizon, less cash"
    lag, horizon = config.target.execution_lag, config.target.horizon
    n = max(0, len(panel.dates) - lag - horizon)
    steps = range(lag + 1, lag + horizon + 1)
    returns = np.stack([panel.returns[s : s + n] for s in steps])
    cash = np.stack([panel.cash[s : s + n] for s in steps])
    earned = (
        np.prod(1 + np.where(np.isfinite(returns), returns, 0.0), axis=0) - np.prod(1 + cash, axis=0)[:, None]
    )
    there = panel.listed[:n] & np.isfinite(returns).any(axis=0)
    if panel.member is not None:
        there &= panel.member[:n]
    wrong = np.isfinite(value[:n]) != there
    wrong |= there & ~(np.abs(value[:n] - earned) <= ROUNDING * (1 + np.abs(earned)))
    wrong = np.vstack([wrong, np.isfinite(value[n:])])
    if not wrong.any():
        return Checked(rule, "labels", "label", int(there.sum()))
    row, asset = (int(i) for i in np.argwhere(wrong)[0])
    wanted = f"{earned[row, asset]:.6g}" if row < n and there[row, asset] else "none"
    return Checked(
        rule, "labels", f"label of {panel.assets[asset]}", 0, row, wanted, f"{value[row, asset]:.6g}"
    )


def check_folds(name: str, folds: tuple[Fold, ...], span: int, embargo: int) -> Checked:
    """Check each training row of each fold: the row, the span of its label and the embargo end before the test."""
    rule = "a training label and the embargo behind it end before the test"
    name = f"folds of {name}"
    count = 0
    for fold in folds:
        last, first = int(fold.train.max()), int(fold.test.min())
        if last + span + embargo >= first:
            return Checked(
                rule, "schedule", name, 0, first, f"end before row {first}", f"row {last + span + embargo}"
            )
        count += len(fold.train)
    return Checked(rule, "schedule", name, count)


def check_members(result: BacktestResult, panel: Panel, decisions: Ints, lag: int) -> Checked:
    """Check that what is held after the trade of a decision at t was a member at t.

    Rows at which some market is closed are left out: there a holding may be stuck.
    """
    stage, rule = f"portfolio {result.name}", "after a decision at t nothing is held that is no member at t"
    count, first = 0, int(result.positions[0]) if len(result.positions) else len(panel.dates)
    for row in decisions.tolist():
        k = row + lag + 1 - first
        if not 0 <= k < len(result.weights) or _closed(panel, row).any() or _closed(panel, row + lag).any():
            continue
        wrong = np.flatnonzero((np.abs(result.weights[k]) > ROUNDING) & ~panel.holdable[row])
        if len(wrong):
            name = f"weight of {panel.assets[wrong[0]]}"
            return Checked(rule, stage, name, 0, row, "0", f"{result.weights[k, wrong[0]]:.6g}")
        count += len(panel.assets)
    return Checked(rule, stage, "weight", count)


def check_earnings(result: BacktestResult, panel: Panel, config: RunConfig) -> Iterator[Checked]:
    """Recompute a portfolio: its holdings at each row, its returns, and its trading costs."""
    lag, rate, impact = config.target.execution_lag, config.cost_rate, config.impact_rate
    stage = f"portfolio {result.name}"
    earned = np.where(np.isfinite(panel.returns), panel.returns, 0.0)
    order = {int(row) + lag + 1: i for i, row in enumerate(result.decisions)}
    held, cash = np.zeros(len(panel.assets)), 1.0
    weights, gross, net = np.zeros_like(result.weights), np.zeros(len(result.net)), np.zeros(len(result.net))
    for k, row in enumerate(result.positions.tolist()):
        paid = 0.0
        if row in order:
            target, money = result.targets[order[row]], float(result.target_cash[order[row]])
            target, money = _around_closed(target, money, held, cash, _closed(panel, row - 1))
            paid = rate * float(np.abs(target - held).sum()) + impact * float(((target - held) ** 2).sum())
            held, cash = target, money
        weights[k] = held
        grown, money = held * (1 + earned[row]), cash * (1 + panel.cash[row])
        total = float(grown.sum()) + money
        gross[k], net[k] = total - 1, (1 - paid) * total - 1
        held, cash = grown / total, money / total
    yield _books("who decides at t trades after the lag and earns from then on", stage, "weight held",
                 result.positions, weights, result.weights)  # fmt: skip
    yield _books(
        "a return is that of the weights held", stage, "gross return", result.positions, gross, result.gross
    )
    yield _books("each trade pays its cost", stage, "net return", result.positions, net, result.net)
    if result.sleeves is not None:
        parts = result.sleeves.net.sum(axis=1)
        rule = "what the sleeves bring adds up to the return"
        yield _books(rule, stage, "sleeves", result.positions, parts, result.net)


def _closed(panel: Panel, row: int) -> Bools:
    """Return the assets (N,) without a price at a row that had one at most the longest closure earlier."""
    before = panel.listed[max(0, row - longest_closure(panel.periods_per_year)) : row]
    gone = np.zeros(len(panel.assets), dtype=np.bool_) if panel.delisted is None else panel.delisted[row]
    return np.asarray(~panel.listed[row] & before.any(axis=0) & ~gone)


def _around_closed(
    target: Floats, money: float, held: Floats, cash: float, closed: Bools
) -> tuple[Floats, float]:
    """Return the tradable part of a target: no trade in closed markets, other weights scaled to the remaining money."""
    if np.allclose(target[closed], held[closed], rtol=0, atol=SAME):
        return target, money
    open_target = float(target[~closed].sum()) + money
    left = float(held[~closed].sum()) + cash
    if abs(open_target) <= SAME or not 0 <= left / open_target <= LARGEST_SCALE:
        return held, cash
    return np.where(closed, held, target * (left / open_target)), money * (left / open_target)


def _books(rule: str, stage: str, name: str, rows: Ints, expected: Floats, found: Floats) -> Checked:
    wrong = ~(np.abs(expected - found) <= ROUNDING)
    if not wrong.any():
        return Checked(rule, stage, name, len(rows))
    where = tuple(np.argwhere(wrong)[0])
    return Checked(rule, stage, name, 0, int(rows[where[0]]), f"{expected[where]:.6g}", f"{found[where]:.6g}")
