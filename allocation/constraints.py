"""Constraints: the limits, by name, and whether they can be met together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from allocation.errors import InfeasibleError, LimitError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Group:
    """Limits on the sum of the weights of some assets.

    Attributes
    ----------
    assets : tuple of str
    minimum, maximum : float
        Fractions of wealth.
    """

    assets: tuple[str, ...]
    minimum: float = 0.0
    maximum: float = 1.0


@dataclass(frozen=True)
class Constraints:
    """Limits on weights, all fractions of wealth.

    Attributes
    ----------
    minimum, maximum : float
        Of each asset; a negative minimum allows short positions.
    groups : mapping of str to Group
    turnover : float, optional
        Most that may be traded at one rebalance: the SUM over assets of |trade|, purchases and sales counted.
    cash_minimum, cash_maximum : float
        Of what is not in assets.

    Raises
    ------
    LimitError
        If a limit makes no sense by itself.
    """

    minimum: float = 0.0
    maximum: float = 1.0
    groups: Mapping[str, Group] = field(default_factory=dict)
    turnover: float | None = None
    cash_minimum: float = 0.0
    cash_maximum: float = 0.0

    def __post_init__(self) -> None:
        """Check each limit by itself."""
        pairs = {"weight": (self.minimum, self.maximum), "cash": (self.cash_minimum, self.cash_maximum)}
        pairs |= {f"group {name!r}": (g.minimum, g.maximum) for name, g in self.groups.items()}
        for what, (low, high) in pairs.items():
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise LimitError(
                    f"{what}: the minimum {low:g} must be a number of at most the maximum {high:g}"
                )
        if self.turnover is not None and not self.turnover >= 0:
            raise LimitError(f"turnover: the limit {self.turnover:g} must be 0 or more")
        for name, group in self.groups.items():
            if not group.assets:
                raise LimitError(f"group {name!r} has no assets")


@dataclass(frozen=True, eq=False)
class Limit:
    """One named family of linear limits: rows @ w <= bounds.

    Attributes
    ----------
    name : str
        In words, with its number.
    relief : str
        How to say that it is loosened; `{}` takes the new number.
    rows : ndarray of shape (M, n)
    bounds : ndarray of shape (M,)
    sign, offset : float
        The user's number is sign * bound + offset.
    """

    name: str
    relief: str
    rows: Floats
    bounds: Floats
    sign: float
    offset: float = 0.0


def limits_on(constraints: Constraints, assets: Sequence[str], universe: Bools) -> list[Limit]:
    """Return all limits but turnover, on the assets of the universe.

    Parameters
    ----------
    constraints : Constraints
    assets : sequence of str, length N
    universe : ndarray of bool, shape (N,)

    Raises
    ------
    LimitError
        If a group names an asset that does not exist.
    """
    inside = np.flatnonzero(universe).tolist()
    n, c = len(inside), constraints
    eye, ones = np.eye(n), np.ones((1, n))
    invested = "fully invested" if c.cash_maximum == 0 else f"cash at most {c.cash_maximum:g}"
    limits = [
        Limit(
            f"maximum weight {c.maximum:g}", "raise the maximum weight to {}", eye, np.full(n, c.maximum), 1
        ),
        Limit(
            f"minimum weight {c.minimum:g}",
            "lower the minimum weight to {}",
            -eye,
            np.full(n, -c.minimum),
            -1,
        ),
        Limit(invested, "allow cash of {}", -ones, np.array([c.cash_maximum - 1]), 1, 1),
        Limit(
            f"cash at least {c.cash_minimum:g}", "lower it to {}", ones, np.array([1 - c.cash_minimum]), -1, 1
        ),
    ]
    for name, group in c.groups.items():
        unknown = [asset for asset in group.assets if asset not in assets]
        if unknown:
            raise LimitError(
                f"group {name!r} names {', '.join(map(repr, unknown))}, which the data does not have; "
                f"it has {', '.join(assets)}"
            )
        row = np.array([[float(assets[i] in group.assets) for i in inside]])
        limits += [
            Limit(
                f"group {name!r} at most {group.maximum:g}",
                f"raise the maximum of group {name!r} to {{}}",
                row,
                np.array([group.maximum]),
                1,
            ),
            Limit(
                f"group {name!r} at least {group.minimum:g}",
                f"lower the minimum of group {name!r} to {{}}",
                -row,
                np.array([-group.minimum]),
                -1,
            ),
        ]
    return limits


def check_feasible(constraints: Constraints, assets: Sequence[str], universe: Bools) -> None:
    """Check that weights exist that meet all limits (but turnover) on the universe.

    Raises
    ------
    InfeasibleError
        Naming a smallest set of limits in conflict, and for each what would resolve it alone.
    LimitError
        If a group names an asset that does not exist.
    """
    limits = limits_on(constraints, assets, universe)
    if _excess(limits, None) is not None:
        return
    conflict = list(limits)
    for limit in limits:  # deletion filter (Chinneck and Dravnieks, 1991)
        without = [other for other in conflict if other is not limit]
        if _excess(without, None) is None:
            conflict = without
    names = tuple(limit.name for limit in conflict)
    reliefs = []
    for limit in conflict:
        excess = _excess([other for other in conflict if other is not limit], limit)
        if excess is not None:
            number = limit.sign * (float(limit.bounds[0]) + excess) + limit.offset
            reliefs.append(limit.relief.format(f"{number:.4g}"))
    raise InfeasibleError(
        f"these limits cannot be met together with {int(universe.sum())} assets: {'; '.join(names)}. "
        f"One of these would do: {' or '.join(reliefs)}",
        names,
    )


def _excess(limits: Sequence[Limit], loosened: Limit | None) -> float | None:
    """Return by how much `loosened` must give way to the other limits; None if that does not help.

    Without `loosened`, 0 says that the limits can be met.
    """
    both = [*limits, loosened] if loosened is not None else list(limits)
    if not both:
        return 0.0
    rows, bounds = np.vstack([limit.rows for limit in both]), np.concatenate([limit.bounds for limit in both])
    gives = np.concatenate([np.full(len(limit.bounds), limit is loosened, dtype=float) for limit in both])
    n = rows.shape[1]
    cost = np.r_[np.zeros(n), 1.0]
    answer = linprog(
        cost, A_ub=np.column_stack([rows, -gives]), b_ub=bounds, bounds=[(None, None)] * n + [(0, None)]
    )
    return float(answer.x[-1]) if answer.x is not None and answer.status == 0 else None
