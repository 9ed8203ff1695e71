"""The largest ratio of mean to risk, whatever the sign of the means: against all vertices and many portfolios."""

import itertools

import cvxpy as cp
import numpy as np
import pytest
from scipy.optimize import linprog

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InfeasibleError, InputError, LimitError
from allocation.frontier.maximum_sharpe import MaximumSharpe
from allocation.frontier.vertices import best_vertex
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group
from allocation.risk_based.maximum_diversification import MaximumDiversification


def names(n):
    return tuple(f"a{i}" for i in range(n))


def problem(seed, n, shift=0.0):
    rng = np.random.default_rng(seed)
    returns = 0.01 * rng.normal(size=(3 * n, 1)) + 0.02 * rng.normal(size=(3 * n, n)) * rng.uniform(0.5, 2, n)
    return rng.normal(size=n) * 0.003 + shift, np.cov(returns.T)


def solved(mu, sigma, constraints=None):
    n = len(mu)
    return MaximumSharpe(names(n), constraints).solve(0, mu, sigma, np.zeros(n), np.ones(n, dtype=bool))


def ratio(mu, sigma, w):
    return w @ mu / np.sqrt(np.einsum("...i,ij,...j->...", w, sigma, w))


def all_vertices(n, low, high):
    for basic in range(n):
        for ends in itertools.product((low, high), repeat=n - 1):
            last = 1 - sum(ends)
            if low - 1e-12 <= last <= high + 1e-12:
                yield np.insert(np.array(ends, dtype=float), basic, last)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shift", [0.0, 0.01])
def test_no_grid_of_portfolios_has_more(seed, shift):
    mu, sigma = problem(seed, 3, shift)
    mu[0] = abs(mu[0])
    step = np.arange(201) / 200
    grid = np.array([(a, b, 1 - a - b) for a in step for b in step if a + b <= 1 + 1e-12])
    answer = solved(mu, sigma)
    best = ratio(mu, sigma, answer.weights)
    assert ratio(mu, sigma, grid).max() <= best * (1 + 1e-12)
    assert ratio(mu, sigma, grid).max() >= best * 0.999
    assert answer.certificate.gap <= 1e-7


@pytest.mark.parametrize("seed", range(20))
def test_without_short_sales_binding_it_is_the_closed_form(seed):
    mu, sigma = problem(seed, 5)
    w = np.linalg.solve(sigma, mu)
    if w.sum() <= 0:
        mu, w = -mu, -w
    w /= w.sum()
    size = float(np.abs(w).max()) + 1
    answer = solved(mu, sigma, Constraints(minimum=-size, maximum=size))
    np.testing.assert_allclose(answer.weights, w, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_groups_and_bounds_against_random_portfolios(seed):
    mu, sigma = problem(seed, 6, 0.002)
    constraints = Constraints(maximum=0.4, groups={"g": Group(names(2), 0.3, 0.5)}, cash_maximum=0.2)
    answer = solved(mu, sigma, constraints)
    rng = np.random.default_rng(seed)
    w = rng.dirichlet(np.full(6, 0.5), 40_000) * rng.uniform(0.8, 1, (40_000, 1))
    first = w[:, :2].sum(axis=1)
    w = w[(w.max(axis=1) <= 0.4) & (first >= 0.3) & (first <= 0.5)]
    assert len(w) > 100
    assert ratio(mu, sigma, w).max() <= ratio(mu, sigma, answer.weights) + 1e-12
    assert answer.certificate.holds


@pytest.mark.parametrize("seed", range(10))
def test_all_means_negative_and_a_cap_of_one_is_the_single_best_asset(seed):
    mu, sigma = problem(seed, 8)
    mu = -np.abs(mu) - 1e-4
    answer = solved(mu, sigma)
    assert answer.weights[np.argmax(mu / np.sqrt(np.diag(sigma)))] == 1
    assert "negative mean: the vertex" in answer.note
    assert np.isnan(answer.certificate.gap)
    rng = np.random.default_rng(seed)
    many = np.vstack([rng.dirichlet(np.full(8, a), 5_000) for a in (0.05, 0.3, 1.0)])
    assert ratio(mu, sigma, many).max() <= ratio(mu, sigma, answer.weights) + 1e-12


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("low, high", [(0.0, 0.3), (0.05, 0.55), (-0.1, 0.5), (0.0, 0.5)])
def test_all_means_negative_within_bounds_is_the_best_of_all_vertices(seed, low, high):
    mu, sigma = problem(seed, 6)
    # Short positions of losers would earn: all means alike and negative, but for a little.
    mu = -0.01 - 0.001 * np.abs(mu) / 0.003
    answer = solved(mu, sigma, Constraints(minimum=low, maximum=high))
    best = max(ratio(mu, sigma, w) for w in all_vertices(6, low, high))
    assert ratio(mu, sigma, answer.weights) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_all_means_negative_no_portfolio_of_a_fine_grid_has_more(seed):
    """The bounds are points of the grid, so that its best one must be the answer itself."""
    mu, sigma = problem(seed, 4)
    mu = -np.abs(mu) - 1e-3
    axes = np.meshgrid(*[np.arange(5, 61)] * 3, indexing="ij")
    first = np.stack(axes, axis=-1).reshape(-1, 3)
    last = 100 - first.sum(axis=1)
    grid = np.column_stack([first, last])[(last >= 5) & (last <= 60)] / 100
    answer = solved(mu, sigma, Constraints(minimum=0.05, maximum=0.6))
    ratios = ratio(mu, sigma, grid)
    np.testing.assert_allclose(answer.weights, grid[ratios.argmax()], atol=1e-12)
    assert ratio(mu, sigma, answer.weights) == pytest.approx(ratios.max(), rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_equal_negative_means_ask_for_the_densest_subgraph(seed):
    """The reason why no convex programme gives the answer: this special case is NP-hard."""
    n, k = 8, 4
    edges = np.triu(np.random.default_rng(seed).random((n, n)) < 0.5, 1).astype(float)
    sigma = edges + edges.T + n * np.eye(n)
    densest = max(edges[np.ix_(chosen, chosen)].sum() for chosen in itertools.combinations(range(n), k))
    answer = solved(np.full(n, -0.01), sigma, Constraints(maximum=1 / k))
    held = np.flatnonzero(answer.weights)
    assert len(held) == k
    assert edges[np.ix_(held, held)].sum() == densest


def test_the_local_search_says_that_it_is_one_and_is_seldom_wrong():
    constraints = Constraints(maximum=0.5, groups={"all but one": Group(names(4), 0.0, 1.0)})
    right = 0
    for seed in range(10):
        mu, sigma = problem(seed, 5)
        mu = -np.abs(mu) - 1e-3
        answer = solved(mu, sigma, constraints)
        assert "not proven" in answer.note
        best = max(ratio(mu, sigma, w) for w in all_vertices(5, 0.0, 0.5))
        found = ratio(mu, sigma, answer.weights)
        assert found <= best + 1e-12
        right += found >= best - 1e-12
    assert right >= 7


def test_enumeration_gives_way_to_the_local_search_when_there_are_too_many_vertices():
    mu, sigma = problem(0, 40)
    limits = MaximumSharpe(names(40), Constraints(maximum=0.07)).limits
    w, exact = best_vertex(-np.abs(mu) - 1e-3, sigma, limits)
    assert not exact
    assert min(limits.slack(w).values()) >= -1e-9


def test_cash_is_the_answer_where_it_is_allowed_and_nothing_pays():
    mu, sigma = problem(1, 4)
    answer = solved(-np.abs(mu), sigma, Constraints(cash_maximum=1.0))
    assert answer.cash == 1
    assert not answer.weights.any()
    assert answer.note.startswith("all cash")


def test_a_largest_mean_of_zero_takes_the_least_variance_of_mean_zero():
    sigma = np.diag([0.04, 0.01, 0.0025])
    answer = solved(np.array([0.0, 0.0, -0.01]), sigma)
    np.testing.assert_allclose(answer.weights, [0.2, 0.8, 0.0], atol=1e-12)


def test_universe_and_factors():
    rng = np.random.default_rng(2)
    sigma = FactorCovariance(rng.normal(size=(7, 2)) * 0.02, rng.uniform(1e-4, 1e-3, 7))
    mu = np.abs(rng.normal(size=7)) * 0.01
    universe = np.array([1, 1, 0, 1, 1, 0, 1], dtype=bool)
    answer = MaximumSharpe(names(7)).solve(0, np.where(universe, mu, np.nan), sigma, np.zeros(7), universe)
    inner = solved(mu[universe], to_dense(sigma)[np.ix_(universe, universe)])
    np.testing.assert_allclose(answer.weights[universe], inner.weights, atol=1e-12)
    assert not answer.weights[~universe].any()


def test_mistakes_are_named():
    mu, sigma = problem(0, 3)
    with pytest.raises(LimitError, match="MaximumSharpe does not take the limits turnover"):
        MaximumSharpe(names(3), Constraints(turnover=0.5))
    with pytest.raises(InfeasibleError, match="row 0: these limits cannot be met together"):
        solved(mu, sigma, Constraints(maximum=0.2))
    with pytest.raises(InputError, match="expected return of 'a1' is nan"):
        solved(np.array([0.1, np.nan, 0.1]), sigma)


@pytest.mark.parametrize("seed", range(10))
def test_diversification_is_least_variance_of_correlations(seed):
    _, sigma = problem(seed, 9)
    volatility = np.sqrt(np.diag(sigma))
    everything = np.ones(9, dtype=bool)
    least = MeanVariance(names(9), Constraints(), risk_aversion=1.0).solve(
        0, np.zeros(9), sigma / np.outer(volatility, volatility), np.zeros(9), everything
    )
    expected = least.weights / volatility
    answer = MaximumDiversification(names(9)).solve(0, None, sigma, None, everything)
    np.testing.assert_allclose(answer.weights, expected / expected.sum(), atol=1e-8)


@pytest.mark.parametrize("seed", range(10))
def test_diversification_within_bounds_against_random_portfolios(seed):
    _, sigma = problem(seed, 5)
    volatility = np.sqrt(np.diag(sigma))
    constraints = Constraints(minimum=0.05, maximum=0.3)
    w = (
        MaximumDiversification(names(5), constraints)
        .solve(0, None, sigma, None, np.ones(5, dtype=bool))
        .weights
    )
    many = np.random.default_rng(seed).dirichlet(np.full(5, 3.0), 40_000)
    many = many[(many.max(axis=1) <= 0.3) & (many.min(axis=1) >= 0.05)]
    assert len(many) > 100
    assert ratio(volatility, sigma, many).max() <= ratio(volatility, sigma, w) + 1e-12


def test_two_assets_are_weighted_by_inverse_volatility():
    sigma = np.array([[0.04, 0.01], [0.01, 0.01]])
    w = MaximumDiversification(names(2)).solve(0, None, sigma, None, np.ones(2, dtype=bool)).weights
    np.testing.assert_allclose(w, [1 / 3, 2 / 3], rtol=1e-9)


def tangency_of_the_cone(mu, sigma):
    """The largest ratio of long weights of any sum, by the quadratic programme of Charnes and Cooper."""
    y = cp.Variable(len(mu), nonneg=True)
    root = np.linalg.cholesky(sigma).T
    cp.Problem(cp.Minimize(cp.sum_squares(root @ y)), [mu @ y == 1]).solve(solver=cp.CLARABEL)
    w = np.maximum(y.value, 0.0)
    return w / w.sum()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("cash", [0.3, 0.5, 0.7, 0.8, 0.999, 1.0])
def test_cash_is_allowed_but_the_most_invested_multiple_is_held(seed, cash):
    mu, sigma = problem(seed, 5, 0.003)
    answer = solved(mu, sigma, Constraints(cash_maximum=cash))
    np.testing.assert_allclose(answer.weights, tangency_of_the_cone(mu, sigma), atol=1e-5)
    assert abs(answer.cash) < 1e-12


def test_no_multiple_of_the_tangency_portfolio_is_chosen_by_rounding():
    """Closed form: Sigma^-1 mu is proportional to (1.25, 2)."""
    mu, sigma = np.array([0.05, 0.02]), np.diag([0.04, 0.01])
    for cash in np.linspace(0.05, 1.0, 39):
        w = solved(mu, sigma, Constraints(cash_maximum=float(cash))).weights
        np.testing.assert_allclose(w, np.array([1.25, 2.0]) / 3.25, rtol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_a_maximum_weight_leaves_the_rest_in_cash_where_that_is_allowed(seed):
    mu, sigma = problem(seed, 5, 0.003)
    tangency = tangency_of_the_cone(mu, sigma)
    most = 0.5 * float(tangency.max())
    answer = solved(mu, sigma, Constraints(maximum=most, cash_maximum=1.0))
    np.testing.assert_allclose(answer.weights, 0.5 * tangency, atol=1e-5)
    assert answer.weights.max() == pytest.approx(most, abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_dollar_neutral_against_the_closed_form(seed):
    """w is proportional to Sigma^-1 (mu - c 1) with the c at which it sums to 0; the largest position is 1."""
    mu, sigma = problem(seed, 6)
    ones = np.ones(6)
    a, b, c = (x @ np.linalg.solve(sigma, y) for x, y in ((mu, mu), (ones, mu), (ones, ones)))
    w = np.linalg.solve(sigma, mu - b / c * ones)
    answer = solved(mu, sigma, Constraints(minimum=-1, cash_minimum=1, cash_maximum=1))
    np.testing.assert_allclose(answer.weights, w / np.abs(w).max(), rtol=1e-6, atol=1e-9)
    assert ratio(mu, sigma, answer.weights) == pytest.approx(np.sqrt(a - b * b / c), rel=1e-10)
    assert answer.cash == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_diversification_with_cash_is_the_most_invested_too(seed):
    _, sigma = problem(seed, 5)
    everything = np.ones(5, dtype=bool)
    without = MaximumDiversification(names(5)).solve(0, None, sigma, None, everything).weights
    for cash in (0.4, 0.9, 1.0):
        limits = Constraints(cash_maximum=cash)
        found = MaximumDiversification(names(5), limits).solve(0, None, sigma, None, everything)
        np.testing.assert_allclose(found.weights, without, atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_a_covariance_without_full_rank_is_named_with_the_remedy_where_it_matters(seed):
    """The oracle is a linear programme: the largest mean of long weights without risk, if there are any."""
    returns = np.random.default_rng(seed).normal(0, 0.01, (20, 40))
    sigma = np.cov(returns.T)
    centred = returns - returns.mean(axis=0)
    for mean in (returns.mean(axis=0), np.sqrt(np.diag(sigma))):
        riskless = linprog(
            -mean, A_eq=np.vstack([centred, np.ones(40)]), b_eq=np.r_[np.zeros(20), 1.0], bounds=(0, None)
        )
        if riskless.status == 0 and -riskless.fun > 0:
            with pytest.raises(InputError, match=r"row 0: .* of 40 assets has rank 19, .*use more rows than"):
                solved(mean, sigma)
        else:
            assert solved(mean, sigma).certificate.gap <= 1e-7
