"""Constraints: the limits, by name, and whether they can be met together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from allocation.errors import InfeasibleError, LimitError, SolverError

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
    overrides : mapping of str to (float, float)
        (minimum, maximum) of single assets, in place of the common ones; (0, 0) excludes an asset.
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
    overrides: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check each limit by itself."""
        pairs = {"weight": (self.minimum, self.maximum), "cash": (self.cash_minimum, self.cash_maximum)}
        pairs |= {f"weight of {name!r}": pair for name, pair in self.overrides.items()}
        pairs |= {f"group {name!r}": (g.minimum, g.maximum) for name, g in self.groups.items()}
        for what, (low, high) in pairs.items():
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise LimitError(
                    f"{what}: the minimum {low:g} must be a number of at most the maximum {high:g}"
                )
        if self.maximum <= 0:
            raise LimitError(
                f"weight: the maximum {self.maximum:g} must be more than 0, or nothing can be held"
            )
        if self.turnover is not None and not self.turnover >= 0:
            raise LimitError(f"turnover: the limit {self.turnover:g} must be 0 or more")
        for name, group in self.groups.items():
            if not group.assets:
                raise LimitError(f"group {name!r} has no assets")

    def bounds(self, assets: Sequence[str]) -> tuple[Floats, Floats]:
        """Return the minimum and the maximum of each asset.

        Raises
        ------
        LimitError
            If an override names an asset that does not exist.
        """
        _known("overrides: the weight limits", tuple(self.overrides), assets)
        pairs = [self.overrides.get(asset, (self.minimum, self.maximum)) for asset in assets]
        low, high = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
        return low, high


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
    inside: list[int] = np.flatnonzero(universe).tolist()
    n, c = len(inside), constraints
    eye, ones = np.eye(n), np.ones((1, n))
    invested = "fully invested" if c.cash_maximum == 0 else f"cash at most {c.cash_maximum:g}"
    low, high = (bound[inside] for bound in c.bounds(assets))
    special = [k for k, i in enumerate(inside) if assets[i] in c.overrides]
    common = [k for k in range(n) if k not in special]
    limits = [
        Limit(
            f"maximum weight {c.maximum:g}", "raise the maximum weight to {}", eye[common], high[common], 1
        ),
        Limit(
            f"minimum weight {c.minimum:g}", "lower the minimum weight to {}", -eye[common], -low[common], -1
        ),
        Limit(invested, "allow cash of {}", -ones, np.array([c.cash_maximum - 1]), 1, 1),
        Limit(
            f"cash at least {c.cash_minimum:g}",
            "lower the minimum of cash to {}",
            ones,
            np.array([1 - c.cash_minimum]),
            -1,
            1,
        ),
    ]
    limits = [limit for limit in limits if len(limit.bounds)]
    for k in special:
        limits += _pair(f"weight of {assets[inside[k]]!r}", eye[k : k + 1], float(low[k]), float(high[k]))
    for name, group in c.groups.items():
        _known(f"group {name!r}", group.assets, assets)
        row = np.array([[float(assets[i] in group.assets) for i in inside]])
        limits += _pair(f"of group {name!r}", row, group.minimum, group.maximum)
    return limits


def _pair(what: str, row: Floats, low: float, high: float) -> list[Limit]:
    """Return both limits on `row @ w`; `what` follows "the maximum"."""
    name = what.removeprefix("of ")
    return [
        Limit(f"{name} at most {high:g}", f"raise the maximum {what} to {{}}", row, np.array([high]), 1),
        Limit(f"{name} at least {low:g}", f"lower the minimum {what} to {{}}", -row, np.array([-low]), -1),
    ]


def _known(what: str, names: Sequence[str], assets: Sequence[str]) -> None:
    unknown = [name for name in names if name not in assets]
    if unknown:
        raise LimitError(
            f"{what} names {', '.join(map(repr, unknown))}, which the data does not have; "
            f"it has {', '.join(assets)}"
        )


def check_feasible(constraints: Constraints, assets: Sequence[str], universe: Bools) -> None:
    """Check that weights exist that meet all limits (but turnover) on the universe.

    Raises
    ------
    InfeasibleError
        Naming limits in conflict of which none can be left out (other such sets may exist and be smaller), and
        for each what would resolve all conflicts alone, if anything would.
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
    reliefs = []
    for limit in conflict:
        excess = _excess([other for other in limits if other is not limit], limit)
        if excess is not None:
            reliefs.append(limit.relief.format(_enough(limit, excess)))
    wayout = (
        f"One of these would do: {' or '.join(reliefs)}"
        if reliefs
        else "No one of them alone would do: other limits are in conflict too"
    )
    raise InfeasibleError(
        f"these limits cannot be met together with {int(universe.sum())} assets: "
        f"{'; '.join(map(_in_words, conflict))}. {wayout}",
        tuple(limit.name for limit in conflict),
    )


def _in_words(limit: Limit) -> str:
    """Name a limit, and what it adds up to if it holds for several assets."""
    n = len(limit.bounds)
    return limit.name if n == 1 else f"{limit.name} x {n} assets = {abs(float(limit.bounds.sum())):.4g}"


def _enough(limit: Limit, excess: float) -> str:
    """Return the user's number that resolves the conflict, rounded so that it still does."""
    number = limit.sign * (float(limit.bounds[0]) + excess) + limit.offset
    # Four digits, away from the conflict; what comes after the ninth decimal is noise of the linear programme.
    unit = 10.0 ** (math.floor(math.log10(max(abs(number), 1e-4))) - 3)
    steps = math.ceil((number - 1e-9) / unit) if limit.sign > 0 else math.floor((number + 1e-9) / unit)
    return f"{steps * unit + 0.0:.4g}"


def _excess(limits: Sequence[Limit], loosened: Limit | None) -> float | None:
    """Return by how much `loosened` must give way to the other limits; None if that does not help.

    Without `loosened`, 0 says that the limits can be met.

    Raises
    ------
    SolverError
        If the linear programme ends without a verdict.
    """
    both = [*limits, loosened] if loosened is not None else list(limits)
    if not both:
        return 0.0
    from scipy.optimize import linprog  # half a second that reading a configuration need not wait for

    rows, bounds = np.vstack([limit.rows for limit in both]), np.concatenate([limit.bounds for limit in both])
    gives = np.concatenate([np.full(len(limit.bounds), limit is loosened, dtype=float) for limit in both])
    n = rows.shape[1]
    cost = np.r_[np.zeros(n), 1.0]
    answer = linprog(
        cost, A_ub=np.column_stack([rows, -gives]), b_ub=bounds, bounds=[(None, None)] * n + [(0, None)]
    )
    if answer.status == 2:
        return None
    if answer.status != 0 or answer.fun is None:
        raise SolverError(f"whether the limits can be met could not be found out: {answer.message}")
    return float(answer.fun)
