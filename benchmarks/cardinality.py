"""Mean-variance with at most 10 positions of 2 % or more: nodes, time and certified gap, compared with SCIP.

    .venv/bin/python benchmarks/cardinality.py

SCIP (pyscipopt) is optional; without it its columns are omitted. It solves the same problem with one binary per asset
and the quadratic objective as a constraint on one extra variable, on one thread, for at most 60 seconds.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time

import numpy as np

from allocation.cardinality.allocator import Cardinality
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints

SIZES = ((50, 5.0), (50, 50.0), (50, 300.0), (100, 5.0), (100, 50.0), (100, 300.0))
MOST, MINIMUM, MAXIMUM, COST, LIMIT = 10, 0.02, 0.25, 0.001, 60.0


def market(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return means, a sample covariance of factor returns plus noise, and equally weighted holdings."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(4 * n, 5)) * 0.03
    X = factors @ rng.normal(0.5, 0.5, size=(5, n)) + rng.normal(size=(4 * n, n)) * rng.uniform(0.02, 0.08, n)
    return rng.normal(0.005, 0.01, n), np.cov(X.T), np.full(n, 1 / n)


def objective(w: np.ndarray, mu: np.ndarray, sigma: np.ndarray, held: np.ndarray, gamma: float) -> float:
    return float(mu @ w - gamma / 2 * w @ sigma @ w - COST * np.abs(w - held).sum())


def nodes_of(solver: Cardinality, mu: np.ndarray, sigma: np.ndarray, held: np.ndarray) -> int:
    """Return the number of relaxations that the search solves for one decision."""
    decision = solver.solver.decision(0, mu, sigma, held, np.ones(len(mu), dtype=bool), None)
    return solver._search(solver._problem(decision), solver.tolerance).nodes


def by_scip(
    mu: np.ndarray, sigma: np.ndarray, held: np.ndarray, gamma: float
) -> tuple[float, float, float, int]:
    """Return objective, relative gap, seconds and nodes of SCIP."""
    from pyscipopt import Model, quicksum

    n, model = len(mu), Model()
    model.hideOutput()
    model.setParam("limits/time", LIMIT)
    model.setParam("parallel/maxnthreads", 1)
    w = [model.addVar(lb=0, ub=MAXIMUM) for _ in range(n)]
    z = [model.addVar(vtype="B") for _ in range(n)]
    t = [model.addVar(lb=0) for _ in range(n)]
    risk = model.addVar(lb=0)
    model.addCons(quicksum(w) == 1)
    model.addCons(quicksum(z) <= MOST)
    for i in range(n):
        model.addCons(w[i] <= MAXIMUM * z[i])
        model.addCons(w[i] >= MINIMUM * z[i])
        model.addCons(t[i] >= w[i] - held[i])
        model.addCons(t[i] >= held[i] - w[i])
    # The factor of Sigma keeps each cone small: risk >= sum of squares.
    L = np.linalg.cholesky(gamma / 2 * sigma)
    y = [model.addVar(lb=None) for _ in range(n)]
    for k in range(n):
        model.addCons(y[k] == quicksum(L[i, k] * w[i] for i in range(k, n)))
    model.addCons(quicksum(y[k] * y[k] for k in range(n)) <= risk)
    model.setObjective(quicksum(mu[i] * w[i] - COST * t[i] for i in range(n)) - risk, "maximize")
    began = time.perf_counter()
    model.optimize()
    seconds = time.perf_counter() - began
    weights = np.array([model.getVal(x) for x in w])
    return objective(weights, mu, sigma, held, gamma), model.getGap(), seconds, model.getNTotalNodes()


def main() -> None:
    try:
        import pyscipopt  # noqa: F401

        peer = True
    except ModuleNotFoundError:
        peer = False
    print(
        "ours: seconds, nodes, certified gap in the objective's scale; SCIP: seconds, nodes, its relative gap"
    )
    for n, gamma in SIZES:
        mu, sigma, held = market(n)
        names = [f"a{i}" for i in range(n)]
        plain = MeanVariance(names, Constraints(maximum=MAXIMUM), risk_aversion=gamma, cost=COST)
        solver = Cardinality(plain, MOST, MINIMUM)
        everything = np.ones(n, dtype=bool)
        solver.solve(0, mu, sigma, held, everything)
        began = time.perf_counter()
        solution = solver.solve(0, mu, sigma, held, everything)
        seconds = time.perf_counter() - began
        ours = objective(solution.weights, mu, sigma, held, gamma)
        nodes, gap = nodes_of(solver, mu, sigma, held), solution.certificate.gap
        line = f"N={n:4d} gamma={gamma:5.0f} | {seconds:7.3f} s {nodes:6d} nodes gap {gap:.1e}"
        line += f" {int((solution.weights != 0).sum())} held, {solution.description}"
        if peer:
            theirs, gap, took, nodes = by_scip(mu, sigma, held, gamma)
            line += (
                f" | SCIP {took:7.2f} s {nodes:6d} nodes gap {gap:.1e} | ours better by {ours - theirs:+.1e}"
            )
        print(line, flush=True)


if __name__ == "__main__":
    main()
