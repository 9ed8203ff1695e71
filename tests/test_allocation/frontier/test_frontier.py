"""The critical line: published corners, quadratic programmes at random risk aversions, and degenerate cases."""

import numpy as np
import pytest
from scipy.optimize import minimize

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InfeasibleError, InputError
from allocation.frontier.frontier_path import efficient_frontier
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.polytope import Polytope, make_polytope
from allocation.problem.sum_limits import Group


def box(n, low=0.0, high=1.0):
    return Polytope(np.full(n, low), np.full(n, high), np.ones((1, n)), np.ones(1), np.ones(1), ("budget",))


def names(n):
    return tuple(f"a{i}" for i in range(n))


def random_problem(rng, n, rows=None):
    rows = rows or 2 * n + 5
    returns = 0.01 * rng.normal(size=(rows, 1)) + 0.02 * rng.normal(size=(rows, n)) * rng.uniform(0.5, 2, n)
    return rng.normal(size=n) * 0.003, np.cov(returns.T).reshape(n, n)


def assert_best_everywhere(frontier, mu, sigma, limits):
    """Check the optimality of corners and of what lies between and above them, by duality, and the limits."""
    lambdas, weights = frontier.lambdas, frontier.weights
    between = [
        ((a + b) / 2, (v + w) / 2)
        for a, b, v, w in zip(lambdas, lambdas[1:], weights, weights[1:], strict=False)
    ]
    above = [(3 * lambdas[0] + 1, weights[0])]
    for level, w in [*zip(lambdas, weights, strict=True), *between, *above]:
        slope = level * mu - to_dense(sigma) @ w
        scale = max(np.abs(to_dense(sigma)).max(), level * np.abs(mu).max())
        assert limits.bound_ascent(slope, w) <= 1e-9 * scale
        assert min(limits.slack(w).values()) >= -1e-9
    assert lambdas[-1] == 0
    assert (np.diff(lambdas) <= 0).all()
    assert (np.diff(frontier.mean) <= 1e-12).all()
    assert (np.diff(frontier.variance) <= 1e-12).all()


# Bailey and Lopez de Prado (2013), "An open-source implementation of the critical-line algorithm for portfolio
# optimization", Algorithms 6(1), 169-196: the data of the numerical example, and mean and volatility of its corners.
MEANS = np.array([1.175, 1.19, 0.396, 1.12, 0.346, 0.679, 0.089, 0.73, 0.481, 1.08])
TRIANGLE = """
0.40755159
0.03175842 0.9063047
0.05183923 0.03136385 0.19490901
0.05663904 0.02687256 0.04408485 0.19528471
0.0330226 0.01917172 0.03006772 0.02777345 0.34059105
0.00827775 0.00934384 0.01322738 0.00526665 0.00777055 0.15983874
0.02165938 0.02495043 0.03525971 0.01375808 0.02067844 0.02105575 0.68056711
0.01332419 0.00761036 0.0115493 0.00780878 0.00736409 0.00518686 0.01377882 0.95526918
0.0343476 0.02874874 0.0427563 0.02914176 0.02542657 0.01723737 0.04627027 0.0106553 0.31681584
0.02249903 0.01336866 0.02057303 0.01640377 0.01284075 0.00723779 0.01926088 0.00760955 0.01854318 0.11079287
"""
CORNERS = np.array(
    [
        [1.19, 0.9520003676],
        [1.1802594589, 0.5456568743],
        [1.1600564524, 0.4172556504],
        [1.1112622643, 0.2667196142],
        [1.1083602384, 0.2650169953],
        [1.0224838894, 0.2296800736],
        [1.0153059205, 0.2279827484],
        [0.9727204340, 0.2195548801],
        [0.9499368158, 0.2160245717],
        [0.8032153599, 0.2052376198],
    ]
)
LEAST = [
    0.0369685815,
    0.0269008378,
    0.0949424306,
    0.1257759522,
    0.0767460810,
    0.2193556713,
    0.0299870969,
    0.0359632846,
    0.0613498377,
    0.2920102264,
]


def published():
    sigma = np.zeros((10, 10))
    for i, line in enumerate(TRIANGLE.split("\n")[1:-1]):
        sigma[i, : i + 1] = [float(number) for number in line.split()]
    return MEANS, sigma + np.tril(sigma, -1).T


def test_the_published_corners():
    mu, sigma = published()
    frontier = efficient_frontier(mu, sigma, box(10))
    np.testing.assert_allclose(np.c_[frontier.mean, np.sqrt(frontier.variance)], CORNERS, atol=1e-9)
    np.testing.assert_allclose(frontier.minimum_variance(), LEAST, atol=1e-9)
    # The paper reports a largest Sharpe ratio of 4.4535.
    w = frontier.tangency()
    assert mu @ w / np.sqrt(w @ sigma @ w) == pytest.approx(4.4535, abs=5e-5)


@pytest.mark.parametrize("seed", range(50))
def test_quadratic_programmes_agree(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 25))
    mu, sigma = random_problem(rng, n)
    constraints = Constraints(
        minimum=float(rng.choice([0.0, -0.2])), maximum=float(rng.choice([1.0, 2.5 / n]))
    )
    frontier = efficient_frontier(mu, sigma, make_polytope(constraints, names(n)))
    for gamma in 10 ** rng.uniform(-1, 3, 20):
        solver = MeanVariance(names(n), constraints, risk_aversion=gamma)
        theirs = solver.solve(0, mu, sigma, np.zeros(n), np.ones(n, dtype=bool)).weights
        ours = frontier.at_risk_aversion(gamma)

        def value(w, gamma=gamma):
            return mu @ w - gamma / 2 * w @ sigma @ w

        assert value(ours) >= value(theirs) - 1e-12
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("seed", range(30))
def test_general_rows_and_a_range_of_cash(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 16))
    mu, sigma = random_problem(rng, n, int(rng.choice([3, n, 3 * n])))
    groups = {
        "half": Group(names(n)[: n // 2], 0.2, 0.6),
        "some": Group(names(n)[1::2], 0.1, float(rng.choice([0.4, 0.7]))),
    }
    limits = make_polytope(Constraints(groups=groups, cash_maximum=float(rng.choice([0.0, 0.3]))), names(n))
    assert_best_everywhere(efficient_frontier(mu, sigma, limits), mu, sigma, limits)


def equal_means(rng, n):
    _, sigma = random_problem(rng, n)
    return np.full(n, float(rng.choice([-0.01, 0.0, 0.02]))), sigma


def tied_means(rng, n):
    mu, sigma = random_problem(rng, n)
    return np.round(mu / 0.003) * 0.003, sigma


def pairs_of_equal_assets(rng, n):
    mu, sigma = random_problem(rng, n)
    twice = np.arange(n) // 2
    return mu[twice], sigma[np.ix_(twice, twice)]


def fewer_dates_than_assets(rng, n):
    return random_problem(rng, n, 3)


def all_assets_alike(rng, n):
    return rng.integers(-1, 2, n) * 0.01, np.full((n, n), 0.01) + 0.02 * np.eye(n)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "make", [equal_means, tied_means, pairs_of_equal_assets, fewer_dates_than_assets, all_assets_alike]
)
def test_degenerate_problems(make, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 20))
    mu, sigma = make(rng, n)
    limits = box(n, float(rng.choice([0.0, -0.1])), float(rng.choice([1.0, 1.0 / n, 2.0 / n])))
    assert_best_everywhere(efficient_frontier(mu, sigma, limits), mu, sigma, limits)


def test_one_asset_and_one_answer():
    frontier = efficient_frontier(np.array([0.01]), np.array([[0.04]]), box(1))
    np.testing.assert_array_equal(frontier.weights, [[1.0]])
    np.testing.assert_array_equal(frontier.points(3), np.ones((3, 1)))
    np.testing.assert_array_equal(frontier.tangency(), [1.0])
    mu, sigma = random_problem(np.random.default_rng(0), 4)
    np.testing.assert_allclose(efficient_frontier(mu, sigma, box(4, 0.0, 0.25)).points(2), 0.25, atol=1e-15)


def test_points_have_the_means_asked_for_and_least_variance():
    mu, sigma = random_problem(np.random.default_rng(4), 6)
    frontier = efficient_frontier(mu, sigma, box(6))
    for mean, w in zip(np.linspace(frontier.mean[0], frontier.mean[-1], 7), frontier.points(7), strict=True):
        assert mu @ w == pytest.approx(mean, abs=1e-15)
        other = minimize(
            lambda x: 1e4 * x @ sigma @ x,
            np.full(6, 1 / 6),
            bounds=[(0, 1)] * 6,
            constraints=[
                {"type": "eq", "fun": lambda x: x.sum() - 1},
                {"type": "ineq", "fun": lambda x, mean=mean: 1e3 * (mu @ x - mean)},
            ],
            options={"ftol": 1e-12},
        )
        assert 1e4 * w @ sigma @ w <= other.fun + 1e-6


def test_units_do_not_matter():
    mu, sigma = random_problem(np.random.default_rng(5), 9)
    frontier = efficient_frontier(mu, sigma, box(9))
    scaled = efficient_frontier(mu * 1e-6, sigma * 1e-8, box(9))
    np.testing.assert_allclose(scaled.weights, frontier.weights, atol=1e-9)
    np.testing.assert_allclose(scaled.lambdas, frontier.lambdas * 1e-2, rtol=1e-9)


def test_factors():
    rng = np.random.default_rng(6)
    sigma = FactorCovariance(rng.normal(size=(12, 2)) * 0.02, rng.uniform(1e-4, 1e-3, 12))
    mu = rng.normal(size=12) * 0.01
    by_factors, by_matrix = (
        efficient_frontier(mu, sigma, box(12)),
        efficient_frontier(mu, to_dense(sigma), box(12)),
    )
    np.testing.assert_allclose(by_factors.tangency(), by_matrix.tangency(), atol=1e-12)


def test_mistakes_are_named():
    mu, sigma = random_problem(np.random.default_rng(0), 4)
    with pytest.raises(InfeasibleError):
        efficient_frontier(mu, sigma, box(4, 0.0, 0.2))
    frontier = efficient_frontier(mu, sigma, box(4))
    with pytest.raises(InputError, match="out of reach"):
        frontier.at_mean(np.array([1.0]))
    with pytest.raises(InputError, match="positive mean"):
        efficient_frontier(-np.abs(mu), sigma, box(4)).tangency()
    with pytest.raises(InputError, match="risk aversion"):
        frontier.at_risk_aversion(0.0)
