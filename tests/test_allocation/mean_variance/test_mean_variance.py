"""The mean-variance problem against closed forms, an independent solver and the theory of convex programmes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from allocation.decision_status import DecisionStatus
from allocation.errors import AllocationError, InfeasibleError, InputError
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.limit_builder import build_limits
from allocation.problem.sum_limits import Group


def names(n):
    return [f"a{i}" for i in range(n)]


def solve(mu, sigma, held=None, universe=None, gamma=5.0, cost=0.0, **limits):
    mu, n = np.asarray(mu, dtype=float), len(mu)
    solver = MeanVariance(names(n), Constraints(**limits), risk_aversion=gamma, cost=cost)
    held = np.zeros(n) if held is None else np.asarray(held, dtype=float)
    universe = np.ones(n, dtype=bool) if universe is None else np.asarray(universe)
    return solver.solve(7, mu, np.asarray(sigma, dtype=float), held, universe)


def random_problem(seed, n, scale=1.0):
    rng = np.random.default_rng(seed)
    F = rng.normal(size=(n, 3)) * 0.03
    sigma = (F @ F.T + np.diag(rng.uniform(0.01, 0.05, n) ** 2)) * scale
    return rng.normal(0.005, 0.01, n) * scale, sigma, rng.dirichlet(np.ones(n))


def utility(w, mu, sigma, held, gamma, cost):
    return mu @ w - gamma / 2 * w @ sigma @ w - cost * np.abs(w - held).sum()


def dense(rows):
    out = np.zeros((len(rows), rows.n))
    out[np.repeat(np.arange(len(rows)), np.diff(rows.begins)), rows.columns] = rows.values
    return out


def suboptimality(weights, mu, sigma, held, gamma, cost, constraints, universe=None):
    """Return an upper bound on what any other feasible weights could gain (Frank and Wolfe, 1956).

    The utility is concave: it lies below its tangent plus the exact cost term, which is a linear programme.
    """
    n = len(mu)
    universe = np.ones(n, dtype=bool) if universe is None else universe
    gradient = mu - gamma * sigma @ weights
    limits = build_limits(constraints, names(n), universe).entries
    A, b = np.vstack([dense(li.rows) for li in limits]), np.concatenate([li.bounds for li in limits])
    inside = np.flatnonzero(universe)
    # v = held + buys - sells
    both = np.column_stack([A, -A])
    upper = b - A @ held[inside]
    if constraints.turnover is not None:
        both = np.vstack([both, np.ones(2 * len(inside))])
        upper = np.r_[upper, constraints.turnover]
    answer = linprog(np.r_[cost - gradient[inside], cost + gradient[inside]], A_ub=both, b_ub=upper)
    best = -answer.fun + gradient[inside] @ held[inside]
    return best - (gradient @ weights - cost * np.abs(weights - held).sum())


def test_interior_solution_in_closed_form():
    mu, sigma = np.array([0.01, 0.02, 0.015]), np.diag([0.02, 0.04, 0.03])
    gamma = 3.0
    inverse = np.linalg.inv(sigma)
    ones = np.ones(3)
    free = inverse @ mu / gamma
    expected = free + inverse @ ones * (1 - ones @ free) / (ones @ inverse @ ones)
    np.testing.assert_allclose(solve(mu, sigma, gamma=gamma).weights, expected, atol=1e-7)


def test_minimum_variance_of_a_diagonal_covariance():
    weights = solve(np.zeros(3), np.diag([1.0, 2.0, 4.0]), gamma=1.0).weights
    np.testing.assert_allclose(weights, np.array([4, 2, 1]) / 7, atol=1e-7)


def test_an_active_bound_leaves_exactly_the_bound():
    weights = solve([0.5, 0.0, 0.0], np.eye(3) * 0.1, maximum=0.5).weights
    assert weights[0] == 0.5
    np.testing.assert_allclose(weights[1:], 0.25, atol=1e-7)
    assert (solve([-1.0, 0.1, 0.1], np.eye(3) * 0.1).weights[0]) == 0.0


def test_the_no_trade_zone_in_closed_form():
    """Two assets, sum 1: marginal utility of moving x from one to the other must exceed twice the cost."""
    sigma, gamma, cost = np.diag([0.04, 0.04]), 5.0, 0.01
    held = np.array([0.6, 0.4])
    slope = lambda x: gamma * 0.04 * (2 * x - 1)  # noqa: E731
    edge = slope(0.6) + 2 * cost
    still = solve([edge - 1e-4, 0.0], sigma, held, cost=cost).weights
    np.testing.assert_array_equal(still, held)
    moved = solve([edge + 1e-3, 0.0], sigma, held, cost=cost).weights
    assert moved[0] == pytest.approx(0.6 + 1e-3 / (2 * gamma * 0.04), abs=1e-7)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_feasible_is_better(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 15))
    mu, sigma, held = random_problem(seed, n)
    cost = float(rng.choice([0.0, 0.001, 0.01]))
    constraints = Constraints(
        maximum=max(0.3, 1.5 / n),
        groups={"half": Group(tuple(names(n)[: n // 2]), 0.1, 0.7)} if n > 3 else {},
        turnover=float(rng.choice([0.4, 2.0])) if held.max() <= max(0.3, 1.5 / n) else None,
        cash_maximum=float(rng.choice([0.0, 0.3])),
    )
    solver = MeanVariance(names(n), constraints, risk_aversion=4.0, cost=cost)
    try:
        weights = solver.solve(0, mu, sigma, held, np.ones(n, dtype=bool))
    except InfeasibleError:
        pytest.fail("these limits can be met")
    if "raised" in weights.note or held.max() > constraints.maximum:
        return
    assert suboptimality(weights.weights, mu, sigma, held, 4.0, cost, constraints) < 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_equals_an_independent_solver(seed):
    clarabel = pytest.importorskip("clarabel")
    import scipy.sparse as sp

    n, gamma, cost = 9, 4.0, 0.002
    mu, sigma, held = random_problem(seed, n)
    ours = solve(mu, sigma, held, gamma=gamma, cost=cost, maximum=0.4).weights
    P = sp.csc_matrix(np.triu(np.block([[gamma * sigma, np.zeros((n, n))], [np.zeros((n, 2 * n))]])))
    eye = np.eye(n)
    A = np.block(
        [
            [np.ones((1, n)), np.zeros((1, n))],
            [-eye, 0 * eye],
            [eye, 0 * eye],
            [eye, -eye],
            [-eye, -eye],
        ]
    )
    b = np.r_[1, np.zeros(n), np.full(n, 0.4), held, -held]
    options = clarabel.DefaultSettings()
    options.verbose = False
    options.tol_gap_abs = options.tol_gap_rel = options.tol_feas = 1e-12
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(4 * n)]
    peer = clarabel.DefaultSolver(
        P, np.r_[-mu, np.full(n, cost)], sp.csc_matrix(A), b, cones, options
    ).solve()
    theirs = np.array(peer.x)[:n]
    value = utility(ours, mu, sigma, held, gamma, cost)
    assert value == pytest.approx(utility(theirs, mu, sigma, held, gamma, cost), abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 12),
    cost=st.sampled_from([0.0, 0.001]),
    gamma=st.floats(0.1, 50),
)
def test_limits_are_kept_and_order_and_units_do_not_matter(seed, n, cost, gamma):
    mu, sigma, held = random_problem(seed, n)
    first = solve(mu, sigma, held, gamma=gamma, cost=cost, maximum=max(0.4, 1.2 / n))
    w = first.weights
    assert first.certificate.holds
    assert w.min() >= 0
    assert w.max() <= max(0.4, 1.2 / n)
    assert w.sum() == pytest.approx(1, abs=1e-12)
    order = np.random.default_rng(seed).permutation(n)
    turned = solve(
        mu[order], sigma[np.ix_(order, order)], held[order], gamma=gamma, cost=cost, maximum=max(0.4, 1.2 / n)
    )
    np.testing.assert_allclose(turned.weights, w[order], atol=2e-6)
    for scale in (1e-6, 1e4):
        other = solve(
            scale * mu, scale * sigma, held, gamma=gamma, cost=scale * cost, maximum=max(0.4, 1.2 / n)
        )
        np.testing.assert_allclose(other.weights, w, atol=2e-6)


def test_dearer_trades_are_smaller():
    mu, sigma, held = random_problem(3, 8)
    traded = [
        np.abs(solve(mu, sigma, held, cost=cost).weights - held).sum()
        for cost in (0, 0.001, 0.004, 0.02, 1.0)
    ]
    assert all(a >= b - 1e-9 for a, b in pairwise(traded))
    assert traded[0] > traded[2] > 0
    assert traded[-1] == 0


def test_shorts_up_to_their_limit():
    weights = solve([1.0, -1.0, 0.0], np.eye(3) * 0.05, minimum=-0.3, maximum=2.0).weights
    assert weights[1] == -0.3
    assert weights.sum() == pytest.approx(1)


def test_a_leverage_that_long_weights_cannot_exceed_costs_no_precision():
    """Fully invested and without shorts, gross exposure is 1 whatever is held: a limit of 1 says nothing."""
    for seed in range(300):
        mu, sigma, held = random_problem(seed, 5)
        free = solve(mu, sigma, held, cost=0.002, maximum=0.6)
        found = solve(mu, sigma, held, cost=0.002, maximum=0.6, leverage=1.0)
        np.testing.assert_array_equal(found.weights, free.weights)
        assert found.certificate.slack["leverage at most 1"] == pytest.approx(0, abs=1e-12)
    # With cash a leverage below 1 says how much is invested at most, and is kept.
    mu, sigma, held = random_problem(1, 5)
    half = solve(mu + 0.1, sigma, leverage=0.5, cash_maximum=1.0)
    assert half.weights.sum() == pytest.approx(0.5, abs=1e-7)


def test_cash_is_held_when_risk_is_not_paid():
    result = solve([-0.01, 0.001], np.eye(2) * 0.04, cash_maximum=1.0)
    assert result.cash > 0.9
    assert result.weights.sum() + result.cash == pytest.approx(1, abs=1e-15)
    assert solve([0.5, 0.5], np.eye(2) * 0.01, cash_minimum=0.2, cash_maximum=1.0).cash == pytest.approx(0.2)


def test_groups_are_kept():
    result = solve(
        [0.3, 0.3, 0.0, 0.0], np.eye(4) * 0.1, groups={"risky": Group(("a0", "a1"), 0.0, 0.4)}, maximum=0.5
    )
    assert result.weights[:2].sum() == pytest.approx(0.4, abs=1e-7)
    assert result.certificate.slack["group 'risky' at most 0.4"] == pytest.approx(0, abs=1e-7)


def test_turnover_limit_binds():
    held = np.array([0.5, 0.5, 0.0])
    result = solve([0.0, 0.0, 0.5], np.eye(3) * 0.01, held, turnover=0.3)
    assert np.abs(result.weights - held).sum() == pytest.approx(0.3, abs=1e-6)
    assert result.status == DecisionStatus.SOLVED


def test_a_dead_asset_is_sold_and_the_turnover_limit_gives_way_and_says_so():
    held = np.array([0.5, 0.3, 0.2])
    result = solve([0.0, 0.0, 0.0], np.eye(3) * 0.01, held, universe=[True, True, False], turnover=0.1)
    assert result.weights[2] == 0
    assert result.weights.sum() == pytest.approx(1)
    assert "turnover limit 0.1 raised to 0.4" in result.note
    assert np.abs(result.weights - held).sum() == pytest.approx(0.4, abs=1e-4)
    assert result.certificate.holds


def test_a_drifted_holding_is_brought_back_inside_its_limit():
    held = np.array([0.7, 0.2, 0.1])
    result = solve([0.5, 0.0, 0.0], np.eye(3) * 0.01, held, maximum=0.5, turnover=0.05)
    assert result.weights[0] == pytest.approx(0.5)
    assert "raised to 0.4" in result.note


def test_the_forced_sale_counts_in_the_turnover():
    held = np.array([0.45, 0.45, 0.1])
    result = solve([0.3, 0.0, 0.0], np.eye(3) * 0.01, held, universe=[True, True, False], turnover=0.5)
    assert np.abs(result.weights - held).sum() <= 0.5 + 1e-6
    assert result.status == DecisionStatus.SOLVED


@pytest.mark.parametrize("gamma", [1e-6, 1e-2, 1e2, 1e6])
def test_extreme_risk_aversion(gamma):
    mu, sigma, held = random_problem(1, 10)
    weights = solve(mu, sigma, held, gamma=gamma).weights
    assert weights.sum() == pytest.approx(1, abs=1e-9)
    bound = suboptimality(weights, mu, sigma, held, gamma, 0.0, Constraints())
    assert bound < 1e-7 * max(np.abs(mu).max(), gamma * np.abs(sigma).max())
    if gamma == 1e-6:
        assert weights[mu.argmax()] == pytest.approx(1, abs=1e-3)


def test_singular_covariances_are_solved():
    mu = np.array([0.01, 0.02, 0.03])
    assert solve(mu, np.zeros((3, 3))).weights[2] == pytest.approx(1, abs=1e-6)
    weights = solve(mu, np.ones((3, 3)) * 0.04).weights
    assert weights[2] == pytest.approx(1, abs=1e-6)


def test_one_asset():
    assert solve([0.01], [[0.04]]).weights == pytest.approx([1])
    assert solve([0.01], [[0.04]], held=[1.0], cost=0.01).weights == pytest.approx([1])


def test_two_hundred_assets():
    mu, sigma, held = random_problem(0, 200)
    weights = solve(mu, sigma, held, cost=0.001, maximum=0.05).weights
    assert (
        suboptimality(weights, mu, sigma, np.clip(held, 0, 0.05), 5.0, 0.001, Constraints(maximum=0.05))
        < 1e-6
    )


@pytest.mark.parametrize(
    ("mu", "sigma", "message"),
    [
        ([np.nan, 0.0], np.eye(2), "expected return of 'a0' is nan"),
        ([0.0, np.inf], np.eye(2), "expected return of 'a1' is inf"),
        ([0.0, 0.0], [[1.0, np.nan], [np.nan, 1.0]], "covariance of 'a0' is not finite"),
        ([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]], "not positive semidefinite"),
    ],
)
def test_unusable_inputs_are_named(mu, sigma, message):
    with pytest.raises(InputError, match=message):
        solve(mu, sigma)


def test_an_empty_universe_and_wrong_settings():
    with pytest.raises(InputError, match="row 7: the universe is empty"):
        solve([0.0], [[1.0]], universe=[False])
    for gamma in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(AllocationError, match="risk_aversion"):
            solve([0.0], [[1.0]], gamma=gamma)


def test_limits_in_conflict_are_named():
    with pytest.raises(InfeasibleError, match=r"maximum weight 0.3.*fully invested"):
        solve([0.0, 0.0, 0.0], np.eye(3), maximum=0.3)
