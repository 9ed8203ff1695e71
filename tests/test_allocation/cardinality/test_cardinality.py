"""Few positions, none of them small: against all subsets one by one, and what is said where nothing fits."""

import itertools

import numpy as np
import pytest

from allocation.cardinality.allocator import Cardinality
from allocation.cardinality.problem import CardinalityProblem
from allocation.cardinality.semicontinuous import split_diagonal
from allocation.covariance_types import FactorCovariance, to_dense
from allocation.decision_status import DecisionStatus
from allocation.errors import AllocationError, InfeasibleError, LimitError
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group


def names(n):
    return tuple(f"a{i}" for i in range(n))


def market(seed, n, factors=3):
    rng = np.random.default_rng(seed)
    sigma = FactorCovariance(rng.normal(size=(n, factors)) * 0.03, rng.uniform(0.01, 0.05, n) ** 2)
    return rng.normal(0.005, 0.01, n), sigma, rng.dirichlet(np.ones(n))


def objective(solver, w, mu, sigma, held, error=None):
    trade = w - held
    value = mu @ w - solver.risk_aversion / 2 * w @ to_dense(sigma) @ w
    value -= solver.cost @ np.abs(trade) + solver.impact @ trade**2
    return value - (solver.uncertainty * np.linalg.norm(error * w) if error is not None else 0.0)


def choices(low, high, most, minimum):
    """Return every choice of 0, long or short for each asset, as (low, high) of the weights."""
    sides = []
    for least, largest in zip(low, high, strict=True):
        own = [(0.0, 0.0)] if least <= 0 <= largest else []
        if largest > 0 and largest >= max(least, minimum):
            own.append((max(least, minimum), largest))
        if least < 0 and least <= min(largest, -minimum):
            own.append((least, min(largest, -minimum)))
        sides.append(own)
    for choice in itertools.product(*sides):
        if sum(pair != (0.0, 0.0) for pair in choice) <= most:
            yield choice


def brute_force(solver, most, minimum, mu, sigma, held, error=None):
    """Return the best objective over all choices, each solved by `MeanVariance` on its own bounds.

    Choices that `MeanVariance` can meet only by raising a limit do not count. An asset held beyond the bounds of a
    choice is charged for coming to them by `MeanVariance` itself, but for the curvature of impact costs, which are
    left to the other oracle.
    """
    c, best = solver.constraints, -np.inf
    for choice in choices(
        solver.constraints.bounds(solver.assets)[0],
        solver.constraints.bounds(solver.assets)[1],
        most,
        minimum,
    ):
        least, largest = np.array(choice).T
        if largest.sum() < 1 - c.cash_maximum or least.sum() > 1 - c.cash_minimum:
            continue  # the budget alone says so; the solver would take long to say why
        overrides = dict(zip(solver.assets, choice, strict=True))
        settings = {**vars(c), "overrides": overrides}
        try:
            one = MeanVariance(
                solver.assets, Constraints(**settings), risk_aversion=solver.risk_aversion, cost=solver.cost,
                uncertainty=solver.uncertainty,
            ).solve(0, mu, sigma, held, np.ones(len(mu), dtype=bool), error=error)  # fmt: skip
        except AllocationError:
            continue
        if one.status == DecisionStatus.SOLVED:
            best = max(best, objective(solver, one.weights, mu, sigma, held, error))
    return best


def everything(n):
    return np.ones(n, dtype=bool)


LIMITS = {
    "plain": {},
    "cash": {"cash_maximum": 1.0},
    "groups": {"groups": {"g": Group(("a0", "a1", "a2"), 0.2, 0.5)}, "cash_maximum": 0.2},
    "turnover": {"turnover": 1.1},
    "volatility": {"volatility": 0.035, "cash_maximum": 1.0},
    "must": {"overrides": {"a0": (0.01, 0.3)}},
}


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("form", ["dense", "factors"])
@pytest.mark.parametrize("seed", range(2))
def test_the_best_of_all_subsets_long_only(limits, form, seed):
    n, most, minimum = 6, 3, 0.08
    mu, sigma, held = market(seed, n)
    sigma = to_dense(sigma) if form == "dense" else sigma
    solver = MeanVariance(
        names(n), Constraints(**{"maximum": 0.5, **LIMITS[limits]}), risk_aversion=20.0, cost=0.002
    )
    found = Cardinality(solver, most, minimum).solve(0, mu, sigma, held, everything(n))
    w = found.weights
    best = brute_force(solver, most, minimum, mu, sigma, held)
    if found.status == DecisionStatus.SOLVED:
        assert objective(solver, w, mu, sigma, held) == pytest.approx(best, abs=1e-9)
    else:
        assert "raised" in found.note
        assert best == -np.inf
    assert (w != 0).sum() <= most
    assert np.abs(w[w != 0]).min() >= minimum - 1e-9
    assert found.certificate.holds
    assert found.certificate.gap <= 1e-9


@pytest.mark.parametrize("minimum", [0.0, 0.1])
@pytest.mark.parametrize("leverage", [None, 1.4])
@pytest.mark.parametrize("seed", range(3))
def test_the_best_of_all_subsets_with_short_positions(minimum, leverage, seed):
    n, most = 5, 3
    mu, sigma, held = market(seed, n)
    limits = Constraints(minimum=-0.3, maximum=0.6, leverage=leverage)
    solver = MeanVariance(names(n), limits, risk_aversion=10.0, cost=0.001)
    found = Cardinality(solver, most, minimum).solve(0, mu, sigma, held, everything(n))
    w = found.weights
    assert objective(solver, w, mu, sigma, held) == pytest.approx(
        brute_force(solver, most, minimum, mu, sigma, held), abs=1e-9
    )
    assert (w != 0).sum() <= most
    assert found.certificate.gap <= 1e-9


@pytest.mark.parametrize("seed", range(2))
def test_the_best_of_all_subsets_with_uncertain_means(seed):
    n, most, minimum = 6, 3, 0.1
    mu, sigma, held = market(seed, n)
    error = np.random.default_rng(seed).uniform(0.002, 0.01, n)
    solver = MeanVariance(names(n), Constraints(maximum=0.6), risk_aversion=10.0, cost=0.001, uncertainty=0.7)
    found = Cardinality(solver, most, minimum).solve(0, mu, sigma, held, everything(n), error=error)
    best = brute_force(solver, most, minimum, mu, sigma, held, error)
    assert objective(solver, found.weights, mu, sigma, held, error) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_impact_costs_count_from_the_weights_held(seed):
    """Two positions out of five on a line w, 1 - w: the objective on a fine grid cannot be beaten by much."""
    n = 5
    mu, sigma, held = market(seed, n)
    solver = MeanVariance(names(n), Constraints(maximum=0.9), risk_aversion=10.0, cost=0.001, impact=0.02)
    found = Cardinality(solver, 2, 0.1).solve(0, mu, sigma, held, everything(n))
    best, grid = -np.inf, np.linspace(0.1, 0.9, 1601)
    for i, j in itertools.combinations(range(n), 2):
        for share in grid:
            w = np.zeros(n)
            w[i], w[j] = share, 1 - share
            best = max(best, objective(solver, w, mu, sigma, held))
    mine = objective(solver, found.weights, mu, sigma, held)
    assert best - 1e-12 <= mine <= best + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_more_positions_are_never_worse_and_all_of_them_are_no_limit(seed):
    n = 12
    mu, sigma, held = market(seed, n)
    solver = MeanVariance(names(n), Constraints(maximum=0.4), risk_aversion=40.0, cost=0.001)
    values = [
        objective(solver, Cardinality(solver, most).solve(0, mu, sigma, held, everything(n)).weights, mu, sigma, held)
        for most in range(3, n + 1)
    ]  # fmt: skip
    assert all(b >= a - 1e-10 for a, b in itertools.pairwise(values))
    plain = solver.solve(0, mu, sigma, held, everything(n)).weights
    assert values[-1] == pytest.approx(objective(solver, plain, mu, sigma, held), abs=1e-10)
    assert values[0] < values[-1]


def test_units_and_order_of_the_assets_do_not_matter():
    n = 15
    mu, sigma, held = market(5, n)
    sigma, order = to_dense(sigma), np.random.default_rng(0).permutation(n)
    limits = Constraints(maximum=0.4)
    first = Cardinality(MeanVariance(names(n), limits, risk_aversion=30.0, cost=0.001), 4, 0.05).solve(
        0, mu, sigma, held, everything(n)
    )
    again = Cardinality(MeanVariance(names(n), limits, risk_aversion=30.0, cost=0.001), 4, 0.05).solve(
        0, mu, sigma, held, everything(n)
    )
    assert first.weights.tobytes() == again.weights.tobytes()
    minute = Cardinality(MeanVariance(names(n), limits, risk_aversion=30.0, cost=1e-8), 4, 0.05).solve(
        0, 1e-5 * mu, 1e-5 * sigma, held, everything(n)
    )
    np.testing.assert_allclose(minute.weights, first.weights, atol=1e-7)
    moved = Cardinality(MeanVariance(names(n), limits, risk_aversion=30.0, cost=0.001), 4, 0.05).solve(
        0, mu[order], sigma[np.ix_(order, order)], held[order], everything(n)
    )
    np.testing.assert_allclose(moved.weights, first.weights[order], atol=1e-7)


def test_what_is_held_beyond_the_number_is_sold_and_turnover_gives_way():
    n = 8
    mu, sigma, _ = market(1, n)
    held = np.full(n, 1 / n)
    solver = MeanVariance(names(n), Constraints(maximum=0.5, turnover=0.3), risk_aversion=20.0, cost=0.001)
    found = Cardinality(solver, 3, 0.05).solve(0, mu, sigma, held, everything(n))
    # Five of eight equal positions are sold and their money is spent on the other three.
    assert found.note.startswith("turnover limit 0.3 raised to 1.25")
    assert np.abs(found.weights - held).sum() == pytest.approx(1.25, abs=1e-5)
    assert (found.weights > 0).sum() == 3


def test_assets_outside_the_universe_are_sold():
    n = 6
    mu, sigma, held = market(2, n)
    universe = everything(n)
    universe[:2] = False
    solver = MeanVariance(names(n), Constraints(maximum=0.6), risk_aversion=20.0, cost=0.001)
    found = Cardinality(solver, 2, 0.1).solve(0, mu, sigma, held, universe)
    assert found.weights[:2].tolist() == [0, 0]
    assert (found.weights > 0).sum() == 2


def test_a_search_that_is_stopped_says_how_far_it_may_be_off():
    n = 30
    mu, sigma, held = market(3, n)
    solver = MeanVariance(names(n), Constraints(maximum=0.15), risk_aversion=300.0, cost=0.001)
    whole = Cardinality(solver, 8, 0.05).solve(0, mu, sigma, held, everything(n))
    short = Cardinality(solver, 8, 0.05, nodes=1).solve(0, mu, sigma, held, everything(n))
    assert whole.status == DecisionStatus.SOLVED
    assert short.note.startswith("stopped after 1 nodes, within ")
    scale = max(np.abs(mu).max(), 300.0 * sigma.diagonal().max(), 0.001)
    best, mine = (objective(solver, x.weights, mu, sigma, held) for x in (whole, short))
    assert 0 <= (best - mine) / scale <= short.certificate.gap + 1e-12
    assert short.certificate.gap > 1e-9


@pytest.mark.parametrize(
    "limits, most, minimum, says, would_do",
    [
        ({"maximum": 0.2}, 3, 0.0, ("at most 3 positions", "maximum weight 0.2"),
         ("allow 5 positions", "raise the maximum weight to 0.3334", "allow cash of 0.4")),
        ({"maximum": 1.0, "cash_minimum": 0.9}, 5, 0.15, ("position at least 0.15", "cash at least 0.9"),
         ("lower minimum_position to 0.09999", "lower the minimum of cash to 0.85")),
        ({"maximum": 0.5, "groups": {"g": Group(("a0",), 0.1, 0.1)}, "minimum": 0.0}, 4, 0.2,
         ("position at least 0.2", "group 'g' at most 0.1"), ("lower minimum_position to 0.1",)),
        ({"overrides": {f"a{i}": (0.1, 0.5) for i in range(4)}}, 3, 0.0, ("at most 3 positions",),
         ("allow 4 positions",)),
    ],
)  # fmt: skip
def test_limits_that_few_positions_cannot_meet(limits, most, minimum, says, would_do):
    mu, sigma, held = market(4, 6)
    if "cash_minimum" in limits:
        limits = {**limits, "cash_maximum": 0.95}
    solver = MeanVariance(names(6), Constraints(**limits), risk_aversion=1.0)
    with pytest.raises(InfeasibleError, match="row 9: these limits cannot be met together") as caught:
        Cardinality(solver, most, minimum).solve(9, mu, sigma, held, everything(6))
    for words in (*says, *would_do):
        assert words in str(caught.value)
    assert set(says) <= set(caught.value.limits)


def test_what_is_said_to_do_does():
    mu, sigma, held = market(4, 6)
    for limits, most, minimum in (
        ({"maximum": 0.2}, 5, 0.0),
        ({"maximum": 0.3334}, 3, 0.0),
        ({"maximum": 0.2, "cash_maximum": 0.4}, 3, 0.0),
    ):
        solver = MeanVariance(names(6), Constraints(**limits), risk_aversion=1.0)
        found = Cardinality(solver, most, minimum).solve(0, mu, sigma, held, everything(6))
        assert found.certificate.holds


def test_a_volatility_that_few_positions_cannot_reach():
    mu, sigma, held = market(6, 8)
    sigma = to_dense(sigma)
    solver = MeanVariance(names(8), Constraints(volatility=0.02), risk_aversion=1.0)
    calm = MeanVariance(names(8), Constraints(), risk_aversion=1.0)
    least = min(
        np.sqrt(w @ sigma @ w)
        for pair in itertools.combinations(range(8), 2)
        for w in [
            calm.solve(0, np.zeros(8), sigma, np.zeros(8), np.isin(np.arange(8), pair)).weights
        ]
    )  # fmt: skip
    assert least > 0.02
    with pytest.raises(InfeasibleError, match=r"volatility at most 0\.02 cannot be met") as caught:
        Cardinality(solver, 2).solve(0, mu, sigma, held, everything(8))
    assert f"the least is {least:.4g}" in str(caught.value)
    assert caught.value.limits == ("volatility at most 0.02", "at most 2 positions")


@pytest.mark.parametrize("most, minimum", [(0, 0.0), (2.5, 0.0), (True, 0.0), (3, -0.1), (3, float("nan"))])
def test_numbers_that_make_no_sense(most, minimum):
    with pytest.raises(LimitError):
        Cardinality(MeanVariance(names(4), Constraints(), risk_aversion=1.0), most, minimum)


def test_a_position_larger_than_any_weight():
    solver = MeanVariance(names(4), Constraints(maximum=0.3), risk_aversion=1.0)
    with pytest.raises(
        LimitError, match=r"minimum_position: 0\.4 .* maximum weight 0\.3 allows; lower .* raise that"
    ):
        Cardinality(solver, 3, 0.4)
    solver = MeanVariance(names(4), Constraints(overrides={"a1": (0, 0.01)}), risk_aversion=1.0)
    with pytest.raises(LimitError, match=r"maximum weight of 'a1' 0\.01 allows"):
        Cardinality(solver, 3, 0.02)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_split_off_leaves_a_semidefinite_covariance(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 20)) * rng.uniform(0.01, 0.1, 20)
    sigma = X.T @ X / 60
    d = split_diagonal(sigma)
    assert (d >= 0).all()
    assert np.linalg.eigvalsh(sigma - np.diag(d))[0] >= -1e-14 * np.abs(sigma).max()
    assert d.sum() > 20 * np.linalg.eigvalsh(sigma)[0]
    singular = X[:10].T @ X[:10]
    assert split_diagonal(singular).tolist() == [0.0] * 20


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_is_above_every_portfolio(seed):
    """At the root, for any shares that the relaxation begins with."""
    from allocation.cardinality.relaxation import solve_relaxation

    n, most, minimum = 8, 3, 0.05
    rng = np.random.default_rng(seed)
    mu, sigma, held = market(seed, n)
    solver = MeanVariance(names(n), Constraints(maximum=0.6), risk_aversion=20.0, cost=0.002)
    decision = solver.decision(0, mu, sigma, held, everything(n), None)
    problem = CardinalityProblem(decision.programme, held, np.inf, [], most, minimum)
    found = solve_relaxation(problem, problem.allowed, rng.uniform(0.05, 1, n), -np.inf)
    best = brute_force(solver, most, minimum, mu, sigma, held)
    assert found.bound >= best - 1e-12


def test_impact_from_weights_held_beyond_a_bound_is_that_of_the_continuous_problem():
    solver = MeanVariance(("a", "b", "c"), Constraints(maximum=0.6), risk_aversion=1.0, impact=0.05)
    inputs = (
        np.array([-0.02, 0.0, 0.0]),
        np.diag([0.04, 0.05, 0.06]),
        np.array([0.9, 0.1, 0.0]),
        np.ones(3, dtype=bool),
    )
    few = Cardinality(solver, 3).solve(0, *inputs)
    np.testing.assert_allclose(few.weights, solver.solve(0, *inputs).weights, atol=1e-9)
