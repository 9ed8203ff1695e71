"""Limits of every kind against a conic solver, alone and together, in several units."""

import cvxpy as cp
import numpy as np
import pytest

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InfeasibleError
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Linear

N = 8
ASSETS = tuple(f"a{i}" for i in range(N))
KINDS = {
    "turnover": {"turnover": 0.3},
    "leverage": {"minimum": -0.3, "leverage": 1.4},
    "volatility": {"volatility": 0.14},
    "tracking error": {"tracking_error": 0.04, "benchmark": dict.fromkeys(ASSETS, 1 / N)},
    "return": {"minimum_return": 0.02},
    "linear": {"linear": {"beta": Linear({a: 0.5 + i / 5 for i, a in enumerate(ASSETS)}, 0.9, 1.1)}},
    "one-sided": {"linear": {"score": Linear({a: float(i % 3) for i, a in enumerate(ASSETS)}, minimum=1.2)}},
    "cash": {"cash_maximum": 0.4, "volatility": 0.09},
    "leverage and turnover": {"minimum": -0.3, "leverage": 1.4, "turnover": 0.4},
    "volatility and tracking error": {
        "volatility": 0.15,
        "tracking_error": 0.05,
        "benchmark": dict.fromkeys(ASSETS, 1 / N),
    },
    "all": {
        "minimum": -0.2,
        "leverage": 1.3,
        "turnover": 0.9,
        "volatility": 0.14,
        "tracking_error": 0.1,
        "benchmark": dict.fromkeys(ASSETS, 1 / N),
        "minimum_return": 0.01,
    },
}


def market(seed, factors=False):
    rng = np.random.default_rng(seed)
    B, d = rng.normal(size=(N, 2)) * 0.06 + [0.12, 0], rng.uniform(0.08, 0.25, N) ** 2
    sigma = FactorCovariance(B, d)
    return rng.normal(0.03, 0.03, N), sigma if factors else to_dense(sigma), rng.dirichlet(np.ones(N))


def conic(mu, sigma, held, c, gamma, cost, impact, kappa, error):
    """Return the best value that Clarabel finds."""
    w, L = cp.Variable(N), np.linalg.cholesky(to_dense(sigma))
    value = mu @ w - gamma / 2 * cp.sum_squares(L.T @ w) - cost * cp.norm1(w - held)
    value -= impact * cp.sum_squares(w - held) + kappa * cp.norm2(cp.multiply(error, w))
    rules = [w >= c.minimum, w <= c.maximum, cp.sum(w) >= 1 - c.cash_maximum, cp.sum(w) <= 1 - c.cash_minimum]
    b = c.benchmark_weights(ASSETS)
    if c.turnover is not None:
        rules.append(cp.norm1(w - held) <= c.turnover)
    if c.leverage is not None:
        rules.append(cp.norm1(w) <= c.leverage)
    if c.volatility is not None:
        rules.append(cp.norm2(L.T @ w) <= c.volatility)
    if c.tracking_error is not None:
        rules.append(cp.norm2(L.T @ (w - b)) <= c.tracking_error)
    if c.minimum_return is not None:
        rules.append(mu @ w >= c.minimum_return)
    for linear in c.linear.values():
        row = np.array([linear.coefficients[a] for a in ASSETS])
        rules += [row @ w >= linear.minimum] if np.isfinite(linear.minimum) else []
        rules += [row @ w <= linear.maximum] if np.isfinite(linear.maximum) else []
    problem = cp.Problem(cp.Maximize(value), rules)
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    return problem.value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "extras", [(0.0, 0.0, 0.0), (0.004, 0.0, 0.0), (0.002, 0.05, 0.5)], ids=["free", "costs", "robust"]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_answer_is_the_conic_solvers(kind, extras, seed):
    cost, impact, kappa = extras
    mu, sigma, held = market(seed, factors=seed == 2)
    error = np.linspace(0.01, 0.05, N)
    c = Constraints(**KINDS[kind])
    solver = MeanVariance(ASSETS, c, risk_aversion=4.0, cost=cost, impact=impact, uncertainty=kappa)
    found = solver.solve(0, mu, sigma, held, np.ones(N, dtype=bool), error=error)
    assert found.certificate.holds
    assert found.certificate.gap <= 1e-8
    assert found.certificate.residual <= 1e-7
    w = found.weights
    ours = (
        mu @ w
        - 2 * w @ to_dense(sigma) @ w
        - cost * np.abs(w - held).sum()
        - impact * ((w - held) ** 2).sum()
    )
    ours -= kappa * np.linalg.norm(error * w)
    assert ours == pytest.approx(conic(mu, sigma, held, c, 4.0, cost, impact, kappa, error), abs=2e-7)


@pytest.mark.parametrize("unit", [1 / 252, 1 / 98280, 12.0])
@pytest.mark.parametrize("kind", ["turnover", "volatility", "tracking error", "return", "all"])
def test_units_of_time_do_not_matter(kind, unit):
    mu, sigma, held = market(4)
    daily = dict(KINDS[kind])
    for name in ("volatility", "tracking_error"):
        daily |= {name: daily[name] * unit**0.5} if name in daily else {}
    daily |= {"minimum_return": daily["minimum_return"] * unit} if "minimum_return" in daily else {}
    everything = np.ones(N, dtype=bool)
    year = MeanVariance(ASSETS, Constraints(**KINDS[kind]), risk_aversion=4.0, cost=0.002)
    other = MeanVariance(ASSETS, Constraints(**daily), risk_aversion=4.0, cost=0.002 * unit)
    first = year.solve(0, mu, sigma, held, everything)
    second = other.solve(0, mu * unit, sigma * unit, held, everything)
    np.testing.assert_allclose(second.weights, first.weights, atol=1e-7)


@pytest.mark.parametrize(
    "limits, message",
    [
        ({"volatility": 0.01}, r"row 7: volatility at most 0.01 cannot be met .* the least is 0\.\d+"),
        (
            {"tracking_error": 0.01, "benchmark": {"a0": 1.0}, "maximum": 0.3},
            r"tracking error at most 0.01 cannot be met",
        ),
        ({"minimum_return": 0.5}, r"expected return at least 0.5.*lower the minimum expected return to 0\.0"),
        ({"leverage": 0.9}, r"leverage at most 0.9.*raise the leverage to 1"),
        ({"linear": {"esg": Linear({"a0": 1.0, "a1": 2.0}, minimum=3.0)}}, r"'esg' at least 3"),
    ],
)
def test_what_cannot_be_met_is_named(limits, message):
    mu, sigma, held = market(0)
    solver = MeanVariance(ASSETS, Constraints(**limits), risk_aversion=4.0)
    with pytest.raises(InfeasibleError, match=message):
        solver.solve(7, mu, sigma, held, np.ones(N, dtype=bool))


def test_impact_is_reckoned_from_the_weight_held_also_beyond_a_bound():
    sigma, held, mu = np.diag([0.04, 0.05, 0.06]), np.array([0.9, 0.1, 0.0]), np.array([-0.02, 0.0, 0.0])
    solver = MeanVariance(("a", "b", "c"), Constraints(maximum=0.6), risk_aversion=1.0, impact=0.05)
    w = solver.solve(0, mu, sigma, held, np.ones(3, dtype=bool)).weights

    def value(v):
        return v @ mu - 0.5 * np.einsum("...i,ij,...j", v, sigma, v) - 0.05 * ((v - held) ** 2).sum(axis=-1)

    first, second = np.meshgrid(np.linspace(0, 0.6, 241), np.linspace(0, 0.6, 241))
    grid = np.stack([first, second, 1 - first - second], axis=-1).reshape(-1, 3)
    grid = grid[(grid[:, 2] >= 0) & (grid[:, 2] <= 0.6)]
    assert value(w) >= value(grid).max() - 1e-12
    assert w[0] == 0.6


def test_a_turnover_limit_gives_way_to_a_volatility_limit_and_says_so():
    mu, sigma, _ = market(0)
    risky = np.eye(N)[int(np.argmax(sigma.diagonal()))]
    limits = Constraints(volatility=0.16, turnover=0.05)
    found = MeanVariance(ASSETS, limits, risk_aversion=4.0).solve(0, mu, sigma, risky, np.ones(N, dtype=bool))
    assert "turnover limit 0.05 raised to" in found.note
    assert found.certificate.holds


@pytest.mark.parametrize(
    "mistake, message",
    [
        ({"leverage": 0.0}, "leverage: the limit 0 must be a number above 0"),
        ({"tracking_error": 0.1}, "go together"),
        ({"benchmark": {"a": 1.0}}, "go together"),
        ({"minimum_return": float("nan")}, "minimum_return"),
        (
            {"linear": {"x": Linear({"a": 1.0}, 2.0, 1.0)}},
            "linear 'x': the minimum 2 must be at most the maximum 1",
        ),
        ({"linear": {"x": Linear({"a": 0.0}, 0.0)}}, "one of them other than 0"),
    ],
)
def test_limits_that_make_no_sense(mistake, message):
    from allocation.errors import LimitError

    with pytest.raises(LimitError, match=message):
        Constraints(**mistake)
