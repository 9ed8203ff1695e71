"""Common code of the adapters to other libraries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from problems import Problem

from foundation.types import Floats


class CannotExpressError(Exception):
    """The library cannot express the problem; the message names the missing feature."""


def without_outsiders(problem: Problem) -> Problem:
    """Return the problem restricted to assets of the universe, as users of other libraries have to state it."""
    kept, c = problem.inside, problem.constraints
    if kept.all():
        return problem
    if c.groups or c.linear or c.overrides or c.benchmark:
        raise CannotExpressError("limits by name on part of the assets")
    sold = abs(problem.held[~kept]).sum()
    limits = replace(c, turnover=None if c.turnover is None else c.turnover - sold)
    return Problem(
        problem.mu[kept],
        problem.sigma[np.ix_(kept, kept)],
        problem.held[kept],
        problem.gamma,
        problem.rates()[kept],
        limits,
    )


def ask(adapter: Callable[[Problem], Floats], problem: Problem) -> Floats:
    """Solve a problem with an adapter, and return the weights of all assets."""
    weights = np.zeros(problem.n)
    weights[problem.inside] = adapter(without_outsiders(problem))
    return weights


def refuse(problem: Problem, **unknown: str) -> None:
    """Raise if the problem has a limit that the library does not support; `unknown` gives the reason per limit."""
    c = problem.constraints
    limits = {
        "turnover": c.turnover is not None,
        "leverage": c.leverage is not None,
        "volatility": c.volatility is not None,
        "tracking": c.tracking_error is not None,
        "minimum_return": c.minimum_return is not None,
        "cash": (c.cash_minimum, c.cash_maximum) != (0.0, 0.0),
        "costs": bool(np.any(problem.rates() > 0)),
        "robust": bool(problem.kappa),
        "bounds": len(set(zip(*problem.bounds(), strict=True))) > 1,
        "short": bool((problem.bounds()[0] < 0).any()),
    }
    for what, reason in unknown.items():
        if limits[what]:
            raise CannotExpressError(reason)


def sums(problem: Problem) -> tuple[Floats, Floats]:
    """Return A and b of A w <= b for the finite limits on groups and other sums."""
    rows, most, c = [], [], problem.constraints
    for group in c.groups.values():
        row = np.isin(problem.assets, group.assets).astype(float)
        rows += [row, -row]
        most += [group.maximum, -group.minimum]
    for linear in c.linear.values():
        row = np.array([linear.coefficients.get(asset, 0.0) for asset in problem.assets])
        rows += [row, -row]
        most += [linear.maximum, -linear.minimum]
    keep = np.isfinite(most)
    return np.array(rows).reshape(-1, problem.n)[keep], np.array(most)[keep]
