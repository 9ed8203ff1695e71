"""Shares of risk are the budgets: published tables, closed forms, brute force, and invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InfeasibleError, InputError, LimitError
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group
from allocation.risk_based.budget_solver import ERROR
from allocation.risk_based.risk_budgeting import RiskBudgeting


def names(n):
    return tuple(f"a{i}" for i in range(n))


def solved(sigma, constraints=None, budgets=None):
    n = len(sigma)
    share = None if budgets is None else dict(zip(names(n), budgets, strict=True))
    allocator = RiskBudgeting(names(n), constraints, budgets=share)
    return allocator.solve(0, np.zeros(n), sigma, np.zeros(n), np.ones(n, dtype=bool))


def shares(sigma, w):
    w = np.asarray(w)
    contribution = w * (to_dense(sigma) @ w)
    return contribution / contribution.sum()


def random_sigma(rng, n, rows=None):
    factors = rng.normal(size=(rows or 2 * n, n)) * rng.uniform(0.2, 3, n)
    return factors.T @ factors / len(factors)


def test_the_published_example():
    # Maillard, Roncalli and Teiletche (2010), section 4: volatilities of 10, 20, 30 and 40 percent.
    volatility = np.array([0.1, 0.2, 0.3, 0.4])
    correlation = np.array([[1, 0.8, 0, 0], [0.8, 1, 0, 0], [0, 0, 1, -0.5], [0, 0, -0.5, 1]])
    answer = solved(correlation * np.outer(volatility, volatility))
    np.testing.assert_allclose(answer.weights, [0.384, 0.192, 0.243, 0.182], atol=5e-4)
    # The two blocks do not interact: weights follow the square roots of their variances at equal risk.
    assert answer.certificate.holds
    assert answer.certificate.gap < 1e-8


@pytest.mark.parametrize("rho", [-0.2, 0.0, 0.5, 0.99])
def test_equal_correlations_give_inverse_volatility(rho):
    volatility = np.array([0.1, 0.2, 0.3, 0.4])
    correlation = np.full((4, 4), rho) + (1 - rho) * np.eye(4)
    inverse = 1 / volatility / (1 / volatility).sum()
    answer = solved(correlation * np.outer(volatility, volatility))
    np.testing.assert_allclose(answer.weights, inverse, rtol=1e-9)


def test_without_correlation_weights_follow_the_root_of_the_budget():
    volatility, budgets = np.array([0.1, 0.3, 0.2]), np.array([0.7, 0.2, 0.1])
    expected = np.sqrt(budgets) / volatility
    answer = solved(np.diag(volatility**2), budgets=budgets)
    np.testing.assert_allclose(answer.weights, expected / expected.sum(), rtol=1e-9)


def test_two_assets_in_closed_form():
    # With r = w1 s1 / (w2 s2) the first share is (r^2 + rho r) / (r^2 + 2 rho r + 1) = b: a quadratic equation.
    s1, s2, rho, b = 0.2, 0.35, 0.4, 0.3
    r = (-rho * (1 - 2 * b) + np.sqrt(rho**2 * (1 - 2 * b) ** 2 + 4 * b * (1 - b))) / (2 * (1 - b))
    expected = r / s1 / (r / s1 + 1 / s2)
    sigma = np.array([[s1**2, rho * s1 * s2], [rho * s1 * s2, s2**2]])
    np.testing.assert_allclose(solved(sigma, budgets=[b, 1 - b]).weights[0], expected, rtol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_shares_are_budgets_on_random_covariances(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    sigma = random_sigma(rng, n)
    budgets = rng.exponential(size=n) ** 3
    budgets /= budgets.sum()
    answer = solved(sigma, budgets=budgets)
    assert np.abs(shares(sigma, answer.weights) - budgets).max() <= ERROR
    assert answer.weights.sum() == pytest.approx(1, abs=1e-12)


def test_brute_force_finds_no_other_weights():
    sigma = random_sigma(np.random.default_rng(3), 4)
    budgets = np.array([0.1, 0.2, 0.3, 0.4])
    best = minimize(
        lambda y: 0.5 * np.exp(y) @ sigma @ np.exp(y) - budgets @ y, np.zeros(4), method="BFGS", tol=1e-12
    )
    expected = np.exp(best.x) / np.exp(best.x).sum()
    np.testing.assert_allclose(solved(sigma, budgets=budgets).weights, expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_bounds_against_a_general_minimiser(seed):
    rng = np.random.default_rng(seed)
    n = 5
    sigma, budgets = random_sigma(rng, n), rng.dirichlet(np.ones(n))
    low, high = 0.1, 0.3

    def at(price):
        return minimize(
            lambda x: 0.5 * x @ sigma @ x - price * budgets @ np.log(x),
            np.full(n, 0.2),
            jac=lambda x: sigma @ x - price * budgets / x,
            bounds=[(low, high)] * n,
            method="L-BFGS-B",
            options={"ftol": 1e-15, "gtol": 1e-12},
        ).x

    price = np.exp(brentq(lambda log: at(np.exp(log)).sum() - 1, -12, 8, xtol=1e-12))
    answer = solved(sigma, Constraints(minimum=low, maximum=high), budgets)
    np.testing.assert_allclose(answer.weights, at(price), atol=2e-6)
    assert answer.certificate.holds
    assert answer.certificate.gap < 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_what_bounds_mean(seed):
    rng = np.random.default_rng(100 + seed)
    n = 12
    sigma, budgets = random_sigma(rng, n), rng.dirichlet(np.full(n, 2.0))
    w = solved(sigma, Constraints(minimum=0.03, maximum=0.13), budgets).weights
    contribution = w * (sigma @ w) / budgets
    free, top, bottom = (w > 0.03) & (w < 0.13), w >= 0.13, w <= 0.03
    assert free.any()
    assert (top | bottom).any()
    price = contribution[free].mean()
    np.testing.assert_allclose(contribution[free], price, rtol=1e-8)
    assert (contribution[top] <= price * (1 + 1e-9)).all()
    assert (contribution[bottom] >= price * (1 - 1e-9)).all()


def test_bounds_that_do_not_bind_change_nothing():
    sigma = random_sigma(np.random.default_rng(1), 6)
    free = solved(sigma)
    bound = solved(sigma, Constraints(minimum=free.weights.min() * 0.9, maximum=free.weights.max() * 1.1))
    np.testing.assert_array_equal(free.weights, bound.weights)


def test_bounds_that_leave_one_answer():
    sigma = random_sigma(np.random.default_rng(1), 4)
    np.testing.assert_array_equal(solved(sigma, Constraints(maximum=0.25)).weights, 0.25)
    np.testing.assert_array_equal(solved(sigma, Constraints(minimum=0.25)).weights, 0.25)


@pytest.mark.parametrize("constraints", [None, Constraints(minimum=0.01, maximum=0.04)])
def test_factors_are_the_matrix_that_they_stand_for(constraints):
    rng = np.random.default_rng(5)
    sigma = FactorCovariance(
        np.c_[rng.uniform(0.5, 1.5, 40), rng.normal(size=(40, 3))], rng.uniform(0.1, 1, 40)
    )
    by_factors, by_matrix = solved(sigma, constraints), solved(to_dense(sigma), constraints)
    np.testing.assert_allclose(by_factors.weights, by_matrix.weights, rtol=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.floats(-12, 12))
def test_scale_and_order_do_not_matter(n, seed, log_scale):
    rng = np.random.default_rng(seed)
    sigma, budgets = random_sigma(rng, n), rng.dirichlet(np.ones(n)) + 1e-6
    order = rng.permutation(n)
    w = solved(sigma, budgets=budgets).weights
    np.testing.assert_allclose(
        solved(sigma * 10.0**log_scale, budgets=budgets).weights, w, rtol=1e-6, atol=1e-12
    )
    moved = solved(sigma[np.ix_(order, order)], budgets=budgets[order]).weights
    np.testing.assert_allclose(moved, w[order], rtol=1e-6, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 10), st.integers(0, 2**32 - 1), st.floats(0.0, 0.95), st.floats(1.05, 8.0))
def test_any_feasible_bounds_have_an_answer_with_evidence(n, seed, floor, ceiling):
    sigma = np.abs(random_sigma(np.random.default_rng(seed), n)) + np.diag(np.full(n, 10.0 * n))
    answer = solved(sigma, Constraints(minimum=floor / n, maximum=min(ceiling / n, 1.0)))
    assert answer.certificate.holds
    assert answer.certificate.gap < 1e-8


def test_zero_budget_universe_and_cash():
    sigma = random_sigma(np.random.default_rng(2), 4)
    budgets = dict(zip(names(4), [2.0, 0.0, 1.0, 1.0], strict=True))
    allocator = RiskBudgeting(names(4), Constraints(cash_minimum=0.2, cash_maximum=0.2), budgets=budgets)
    broken = sigma.copy()
    broken[3], broken[:, 3] = np.nan, np.nan
    answer = allocator.solve(7, np.zeros(4), broken, np.zeros(4), np.array([True, True, True, False]))
    assert answer.weights[1] == answer.weights[3] == 0
    assert answer.cash == pytest.approx(0.2, abs=1e-12)
    np.testing.assert_allclose(shares(sigma[:3, :3], answer.weights[:3]), [2 / 3, 0, 1 / 3], atol=ERROR)


def test_mistakes_are_named():
    everything = np.ones(2, dtype=bool)
    with pytest.raises(LimitError, match="RiskBudgeting does not take the limits groups, turnover"):
        RiskBudgeting(names(2), Constraints(groups={"g": Group(("a0",))}, turnover=1))
    with pytest.raises(InputError, match="'a1'"):
        RiskBudgeting(names(2), budgets={"a0": 1})
    with pytest.raises(InputError, match="0 or more"):
        RiskBudgeting(names(2), budgets={"a0": 1, "a1": -1})
    with pytest.raises(LimitError, match="'a0' has no budget"):
        RiskBudgeting(names(2), Constraints(minimum=0.1), budgets={"a0": 0, "a1": 1})
    with pytest.raises(InfeasibleError, match="row 3"):
        RiskBudgeting(names(2), Constraints(maximum=0.4)).solve(3, None, np.eye(2), None, everything)
    with pytest.raises(InputError, match="covariance of 'a1' is not finite"):
        RiskBudgeting(names(2)).solve(3, None, np.diag([1, np.nan]), None, everything)
    with pytest.raises(InputError, match="not symmetric"):
        RiskBudgeting(names(2)).solve(3, None, np.array([[1, 0.5], [0.1, 1]]), None, everything)
    with pytest.raises(InputError, match="not positive semidefinite"):
        RiskBudgeting(names(2)).solve(3, None, np.array([[1, -2.0], [-2.0, 1]]), None, everything)
    with pytest.raises(InputError, match="the universe is empty"):
        RiskBudgeting(names(2)).solve(3, None, np.eye(2), None, ~everything)


def test_bounds_too_tight_for_the_assets_that_have_budgets_are_named():
    solver = RiskBudgeting(("a", "b", "c"), Constraints(maximum=0.5), budgets={"a": 2.0, "b": 1.0, "c": 0.0})
    listed = np.array([True, False, True])
    with pytest.raises(InfeasibleError, match=r"row 4: .*maximum weight 0\.5"):
        solver.solve(4, np.zeros(3), np.eye(3) * 0.04, np.zeros(3), listed)


@pytest.mark.parametrize("cash", [(0.0, 0.5), (0.1, 0.5), (0.05, 0.1)])
def test_cash_is_as_little_as_the_limits_allow(cash):
    """Shares of risk are the same for every multiple, so the most invested one is held."""
    sigma = np.diag([0.04, 0.01, 0.0225])
    inverse = 1 / np.sqrt(np.diag(sigma))
    limits = Constraints(cash_minimum=cash[0], cash_maximum=cash[1])
    found = RiskBudgeting(names(3), limits).solve(0, None, sigma, None, np.ones(3, dtype=bool))
    np.testing.assert_allclose(found.weights, (1 - cash[0]) * inverse / inverse.sum(), rtol=1e-9)
    tight = RiskBudgeting(names(3), Constraints(maximum=0.25, cash_maximum=0.5))
    found = tight.solve(0, None, sigma, None, np.ones(3, dtype=bool))
    np.testing.assert_allclose(found.weights, 0.25)
    assert found.cash == pytest.approx(0.25)


def test_a_covariance_without_full_rank_is_named_with_the_remedy():
    returns = np.random.default_rng(0).normal(0, 0.01, (20, 40))
    for limits in (Constraints(), Constraints(maximum=0.1)):
        with pytest.raises(
            InputError, match=r"row 3: no weights with these shares of risk .* has rank 19, .*use"
        ):
            RiskBudgeting(names(40), limits).solve(3, None, np.cov(returns.T), None, np.ones(40, dtype=bool))
