"""Mean-variance allocation compared with other libraries and solvers: time at known accuracy.

Run with `make bench BENCH=rebalancing`, or `.venv/bin/python benchmarks/rebalancing.py years limits` for some parts.
Contenders take turns within a round. Times are milliseconds of CPU per decision, on one thread; slow contenders are
timed on the first 10 to 50 rebalances. The gap is the largest shortfall of a contender's objective from the reference,
relative to the size of its terms. The reference is Tangency's solution, whose certificate is 1e-8 or better, so a
negative gap means that the contender is better or breaks a limit. All contenders solve the same sequence of problems
with the same holdings. A contender that cannot express a problem is listed with the reason.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from statistics import median

import allocators  # noqa: F401 (finds the problems of the tests)
import numpy as np
from allocators.asking import CannotExpressError
from allocators.problems_of_size import REBALANCES, WINDOW, Year, large, large_dense, sampled, year
from problems import Problem

from allocation.covariance.path_estimation import covariance_path
from allocation.mean_variance.allocator import MeanVariance
from foundation.types import Floats

LONGEST = 3.0
"""A contender that has used more seconds of CPU than this is not run again."""
Solver = Callable[[Sequence[Problem]], Sequence[Floats]]


def ours(problems: Sequence[Problem]) -> list[Floats]:
    """Return the weights of problems that differ only in their numbers."""
    first = problems[0]
    allocator = MeanVariance(
        first.assets, first.constraints, risk_aversion=first.gamma, cost=first.cost, uncertainty=first.kappa
    )
    return [
        allocator.solve(t, p.mu, p.sigma, p.held, p.inside, error=p.error, validate=False).weights
        for t, p in enumerate(problems)
    ]


def library(module: str) -> Callable[[Sequence[Problem]], list[Floats]]:
    """Return a contender that builds each problem from scratch."""
    weights = import_module(f"allocators.{module}").weights
    return lambda problems: [weights(p) for p in problems]


def parametrised(solver: str, **options: object) -> Callable[[Sequence[Problem]], list[Floats]]:
    """Return cvxpy with parameters, compiled before timing."""
    make = import_module("allocators.by_cvxpy").Parametrised
    compiled: list[Callable[[Problem], Floats]] = []

    def run(problems: Sequence[Problem]) -> list[Floats]:
        if not compiled:
            compiled.append(make(problems[0], solver, **options))
            compiled[0](problems[0])
        return [compiled[0](p).copy() for p in problems]

    return run


def direct(name: str) -> Callable[[Sequence[Problem]], list[Floats]]:
    """Return a solver without a modelling layer."""
    make = getattr(import_module("allocators.by_solver"), name)

    def run(problems: Sequence[Problem]) -> list[Floats]:
        one = make(problems[0])
        return [one(p) for p in problems]

    return run


LIBRARIES = {
    "skfolio": lambda: library("by_skfolio"),
    "PyPortfolioOpt": lambda: library("by_pypfopt"),
    "Riskfolio-Lib": lambda: library("by_riskfolio"),
    "cvxportfolio": lambda: library("by_cvxportfolio"),
    "cvxpy with parameters, Clarabel": lambda: parametrised("CLARABEL"),
    "cvxpy with parameters, OSQP": lambda: parametrised("OSQP"),
    "PIQP directly": lambda: direct("piqp"),
    "OSQP directly, 1e-6": lambda: direct("osqp"),
    "Clarabel directly": lambda: direct("clarabel"),
    "quadprog directly": lambda: direct("quadprog"),
}


def contenders(names: Sequence[str]) -> dict[str, Solver]:
    """Return Tangency and those of the named contenders that are installed."""
    solvers: dict[str, Solver] = {"tangency": ours}
    for name in names:
        try:
            run = LIBRARIES[name]()
            needed = {"directly": lambda name=name: import_module(name.split()[0].lower())}
            needed.get(name.split(",")[0].split()[-1], lambda: None)()
        except ImportError as error:
            print(f"{name}: left out, {error}")
            continue
        solvers[name] = run
    return solvers


def some(name: str, problems: Sequence[Problem]) -> Sequence[Problem]:
    """Return the problems for timing a contender: only the first of them if it is slow."""
    if "tangency" in name:
        return problems
    most = 10 if problems[0].n > 100 else 25
    return problems[: 2 * most if "directly" in name else most]


def measure(title: str, found: dict[str, Solver], problems: Sequence[Problem], rounds: int) -> None:
    """Time the contenders in turns, and print one line per contender."""
    answers: dict[str, Sequence[Floats]] = {}
    for name, run in found.items():  # compiles, fills caches
        try:
            answers[name] = run(some(name, problems)[:2] if name != "tangency" else problems)
        except CannotExpressError as error:
            print(f"| {title} | {name} | cannot state it: {error} | | | |", flush=True)
        except Exception as error:  # noqa: BLE001 (a library that fails has a line too)
            text = " ".join(str(error).split())[:100]
            print(f"| {title} | {name} | {type(error).__name__}: {text} | | | |", flush=True)
    times: dict[str, list[float]] = {name: [] for name in answers}
    for _ in range(rounds):
        for name, seen in times.items():
            if sum(seen) * len(some(name, problems)) > LONGEST:
                continue
            start, timed = time.process_time(), some(name, problems)
            answers[name] = found[name](timed)
            seen.append((time.process_time() - start) / len(timed))
    for name, seen in times.items():
        gap, breach = accuracy(answers[name], answers["tangency"], problems)
        ratio = median(one / first for one, first in zip(seen, times["tangency"], strict=False))
        cells = f"{median(seen) * 1e3:.3g} | {ratio:.3g} | {gap:.1e} | {breach:.1e}"
        print(f"| {title} | {name} | {cells} |", flush=True)


def accuracy(
    answers: Sequence[Floats], best: Sequence[Floats], problems: Sequence[Problem]
) -> tuple[float, float]:
    """Return the largest gap and the largest violation of a limit."""
    pairs = list(zip(answers, best, problems, strict=False))
    gap = max(((p.objective(v) - p.objective(w)) / p.size(v) for w, v, p in pairs), key=abs)
    return gap, max(p.breach(w) for w, _, p in pairs)


HEAD = (
    "\n| Problem | Contender | CPU ms | ratio | worst gap | worst missed limit |\n|---|---|--:|--:|--:|--:|"
)


def sequence(data: Year, covariances: Sequence[Floats], **changes: object) -> list[Problem]:
    """Return a year of problems, each with Tangency's drifted weights of the previous day as holdings."""
    held, out = np.full(data.n, 1 / data.n), list[Problem]()
    for t, sigma in enumerate(covariances):
        problem = replace(data.problem(t, sigma, held), **changes)
        out.append(problem)
        held = data.drifted(t, ours([problem])[0])
    return out


def years() -> None:
    """250 rebalances from given covariances, long only, capped, with costs; then without."""
    for n, rounds in ((50, 5), (200, 3)):
        data = year(n)
        problems = sequence(data, sampled(data))
        names = list(LIBRARIES)
        names.remove("quadprog directly")
        measure(f"250 rebalances, {n}, costs", contenders(names), problems, rounds)
        free = sequence(data, sampled(data), cost=np.zeros(n))
        names = ["Riskfolio-Lib", "skfolio", "PIQP directly", "quadprog directly"]
        measure(f"250 rebalances, {n}, no costs", contenders(names), free, rounds)


def returns() -> None:
    """250 rebalances from returns: rolling Ledoit-Wolf, then weights with costs."""
    for n, rounds in ((50, 3), (200, 2)):
        data = year(n)
        cost = float(data.cost.mean())
        data = replace(data, cost=np.full(n, cost))
        positions = np.arange(WINDOW - 1, WINDOW - 1 + REBALANCES)

        def estimated(data: Year = data, positions: np.ndarray = positions) -> Sequence[Floats]:
            given = {"window": WINDOW, "min_history": WINDOW, "horizon": 21}
            return covariance_path(data.returns, positions, **given).sigma

        problems = sequence(data, estimated())

        def tangency(timed: Sequence[Problem]) -> list[Floats]:
            return ours([replace(p, sigma=s) for p, s in zip(timed, estimated(), strict=True)])

        solvers: dict[str, Solver] = {"tangency": tangency, **from_returns(data)}
        measure(f"250 from returns, {n}", solvers, problems, rounds)
        start = time.process_time()
        estimated()
        print(f"(of ours, covariances {1e3 * (time.process_time() - start):.3g} ms)")


def from_returns(data: Year) -> dict[str, Solver]:
    """Return the libraries that estimate a Ledoit-Wolf covariance themselves."""
    solvers: dict[str, Solver] = {}
    try:
        import pandas as pd
        from pypfopt import CovarianceShrinkage

        weights = import_module("allocators.by_pypfopt").weights
        frame = pd.DataFrame(data.returns)

        def pypfopt(timed: Sequence[Problem]) -> list[Floats]:
            out = []
            for t, p in enumerate(timed):
                past = CovarianceShrinkage(frame.iloc[t : t + WINDOW], returns_data=True, frequency=21)
                out.append(weights(replace(p, sigma=past.ledoit_wolf().to_numpy())))
            return out

        solvers["PyPortfolioOpt"] = pypfopt
    except ImportError as error:
        print(f"PyPortfolioOpt: left out, {error}")
    try:
        from skfolio.moments import LedoitWolf

        model = import_module("allocators.by_skfolio").weights

        def skfolio(timed: Sequence[Problem]) -> list[Floats]:
            return [
                model(replace(p, sigma=LedoitWolf().fit(data.past(t)).covariance_ * 21))
                for t, p in enumerate(timed)
            ]

        solvers["skfolio"] = skfolio
    except ImportError as error:
        print(f"skfolio: left out, {error}")
    return solvers


def factors() -> None:
    """One solve of 3000 assets and 20 factors."""
    for cost in (0.0, 0.0015):
        problems = [large(cost=cost)]
        solvers = contenders(("skfolio", "cvxportfolio"))
        solvers["cvxpy in factor form, Clarabel"] = library("by_cvxpy")
        measure(f"3000 by 20 factors{', costs' if cost else ''}", solvers, problems, 3)


def dense() -> None:
    """One dense solve of 3000 assets, from equal weights and from the previous optimum, compared with one Cholesky."""
    first, later = large_dense()
    before = ours([first])[0]
    cold, warm = [replace(later, held=np.full(later.n, 1 / later.n))], [replace(later, held=before)]
    solvers = contenders(("PIQP directly",))
    solvers["tangency from yesterday's best"] = lambda _: ours(warm)
    measure("3000 dense", solvers, cold, 3)
    times = []
    for _ in range(3):
        start = time.process_time()
        np.linalg.cholesky(first.sigma)
        times.append(time.process_time() - start)
    print(f"(one numpy Cholesky of it: {1e3 * median(times):.3g} ms of CPU)")


def between(data: Year, sigma: Floats) -> float:
    """Return a binding volatility limit, between the least volatility and that of the unlimited optimum."""
    free = data.problem(0, sigma, np.full(data.n, 1 / data.n))
    calm = replace(free, mu=np.zeros(data.n), cost=np.zeros(data.n))
    return float(np.mean([np.sqrt(p.variance(ours([p])[0])) for p in (free, calm)]))


def limits() -> None:
    """50 rebalances under each nonlinear limit, compared with cvxpy with parameters."""
    for n in (50, 200):
        data = year(n)
        covariances = sampled(data)[:50]
        names = ["skfolio", "cvxportfolio", "PyPortfolioOpt"] if n == 50 else []
        names.append("cvxpy with parameters, Clarabel")
        cap = data.constraints.maximum
        equal = dict.fromkeys((f"a{i}" for i in range(n)), 1 / n)
        level = float(np.sqrt(covariances[0].mean()))
        for what, given in {
            "turnover 0.1": {"turnover": 0.1},
            "leverage 130/30": {"leverage": 1.6, "minimum": -cap},
            "tracking error": {"tracking_error": 0.2 * level, "benchmark": equal},
            "volatility": {"volatility": between(data, covariances[0])},
            "robust": {},
        }.items():
            c = replace(data.constraints, **given)
            error = np.sqrt(np.diag(covariances[0]) / 24)
            robust = {"kappa": 1.0, "error": error} if what == "robust" else {}
            try:
                problems = sequence(data, covariances, constraints=c, **robust)
            except Exception as failure:  # noqa: BLE001 (a failure of ours has a line too)
                print(f"| 50 x {what}, {n} | tangency | {type(failure).__name__}: {failure} | | | |")
                continue
            solvers = contenders(names)
            measure(f"50 x {what}, {n}", solvers, problems, 3)


PARTS = {part.__name__: part for part in (years, returns, factors, dense, limits)}


def main() -> None:
    """Print the named parts, or all."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    print(HEAD)
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
