"""Whether limits can be met by few positions, none of them small; if not, what is in conflict and what would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from allocation.errors import InfeasibleError, LimitError, SolverError
from allocation.problem.constraints import Constraints
from allocation.problem.feasibility import build_inequalities, describe_limit, format_relief
from allocation.problem.limits import Limit


def check_minimum_position(constraints: Constraints, assets: Sequence[str], minimum: float) -> None:
    """Refuse a smallest position that is larger than all that an asset may be.

    Raises
    ------
    LimitError
        Naming both limits. An asset that may be 0 at most and at least is excluded, and none of its business.
    """
    pairs = {"": (constraints.minimum, constraints.maximum)}
    pairs |= {f" of {name!r}": pair for name, pair in constraints.overrides.items() if pair != (0, 0)}
    low, high = constraints.bounds(assets)
    if not ((high == constraints.maximum) & (low == constraints.minimum)).any():
        del pairs[""]
    for whose, (least, most) in pairs.items():
        largest = max(most, -least)
        if largest < minimum:
            limit = (
                f"maximum weight{whose} {largest:g}" if most >= -least else f"minimum weight{whose} {least:g}"
            )
            raise LimitError(
                f"minimum_position: {minimum:g} is larger than any position that the {limit} allows; "
                f"lower minimum_position to {largest:g} or raise that limit to {minimum:g}"
            )


def check_position_limits(position: int, limits: Sequence[Limit], n: int, most: int, minimum: float) -> None:
    """Check that weights exist that meet the limits, of which at most `most` are not 0 and none is small.

    Parameters
    ----------
    position : int
        Row of the decision, for the message.
    limits : sequence of Limit
    n : int
        Assets of the universe.
    most : int
    minimum : float

    Raises
    ------
    InfeasibleError
        Naming limits in conflict of which none can be left out, and what would resolve all conflicts alone.
    """
    if _loosened(limits, most, minimum, None) is not None:
        return
    names = [f"at most {most} positions"]
    conflict, few, small = list(limits), most, minimum
    for limit in limits:
        without = [other for other in conflict if other is not limit]
        if _loosened(without, few, small, None) is None:
            conflict = without
    if small > 0 and _loosened(conflict, few, 0.0, None) is None:
        small = 0.0
    if _loosened(conflict, n, small, None) is None:
        names, few = [], n
    names += [f"position at least {small:g}"] if small > 0 else []
    reliefs = _reliefs(limits, conflict, most if few < n else n, most, minimum, n)
    wayout = (
        f"One of these would do: {' or '.join(reliefs)}"
        if reliefs
        else "No one of them alone would do: other limits are in conflict too"
    )
    raise InfeasibleError(
        f"row {position}: these limits cannot be met together with {n} assets: "
        f"{'; '.join([*names, *map(describe_limit, conflict)])}. {wayout}",
        (*names, *(limit.name for limit in conflict)),
    )


def _reliefs(
    limits: Sequence[Limit], conflict: Sequence[Limit], few: int, most: int, minimum: float, n: int
) -> list[str]:
    """Return in words what would resolve all conflicts alone."""
    words = []
    count = _fewest(limits, minimum, n) if few < n else None
    if count is not None:
        words.append(f"allow {count} positions")
    if minimum > 0 and _loosened(limits, most, 0.0, None) is not None:
        words.append(f"lower minimum_position to {_largest(limits, most, minimum):.4g}")
    for limit in conflict:
        excess = _loosened([other for other in limits if other is not limit], most, minimum, limit)
        if excess is not None:
            words.append(limit.relief.format(format_relief(limit, excess)))
    return words


def _fewest(limits: Sequence[Limit], minimum: float, n: int) -> int | None:
    """Return the smallest number of positions that meets the limits, or None."""
    for count in range(1, n + 1):
        if _loosened(limits, count, minimum, None) is not None:
            return count
    return None


def _largest(limits: Sequence[Limit], most: int, minimum: float) -> float:
    """Return the largest position that can be asked for, rounded down to four digits of `minimum`."""
    low, high = 0, 10_000
    while high - low > 1:
        middle = (low + high) // 2
        if _loosened(limits, most, minimum * middle / 10_000, None) is None:
            high = middle
        else:
            low = middle
    return minimum * low / 10_000


def _loosened(limits: Sequence[Limit], most: int, minimum: float, loosened: Limit | None) -> float | None:
    """Return by how much `loosened` must give way so that all limits can be met, 0 without it; None if they cannot.

    A mixed-integer linear programme in purchases and sales of nothing held, (a, b) with w = a - b, whether an asset is
    long or short, and what `loosened` gives.

    Raises
    ------
    SolverError
        If it ends without a verdict.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # half a second that reading need not wait for

    both = [*limits, loosened] if loosened is not None else list(limits)
    if not both:
        return 0.0
    n = both[0].rows.n
    large = 1.0 + max(float(np.abs(limit.bounds).max()) for limit in both)
    eye, none, kept = sparse.identity(n, format="csr"), sparse.csr_array((n, n)), sparse.csr_array((n, 1))
    linear, bounds = build_inequalities(both, loosened)
    sides, gives = linear[:, : 2 * n], linear[:, 2 * n :]
    blocks: list[Any] = [sparse.hstack([sides, sparse.csr_array(sides.shape), gives])]
    highs = [bounds]
    for parts in ((eye, none, -large * eye, none), (none, eye, none, -large * eye),
                  (-eye, none, minimum * eye, none), (none, -eye, none, minimum * eye),
                  (none, none, eye, eye)):  # fmt: skip
        blocks.append(sparse.hstack([*parts, kept]))
        highs.append(np.full(n, float(parts[2] is eye)))
    blocks.append(sparse.csr_array(np.r_[np.zeros(2 * n), np.ones(2 * n), 0.0][None, :]))
    highs.append(np.array([float(most)]))
    A = sparse.vstack(blocks).tocsr()
    answer = milp(
        np.r_[np.zeros(4 * n), 1.0],
        constraints=LinearConstraint(A, -np.inf, np.concatenate(highs)),
        integrality=np.r_[np.zeros(2 * n), np.ones(2 * n), 0],
        bounds=Bounds(np.zeros(4 * n + 1), np.r_[np.full(2 * n, large), np.ones(2 * n), np.inf]),
    )
    if answer.status == 2:
        return None
    if answer.status != 0 or answer.fun is None:
        raise SolverError(f"whether the limits can be met could not be found out: {answer.message}")
    return float(answer.fun)
