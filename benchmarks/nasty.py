"""Difficult and invalid inputs for all libraries: correct results, errors, and silently wrong results.

Run with `.venv/bin/python benchmarks/nasty.py`; the cases and their reference solutions come from
`tests/test_allocation/mean_variance/nasty_cases.py`. A library that is not installed is omitted with a message.

- right: the objective is within 1e-6 of the optimum, relative to the size of its terms, and limits hold to 1e-6; or, if
  the problem has no solution, an error that names the cause
- WRONG: weights without a warning that are worse than that, that break a limit (by how much), or for a problem without
a
  solution
- error: an error although there is a solution, or an error that does not name the cause
- left out: the asset with the invalid number silently gets no weight (skfolio documents this for NaN)
- -: the library cannot express the problem
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import allocators  # noqa: F401 (finds the cases)
import numpy as np
from allocators.asking import CannotExpressError, ask
from nasty_cases import ANSWER, CASES, LEAST, REFUSAL, Case
from problems import Problem

from allocation.decision_status import DecisionStatus

GAP = 1e-6
WORDS = ("infeasib", "nan", "inf", "finite", "symmetric", "hermitian", "semidefinite", "psd", "missing", "turnover",
         "convex", "definite", "must be", "cannot", "contain")  # fmt: skip
"""An error names the cause if it contains one of these words."""


def contenders() -> dict[str, Callable[[Problem], object]]:
    runners: dict[str, Callable[[Problem], object]] = {"tangency": lambda problem: problem.solve()}
    for name, module in (("skfolio", "by_skfolio"), ("PyPortfolioOpt", "by_pypfopt"), ("Riskfolio-Lib", "by_riskfolio"),
                         ("cvxportfolio", "by_cvxportfolio"), ("cvxpy, Clarabel", "by_cvxpy")):  # fmt: skip
        try:
            weights = importlib.import_module(f"allocators.{module}").weights
        except ImportError as error:
            print(f"{name}: left out, {error}")
            continue
        runners[name] = lambda problem, weights=weights: ask(weights, problem)
    if "cvxpy, Clarabel" in runners:
        solve = importlib.import_module("allocators.by_cvxpy").weights
        with contextlib.suppress(ImportError):
            importlib.import_module("osqp")
            runners["cvxpy, OSQP"] = lambda problem: ask(lambda p: solve(p, "OSQP"), problem)
    return runners


def verdict(case: Case, best: np.ndarray | None, run: Callable[[Problem], object]) -> tuple[str, str]:
    """Return the verdict on one library and its basis."""
    problem = case.make()
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            weights = run(problem)
    except CannotExpressError as error:
        return "-", str(error)
    except Exception as error:  # noqa: BLE001 (whatever a library raises is its answer)
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        clear = any(word in text.lower() for word in WORDS)
        return ("right" if case.expected != ANSWER and clear else "error"), text
    status = getattr(weights, "status", DecisionStatus.SOLVED)
    w = np.asarray(getattr(weights, "weights", weights), dtype=float)
    if not np.isfinite(w).all():
        return "error", "weights are not numbers"
    bad = ~np.isfinite(problem.mu) & problem.inside
    if bad.any() and (w[bad] == 0).all():
        return "left out", "the asset without an expected return got no weight, in silence"
    if case.expected == REFUSAL and best is None:
        return "WRONG", f"weights {np.round(w[:6], 4)} where there is no answer"
    if case.expected == LEAST:
        is_reported = DecisionStatus.RELAXED in status and problem.breach(w) - problem.breach(best) <= GAP
        return (
            "right" if is_reported else "WRONG"
        ), f"{status.label}; a limit missed by {problem.breach(w):.1e}"
    gap, breach = (problem.objective(best) - problem.objective(w)) / problem.size(best), problem.breach(w)
    ok = gap <= GAP and breach <= GAP
    worst = f"limit {breach:.0e}" if breach > GAP else f"gap {abs(gap):.0e}"
    return ("right" if ok else f"WRONG, {worst}"), f"gap {gap:.1e}, a limit missed by {breach:.1e}"


def truth(case: Case) -> np.ndarray | None:
    """Return the optimal weights, also for an asymmetric covariance, because w'Sigma w ignores the asymmetry."""
    return case.best(case.make()) if case.expected != REFUSAL or "symmetric" in case.words else None


def main() -> None:
    """Print the table and write it with the reasons."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    libraries = contenders()
    counts: dict[str, Counter[str]] = {name: Counter() for name in libraries}
    reasons: dict[str, dict[str, list[str]]] = {}
    print(f"\n| Input | {' | '.join(libraries)} |\n|---|{'---|' * len(libraries)}")
    for name, case in CASES.items():
        best, verdicts = truth(case), {}
        for library, run in libraries.items():
            verdicts[library] = list(verdict(case, best, run))
            counts[library][verdicts[library][0].split(",")[0]] += 1
        reasons[name] = verdicts
        print(f"| {name} | {' | '.join(word for word, _ in verdicts.values())} |", flush=True)
    for word in ("right", "WRONG", "error", "left out", "-"):
        print(f"| **{word}** | {' | '.join(str(count[word]) for count in counts.values())} |")
    results = Path(__file__).resolve().parent / "results"
    results.mkdir(exist_ok=True)
    path = results / "nasty.json"
    path.write_text(json.dumps(reasons, indent=1) + "\n", encoding="utf-8")
    print(f"\nWhat each said: {path.relative_to(results.parent)}")


if __name__ == "__main__":
    sys.exit(main())
