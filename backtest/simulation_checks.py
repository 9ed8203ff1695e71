"""Checks of a simulation: its rows, and what its policy wants."""

from __future__ import annotations

import numpy as np

from allocation.decision_status import DecisionStatus
from allocation.weights import Weights
from backtest.errors import SimulationError
from foundation.types import Ints


def check_span(name: str, n_rows: int, decisions: Ints, execution_lag: int) -> None:
    """Refuse a negative lag, and decisions outside the data."""
    if execution_lag < 0:
        raise SimulationError(f"{name}: execution_lag is {execution_lag}, expected 0 or more")
    if not len(decisions):
        raise SimulationError(f"{name}: there are no decision rows")
    if (np.diff(decisions) <= 0).any():
        raise SimulationError(f"{name}: decision rows must increase")
    if decisions[0] < 0 or decisions[-1] >= n_rows:
        raise SimulationError(
            f"{name}: decision rows {decisions[0]} to {decisions[-1]} are outside the data, which has {n_rows} rows"
        )


def check_target(name: str, row: int, target: Weights) -> None:
    """Refuse a target for another row, without a status, or one that does not sum to 1 with its cash."""
    if not isinstance(target.status, DecisionStatus):
        raise SimulationError(
            f"{name}: the status of the target at row {row} is {target.status!r}, expected a DecisionStatus"
        )
    if target.position != row:
        raise SimulationError(
            f"{name}: at row {row} the policy returned a decision for row {target.position}"
        )
    total = float(target.weights.sum()) + target.cash
    if not abs(total - 1) < 1e-9:
        raise SimulationError(
            f"{name}: the target at row {row} sums to {total:.10g} with its cash, expected 1"
        )


def check_sleeves(name: str, target: Weights, before: list[Weights]) -> None:
    """Refuse sleeves that come and go, or do not sum to the weights."""
    if before and bool(target.sleeves) != bool(before[0].sleeves):
        raise SimulationError(
            f"{name}: some targets have sleeves and that at row {target.position} "
            f"{'has some' if target.sleeves else 'has none'}: expected all or none"
        )
    if target.sleeves:
        parts = target.sleeves.values()
        gap = np.abs(np.sum([part.weights for part in parts], axis=0) - target.weights).max()
        gap = max(float(gap), abs(sum(part.cash for part in parts) - target.cash))
        if not gap < 1e-12:
            raise SimulationError(
                f"{name}: the sleeves of the target at row {target.position} are {gap:.3g} from the weights that "
                "they should sum to"
            )
