"""Feasibility: whether limits can be met together, and if not, which of them are in conflict."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from allocation.errors import InfeasibleError, SolverError
from allocation.problem.constraints import Constraints
from allocation.problem.limit_builder import build_limits
from allocation.problem.limits import Limit
from foundation.counts import format_count
from foundation.types import Bools, Floats


def check_feasible(
    constraints: Constraints, assets: Sequence[str], universe: Bools, mu: Floats | None = None
) -> None:
    """Check that weights exist that meet all limits on the universe, but those on turnover and variances.

    Parameters
    ----------
    constraints : Constraints
    assets : sequence of str, length N
    universe : ndarray of bool, shape (N,)
    mu : ndarray of shape (N,), optional
        Expected returns; without them a least return is not looked at.

    Raises
    ------
    InfeasibleError
        Naming a minimal set of limits in conflict (other such sets may be smaller), and for each limit the value that
        would resolve all conflicts alone, if there is one.
    LimitError
        If a group names an asset that does not exist.
    """
    limits = build_limits(constraints, assets, universe, mu).entries
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
            reliefs.append(limit.relief.format(format_relief(limit, excess)))
    wayout = (
        f"One of these would do: {' or '.join(reliefs)}"
        if reliefs
        else "No one of them alone would do: other limits are in conflict too"
    )
    raise InfeasibleError(
        f"these limits cannot be met together with {format_count(int(universe.sum()), 'asset')}: "
        f"{'; '.join(map(describe_limit, conflict))}. {wayout}",
        tuple(limit.name for limit in conflict),
    )


def check_row_feasible(
    position: int, constraints: Constraints, assets: Sequence[str], universe: Bools
) -> None:
    """Check that the limits of one decision can be met; see `check_feasible`."""
    try:
        check_feasible(constraints, assets, universe)
    except InfeasibleError as error:
        raise error.at(position) from error


def describe_limit(limit: Limit) -> str:
    """Return the name of a limit, and its sum if it holds for several assets."""
    n = len(limit.bounds)
    return limit.name if n == 1 else f"{limit.name} x {n} assets = {abs(float(limit.bounds.sum())):.4g}"


def format_relief(limit: Limit, excess: float) -> str:
    """Return the value of a limit that resolves the conflict, rounded to the safe side."""
    number = limit.sign * (float(limit.bounds[0]) + excess) + limit.offset
    # Four digits, away from the conflict; digits after the ninth decimal are noise of the linear programme.
    unit = 10.0 ** (math.floor(math.log10(max(abs(number), 1e-4))) - 3)
    steps = math.ceil((number - 1e-9) / unit) if limit.sign > 0 else math.floor((number + 1e-9) / unit)
    return f"{steps * unit + 0.0:.4g}"


def _excess(limits: Sequence[Limit], loosened: Limit | None) -> float | None:
    """Return by how much `loosened` must be relaxed; None if that does not help.

    Without `loosened`, 0 means that the limits can be met.

    Raises
    ------
    SolverError
        If the linear programme ends without a verdict.
    """
    both = [*limits, loosened] if loosened is not None else list(limits)
    if not both:
        return 0.0
    from scipy.optimize import linprog  # slow to import, and not needed to read a configuration

    rows, bounds = build_inequalities(both, loosened)
    cost = np.zeros(rows.shape[1])
    cost[-1] = 1.0
    # The type stubs do not know sparse arrays.
    answer = linprog(cost, A_ub=rows, b_ub=bounds, bounds=(0, None))  # type: ignore[call-overload]
    if answer.status == 2:
        return None
    if answer.status != 0 or answer.fun is None:
        raise SolverError(f"whether the limits can be met could not be found out: {answer.message}")
    return float(answer.fun)


def build_inequalities(limits: Sequence[Limit], loosened: Limit | None) -> tuple[sparse.csr_array, Floats]:
    """Return coefficients (M, 2 n + 1) and bounds of the limits: of purchases, sales of nothing held, what gives way.

    Weights are purchases less sales, so that |w| is their sum where a limit needs it.
    """
    n, start = limits[0].rows.n, 0
    data, row, column = [], [], []
    for limit in limits:
        rows = limit.rows
        where = np.repeat(np.arange(start, start + len(rows)), np.diff(rows.begins))
        data += [rows.values, rows.values if limit.gross else -rows.values]
        row += [where, where]
        column += [rows.columns, n + rows.columns]
        start += len(rows)
    values, where, columns = np.concatenate(data), np.concatenate(row), np.concatenate(column)
    # The solver has absolute tolerances: coefficients as small as returns a minute would mean nothing to it.
    size = np.zeros(start)
    np.maximum.at(size, where, np.abs(values))
    size[size == 0] = 1.0
    gives = np.flatnonzero(
        np.concatenate([np.full(len(limit.bounds), limit is loosened) for limit in limits])
    )
    values, where = np.r_[values, -np.ones(len(gives))], np.r_[where, gives]
    columns = np.r_[columns, np.full(len(gives), 2 * n)]
    scaled = sparse.csr_array((values / size[where], (where, columns)), shape=(start, 2 * n + 1))
    return scaled, np.concatenate([limit.bounds for limit in limits]) / size
