"""Inputs that break optimisers: each with a name, and with what the right answer is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from problems import Problem
from truth import by_cones, by_enumeration

from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group, Linear

ANSWER, REFUSAL, LEAST = "answer", "refusal", "least turnover"
"""The best weights; an error that says what is wrong; weights with the least turnover, and a word about it."""


@dataclass(frozen=True, eq=False)
class Case:
    """One nasty input: `make` gives it, `best` its best weights, `words` what an error has to name."""

    make: Callable[[], Problem]
    expected: str = ANSWER
    best: Callable[[Problem], np.ndarray | None] = by_cones
    words: tuple[str, ...] = ()


def plain(n=6, seed=0, **changes):
    """Return an ordinary problem of monthly returns, as the ground of most cases."""
    rng = np.random.default_rng(seed)
    F = rng.normal(size=(n, 3)) * 0.03
    sigma = F @ F.T + np.diag(rng.uniform(0.01, 0.05, n) ** 2)
    base = Problem(rng.normal(0.005, 0.01, n), sigma, np.full(n, 1 / n), constraints=Constraints(maximum=0.5))
    return replace(base, **changes)


def of_rows(rows, n, seed=0, **changes):
    """Return a problem whose covariance is that of `rows` returns of `n` assets: singular if rows <= n."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, n)) * rng.uniform(0.02, 0.08, n)
    limits = Constraints(maximum=max(0.1, 3 / n))
    mu, held = rng.normal(0.005, 0.01, n), np.full(n, 1 / n)
    return replace(Problem(mu, np.cov(X.T), held, constraints=limits), **changes)


def spoilt(what, value, where=2):
    """Return the ordinary problem with one number of `what` replaced."""
    problem = plain()
    numbers = np.array(getattr(problem, what), dtype=float)
    if numbers.ndim == 2:
        numbers[where, where - 1] = numbers[where - 1, where] = value
    else:
        numbers[where] = value
    return replace(problem, **{what: numbers})


def duplicated(cost=0.0):
    problem = plain(4)
    twice = np.r_[0:4, 0:4]
    return Problem(
        problem.mu[twice],
        problem.sigma[np.ix_(twice, twice)],
        np.full(8, 0.125),
        cost=cost,
        constraints=Constraints(maximum=0.4),
    )


def rank_one():
    problem = plain(6)
    beta = np.linspace(0.02, 0.07, 6)
    return replace(problem, sigma=np.outer(beta, beta))


def lopsided():
    problem = plain()
    sigma = problem.sigma.copy()
    sigma[0, 1] += 0.02 * abs(sigma).max()
    return replace(problem, sigma=sigma)


def indefinite():
    problem = plain()
    values, vectors = np.linalg.eigh(problem.sigma)
    values[0] = -0.5 * values[-1]
    return replace(problem, sigma=(vectors * values) @ vectors.T)


def wild():
    """Return volatilities from 1e-6 to 1e3: a bill, bonds, stocks and a lottery in one covariance."""
    rng = np.random.default_rng(4)
    volatility = np.array([1e-6, 1e-3, 1e-1, 1e1, 1e3])
    X = rng.normal(size=(40, 5)) @ (np.eye(5) + 0.3)
    mu = volatility * np.array([0.5, 0.2, 0.3, 0.1, 0.2])
    return Problem(mu, np.corrcoef(X.T) * np.outer(volatility, volatility), np.full(5, 0.2))


def in_units(factor):
    """Return the ordinary problem with returns of another period: all of it is `factor` times as large."""
    problem = plain(cost=0.002)
    return replace(
        problem, mu=problem.mu * factor, sigma=problem.sigma * factor, cost=np.full(problem.n, 0.002 * factor)
    )


def riskless():
    problem = plain()
    sigma = problem.sigma.copy()
    sigma[3] = sigma[:, 3] = 0.0
    mu = problem.mu.copy()
    mu[3] = 0.001
    return replace(problem, mu=mu, sigma=sigma, constraints=Constraints())


def dead():
    problem = plain(cost=0.002)
    universe = np.ones(6, dtype=bool)
    universe[1] = False
    mu, sigma = problem.mu.copy(), problem.sigma.copy()
    mu[1], sigma[1], sigma[:, 1] = np.nan, np.nan, np.nan
    return replace(problem, mu=mu, sigma=sigma, universe=universe)


def tracking(limit, minimum=0.0, **changes):
    benchmark = dict(zip(plain().assets, (0.4, 0.3, 0.1, 0.1, 0.05, 0.05), strict=True))
    limits = Constraints(minimum=minimum, tracking_error=limit, benchmark=benchmark, **changes)
    return plain(constraints=limits)


def least_volatility(problem):
    calm = replace(problem, mu=np.zeros(problem.n), constraints=Constraints(maximum=0.5))
    return float(np.sqrt(problem.variance(by_cones(calm))))


def volatile(share):
    problem = plain()
    limits = Constraints(maximum=0.5, volatility=share * least_volatility(problem))
    return replace(problem, constraints=limits)


def conflicting():
    groups = {"one": Group(("a0", "a1"), 0.6, 1.0), "two": Group(("a2", "a3"), 0.6, 1.0)}
    return plain(constraints=Constraints(groups=groups))


def overlapping():
    groups = {
        "one": Group(("a0", "a1", "a2"), 0.5, 0.5),
        "two": Group(("a2", "a3", "a4", "a5"), 0.5, 0.5),
        "three": Group(("a0", "a1"), 0.5, 0.5),
    }
    return plain(constraints=Constraints(groups=groups))


def fixed():
    weights = (0.3, 0.25, 0.2, 0.15, 0.06, 0.04)
    overrides = {f"a{i}": (x, x) for i, x in enumerate(weights)}
    return plain(cost=0.002, constraints=Constraints(overrides=overrides))


def outside(turnover):
    problem = plain(cost=0.002, constraints=Constraints(maximum=0.3, turnover=turnover))
    return replace(problem, held=np.array([0.9, 0.1, 0, 0, 0, 0]))


def held_out(problem):
    """Return the weights of least turnover: what is over the cap of 0.3 is bought elsewhere, best by cones."""
    wider = replace(problem.constraints, turnover=1.2 + 1e-7)
    return by_cones(replace(problem, constraints=wider))


def as_held(problem):
    return problem.held.copy()


def with_return(share):
    problem = plain()
    return replace(
        problem,
        constraints=Constraints(maximum=0.5, minimum_return=share * float(np.sort(problem.mu)[-2:].mean())),
    )


def one_sided():
    score = Linear(dict(zip(plain().assets, (1.0, 0.4, 0.0, -0.3, 0.8, 0.1), strict=True)), maximum=0.2)
    return plain(cost=0.002, constraints=Constraints(linear={"score": score}))


def equal_means():
    problem = plain(4, mu=np.full(4, 0.01), sigma=np.diag([1.0, 2.0, 4.0, 8.0]) * 1e-3)
    return replace(problem, constraints=Constraints())


def inverse_variance(problem):
    weights = 1 / np.diag(problem.sigma)
    return weights / weights.sum()


def at_zero(problem):
    """Return the sure answer of a covariance of zeros: the best means up to the cap."""
    weights = np.zeros(problem.n)
    weights[np.argsort(problem.mu)[-2:]] = 0.5
    return weights


def robust():
    problem = plain(kappa=1.5)
    return replace(problem, error=np.array([0.0, 0.004, 0.01, 0.002, 0.02, 0.0]))


def shorts(**changes):
    return plain(cost=0.002, constraints=Constraints(minimum=-1.0, maximum=1.0, **changes))


CASES: dict[str, Case] = {
    "singular: 6 assets from 4 rows": Case(lambda: of_rows(4, 6)),
    "rank one": Case(rank_one),
    "covariance of zeros": Case(lambda: plain(sigma=np.zeros((6, 6))), best=at_zero),
    "60 assets from 30 rows": Case(lambda: of_rows(30, 60)),
    "500 assets from 60 rows": Case(lambda: of_rows(60, 500)),
    "500 assets from 60 rows, costs": Case(lambda: of_rows(60, 500, cost=0.002)),
    "each asset twice": Case(duplicated),
    "each asset twice, costs": Case(lambda: duplicated(0.001)),
    "NaN in mu": Case(lambda: spoilt("mu", np.nan), REFUSAL, words=("a2", "nan")),
    "NaN in Sigma": Case(lambda: spoilt("sigma", np.nan), REFUSAL, words=("covariance", "a1")),
    "NaN in held": Case(lambda: replace(spoilt("held", np.nan), cost=0.001), REFUSAL, words=("held", "a2")),
    "inf in mu": Case(lambda: spoilt("mu", np.inf), REFUSAL, words=("a2", "inf")),
    "inf in Sigma": Case(lambda: spoilt("sigma", np.inf), REFUSAL, words=("covariance", "a1")),
    "Sigma not symmetric": Case(lopsided, REFUSAL, words=("symmetric",)),
    "Sigma not positive semidefinite": Case(indefinite, REFUSAL, words=("semidefinite",)),
    "variances 1e-12 to 1e6": Case(wild, best=by_enumeration),
    "units of a minute": Case(lambda: in_units(1 / 21 / 390)),
    "units of a year": Case(lambda: in_units(12.0)),
    "units of 1e-12": Case(lambda: in_units(1e-12)),
    "units of 1e8": Case(lambda: in_units(1e8)),
    "gamma 1e-6": Case(lambda: plain(gamma=1e-6)),
    "gamma 1e6": Case(lambda: plain(gamma=1e6)),
    "gamma 1e6, costs": Case(lambda: plain(gamma=1e6, cost=0.002)),
    "one riskless asset": Case(riskless),
    "one asset": Case(
        lambda: plain(1, held=np.zeros(1), constraints=Constraints()), best=lambda p: np.ones(1)
    ),
    "all fixed by bounds": Case(fixed, best=lambda p: p.bounds()[0]),
    "budget beyond the bounds": Case(
        lambda: plain(constraints=Constraints(maximum=0.1)),
        REFUSAL,
        words=("maximum weight", "fully invested"),
    ),
    "groups in conflict": Case(conflicting, REFUSAL, words=("'one'", "'two'")),
    "overlapping groups, one redundant": Case(overlapping),
    "turnover 0": Case(lambda: plain(constraints=Constraints(turnover=0.0)), best=as_held),
    "held outside bounds": Case(lambda: outside(None)),
    "held outside bounds, turnover too small": Case(lambda: outside(0.5), LEAST, held_out),
    "turnover exactly what bounds force": Case(lambda: outside(1.2)),
    "dead asset held": Case(dead),
    "dead asset held, turnover 0.6": Case(
        lambda: replace(dead(), constraints=Constraints(maximum=0.5, turnover=0.6))
    ),
    "leverage exactly 1, shorts allowed": Case(lambda: shorts(leverage=1.0)),
    "leverage below the budget": Case(lambda: shorts(leverage=0.9), REFUSAL, words=("leverage", "invested")),
    "tracking error of 1e-6": Case(lambda: tracking(1e-6)),
    "tracking error out of reach": Case(
        lambda: tracking(0.001, maximum=0.25), REFUSAL, words=("tracking error",)
    ),
    "volatility below the least": Case(lambda: volatile(0.9), REFUSAL, words=("volatility",)),
    "volatility just above the least": Case(lambda: volatile(1 + 1e-6)),
    "minimum return above the best": Case(lambda: with_return(1.01), REFUSAL, words=("return",)),
    "minimum return exactly the best": Case(lambda: with_return(1.0), best=at_zero),
    "minimum return that binds": Case(lambda: with_return(0.8)),
    "a sum limited on one side": Case(one_sided),
    "all means negative": Case(lambda: plain(mu=-abs(plain().mu) - 0.01)),
    "means equal": Case(equal_means, best=inverse_variance),
    "robust, errors of 0 among them": Case(robust),
    "shorts with cash": Case(lambda: shorts(cash_minimum=0.2, cash_maximum=0.5)),
    "shorts with cash, 130/30": Case(lambda: shorts(cash_minimum=0.0, cash_maximum=0.5, leverage=1.6)),
    "short more than held and barred": Case(
        lambda: replace(plain(cost=0.002), held=np.array([0.5, 0.5, -0.3, 0.3, 0.0, 0.0]))
    ),
}
