"""Mean-variance under all limits at once, on random problems: kept, best, and blind to order and units."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation.decision_status import DecisionStatus
from allocation.errors import InfeasibleError
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group


def names(n):
    return tuple(f"a{i}" for i in range(n))


def universe_of(n):
    return np.ones(n, dtype=bool)


def market(seed, n):
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(n, 3)) * 0.03
    sigma = loadings @ loadings.T + np.diag(rng.uniform(0.01, 0.05, n) ** 2)
    return rng.normal(0.005, 0.01, n), sigma, rng.dirichlet(np.ones(n))


def broken_by(w, held, c, assets):
    """Return by how much the worst limit is broken, from the definitions alone."""
    excess = [(c.minimum - w).max(), (w - c.maximum).max()]
    cash = 1 - w.sum()
    excess += [c.cash_minimum - cash, cash - c.cash_maximum]
    for group in c.groups.values():
        total = sum(w[assets.index(asset)] for asset in group.assets)
        excess += [group.minimum - total, total - group.maximum]
    if c.turnover is not None:
        excess.append(np.abs(w - held).sum() - c.turnover)
    return max(excess)


def by_clarabel(mu, sigma, held, gamma, cost, c, assets):
    """Return the largest objective by a conic solver, with |trade| as variables of their own."""
    clarabel = pytest.importorskip("clarabel")
    import scipy.sparse as sp

    n, eye, zero = len(mu), np.eye(len(mu)), np.zeros((len(mu), len(mu)))
    rows = [np.ones(n), *(np.isin(assets, g.assets).astype(float) for g in c.groups.values())]
    lower = [1 - c.cash_maximum, *(g.minimum for g in c.groups.values())]
    upper = [1 - c.cash_minimum, *(g.maximum for g in c.groups.values())]
    R, Z = np.array(rows), np.zeros((len(rows), n))
    blocks = [[eye, zero], [-eye, zero], [eye, -eye], [-eye, -eye], [R, Z], [-R, Z]]
    b = [np.full(n, c.maximum), np.full(n, -c.minimum), held, -held, upper, np.negative(lower)]
    if c.turnover is not None:
        blocks.append([np.zeros((1, n)), np.ones((1, n))])
        b.append([c.turnover])
    options = clarabel.DefaultSettings()
    options.verbose = False
    options.tol_gap_abs = options.tol_gap_rel = options.tol_feas = 1e-11
    b = np.concatenate(b)
    P = sp.csc_matrix(np.triu(np.block([[gamma * sigma, zero], [zero, zero]])))
    q = np.r_[-mu, np.full(n, cost)]
    A, cones = sp.csc_matrix(np.block(blocks)), [clarabel.NonnegativeConeT(len(b))]
    answer = clarabel.DefaultSolver(P, q, A, b, cones, options).solve()
    return -answer.obj_val


@st.composite
def problems(draw):
    n = draw(st.integers(2, 12))
    mu, sigma, held = market(draw(st.integers(0, 10**6)), n)
    assets = names(n)
    half = assets[: max(1, n // 2)]
    constraints = Constraints(
        minimum=draw(st.sampled_from([0.0, -0.2])),
        maximum=draw(st.sampled_from([1.0, 0.6, 1.3 / n])),
        groups={
            "half": Group(half, draw(st.sampled_from([0.0, 0.2])), draw(st.sampled_from([0.45, 0.7, 1.0])))
        },
        turnover=draw(st.sampled_from([None, 0.3, 1.0, 2.0])),
        cash_minimum=draw(st.sampled_from([0.0, 0.05])),
        cash_maximum=draw(st.sampled_from([0.05, 0.4])),
    )
    gamma, cost = draw(st.sampled_from([0.5, 5.0, 40.0])), draw(st.sampled_from([0.0, 0.001, 0.01]))
    return mu, sigma, held, gamma, cost, constraints


def solve(mu, sigma, held, gamma, cost, constraints):
    solver = MeanVariance(names(len(mu)), constraints, risk_aversion=gamma, cost=cost)
    return solver.solve(0, mu, sigma, held, universe_of(len(mu)))


@settings(deadline=None, max_examples=60)
@given(problem=problems())
def test_all_limits_at_once_are_kept_and_nothing_is_better(problem):
    mu, sigma, held, gamma, cost, constraints = problem
    try:
        result = solve(*problem)
    except InfeasibleError:
        assume(False)
    assume(result.status == DecisionStatus.SOLVED)
    w = result.weights
    assert broken_by(w, held, constraints, list(names(len(mu)))) < 1e-6
    assert w.sum() + result.cash == pytest.approx(1, abs=1e-14)
    ours = mu @ w - gamma / 2 * w @ sigma @ w - cost * np.abs(w - held).sum()
    theirs = by_clarabel(mu, sigma, held, gamma, cost, constraints, names(len(mu)))
    assert ours == pytest.approx(theirs, abs=1e-7)
    assert result.certificate.gap < 1e-8
    assert result.certificate.residual < 1e-8


@settings(deadline=None, max_examples=30)
@given(problem=problems(), seed=st.integers(0, 10**6))
def test_the_order_of_the_assets_does_not_matter_under_any_limits(problem, seed):
    mu, sigma, held, gamma, cost, constraints = problem
    order = np.random.default_rng(seed).permutation(len(mu))
    turned = [names(len(mu))[i] for i in np.argsort(order)]
    groups = {
        name: Group(tuple(turned[int(asset[1:])] for asset in group.assets), group.minimum, group.maximum)
        for name, group in constraints.groups.items()
    }
    try:
        first = solve(*problem)
    except InfeasibleError:
        assume(False)
    other = solve(
        mu[order], sigma[np.ix_(order, order)], held[order], gamma, cost, replace(constraints, groups=groups)
    )
    np.testing.assert_allclose(other.weights, first.weights[order], atol=5e-6)
    assert other.certificate.residual < 1e-8


@settings(deadline=None, max_examples=30)
@given(problem=problems(), unit=st.sampled_from([1 / 98280, 1 / 252, 252.0]))
def test_units_of_time_do_not_matter_under_any_limits(problem, unit):
    """Means, covariances and costs a minute, a day or a year: the weights are the same."""
    mu, sigma, held, gamma, cost, constraints = problem
    try:
        first = solve(*problem)
    except InfeasibleError:
        assume(False)
    other = solve(unit * mu, unit * sigma, held, gamma, unit * cost, constraints)
    np.testing.assert_allclose(other.weights, first.weights, atol=5e-6)
    assert other.status == first.status


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 10))
def test_trades_never_grow_with_their_cost(seed, n):
    mu, sigma, held = market(seed, n)
    traded = [
        np.abs(solve(mu, sigma, held, 5.0, cost, Constraints()).weights - held).sum()
        for cost in (0.0, 0.0005, 0.002, 0.01, 1.0)
    ]
    assert all(less <= more + 1e-6 for more, less in pairwise(traded))
    assert traded[-1] == 0


@pytest.mark.parametrize("seed", range(25))
def test_crumbs_of_many_assets_do_not_break_a_limit_on_their_sum(seed):
    """Covariances all alike leave many weights undecided and near 0; swept away, they are missed in the group."""
    rng = np.random.default_rng(seed)
    n = 150
    constraints = Constraints(groups={"half": Group(names(n)[: n // 2], 0.5, 0.5)}, turnover=0.5)
    sigma = np.full((n, n), 0.04)
    result = solve(
        rng.normal(0, 1e-8, n),
        sigma,
        rng.dirichlet(np.full(n, 0.3)),
        5.0,
        float(seed % 2) * 1e-4,
        constraints,
    )
    assert result.weights[: n // 2].sum() == pytest.approx(0.5, abs=1e-6)
    assert result.certificate.holds


def test_limits_that_say_the_same_twice_are_no_obstacle():
    assets = names(6)
    groups = {"all": Group(assets, 1, 1), "a": Group(assets[:3], 0.5, 0.5), "b": Group(assets[3:], 0.5, 0.5)}
    weights = solve(np.zeros(6), np.eye(6) * 0.04, np.zeros(6), 1.0, 0.0, Constraints(groups=groups)).weights
    np.testing.assert_allclose(weights, 1 / 6, atol=1e-7)


def test_bounds_that_leave_nothing_to_decide():
    limits = Constraints(minimum=0.25, maximum=0.25)
    assert solve(np.arange(4.0), np.eye(4), np.zeros(4), 1.0, 0.0, limits).weights.tolist() == [0.25] * 4


def test_a_conflict_met_on_the_way_names_the_row():
    """Assets without a forecast shrink the universe after the limits were checked."""
    solver = MeanVariance(names(4), Constraints(maximum=0.4), risk_aversion=1.0)
    few = np.array([True, True, False, False])
    with pytest.raises(
        InfeasibleError, match=r"row 31: these limits .* 2 assets: maximum weight 0\.4"
    ) as error:
        solver.solve(31, np.zeros(4), np.eye(4), np.zeros(4), few)
    assert error.value.limits == ("maximum weight 0.4", "fully invested")


def test_a_weight_just_at_its_bound_is_the_same_in_every_unit():
    """Where a bound is almost not binding, the objective hardly tells 0 from a few millionths."""
    mu, sigma, held = market(105, 10)
    limits = Constraints(maximum=0.4)
    first = solve(mu, sigma, held, 47.4375, 0.001, limits).weights
    for unit in (1e-6, 1e4):
        other = solve(unit * mu, unit * sigma, held, 47.4375, unit * 0.001, limits).weights
        np.testing.assert_allclose(other, first, atol=1e-7)
