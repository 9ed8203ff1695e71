"""The active set against every combination of states, against the interior point, and in any unit and order."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation import active_set
from allocation.quadratic import EXACT, Quadratic


def problem(seed, n, cost=True, long_only=False):
    """Return a random problem with a budget, bounds and, if wanted, costs against some weights held."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3 * n + 5, n)) * rng.uniform(0.02, 0.08, n)
    low = np.zeros(n) if long_only else -rng.uniform(0, 0.3, n) * (rng.uniform(size=n) < 0.5)
    high = rng.uniform(0.2, 1.0, n)
    high *= max(1.0, 1.05 / high.sum())
    return Quadratic(
        mu=rng.normal(0.005, 0.01, n),
        sigma=X.T @ X / len(X),
        gamma=float(rng.uniform(2, 20)),
        cost=float(rng.uniform(0, 0.004)) if cost else 0.0,
        start=np.clip(rng.dirichlet(np.ones(n)), low, high),
        low=low,
        high=high,
        rows=np.ones((1, n)),
        lower=np.ones(1),
        upper=np.ones(1),
        room=np.inf,
    )


def objective(q, w):
    return q.mu @ w - q.gamma / 2 * w @ q.sigma @ w - q.cost * np.abs(w - q.start).sum()


def brute_force(q):
    """Return the best weights over all combinations of low, high, held, buying and selling."""
    n, best, where = len(q.mu), -np.inf, None
    for states in product(range(5), repeat=n):
        s = np.array(states)
        w = np.select([s == 0, s == 1, s == 2], [q.low, q.high, q.start], 0.0)
        free = np.flatnonzero(s >= 3)
        if len(free):
            side = np.where(s[free] == 3, q.cost, -q.cost)
            A = np.zeros((len(free) + 1, len(free) + 1))
            A[:-1, :-1], A[:-1, -1], A[-1, :-1] = q.gamma * q.sigma[np.ix_(free, free)], 1, 1
            b = np.append(q.mu[free] - side - q.gamma * (q.sigma @ w)[free], 1 - w.sum())
            w[free] = np.linalg.solve(A, b)[:-1]
        if abs(w.sum() - 1) > 1e-9 or (w < q.low - 1e-9).any() or (w > q.high + 1e-9).any():
            continue
        if objective(q, w) > best:
            best, where = objective(q, w), w
    return where


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("cost", [True, False])
def test_it_finds_the_best_of_all_combinations_of_states(seed, cost):
    q = problem(seed, 4, cost)
    found = q._by_active_set()
    assert found is not None
    np.testing.assert_allclose(found.weights, brute_force(q), atol=1e-10)


@given(st.integers(0, 10**6), st.integers(2, 30), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_its_answer_is_certified_and_no_worse_than_the_interior_points(seed, n, cost, long_only):
    q = problem(seed, n, cost, long_only)
    found, other = q._by_active_set(), q._by_interior_point()
    if found is None:  # it gave up: allowed, rarely (below), and the interior point answers
        assert q.solve() is not None
        return
    assert q.gap(found.weights, found) <= EXACT
    assert q.excess(found.weights) <= 1e-12
    assert (found.weights >= q.low).all()
    assert (found.weights <= q.high).all()
    assert objective(q, found.weights) >= objective(q, other.weights) - 1e-10 * q.scale


def test_it_rarely_gives_up():
    given_up = sum(problem(seed, 20)._by_active_set() is None for seed in range(300))
    assert given_up <= 6


@given(st.integers(0, 10**6), st.floats(-6, 3))
@settings(max_examples=60, deadline=None)
def test_order_and_unit_do_not_matter(seed, exponent):
    q = problem(seed, 8)
    found = q._by_active_set()
    if found is None:
        return
    order = np.random.default_rng(seed).permutation(8)
    turned = Quadratic(
        q.mu[order], q.sigma[np.ix_(order, order)], q.gamma, q.cost, q.start[order], q.low[order], q.high[order],
        q.rows, q.lower, q.upper, q.room,
    )  # fmt: skip
    other = turned.solve()
    np.testing.assert_allclose(other.weights, found.weights[order], atol=1e-9)
    unit = 10.0**exponent
    scaled = Quadratic(
        q.mu * unit, q.sigma * unit**2, q.gamma / unit, q.cost * unit, q.start, q.low, q.high,
        q.rows, q.lower, q.upper, q.room,
    )  # fmt: skip
    np.testing.assert_allclose(scaled.solve().weights, found.weights, atol=1e-9)


def test_dearer_trades_are_smaller():
    for seed in range(10):
        q = problem(seed, 12)
        traded = []
        for cost in (0.0, 0.001, 0.002, 0.005, 0.05, 1.0):
            dear = Quadratic(
                q.mu, q.sigma, q.gamma, cost, q.start, q.low, q.high, q.rows, q.lower, q.upper, q.room
            )
            traded.append(np.abs(dear.solve().weights - q.start).sum())
        assert (np.diff(traded) <= 1e-9).all()


def test_where_nothing_is_worth_trading_the_weights_held_stay_to_the_bit():
    q = problem(3, 10, long_only=True)
    held = np.full(10, 0.1)
    still = Quadratic(
        q.mu, q.sigma, q.gamma, 10.0, held, q.low, np.ones(10), q.rows, q.lower, q.upper, q.room
    )
    found = still._by_active_set()
    np.testing.assert_array_equal(found.weights, held)
    assert still.gap(found.weights, found) <= 1e-12


@pytest.mark.parametrize(
    "change",
    [
        {"sigma": np.zeros((3, 3))},
        {"sigma": np.ones((3, 3))},
        {
            "low": np.array([0.2, 0.3, 0.5]),
            "high": np.array([0.2, 0.3, 0.5]),
            "start": np.array([0.2, 0.3, 0.5]),
        },
        {"gamma": 1e-6},
        {"gamma": 1e6},
        {"low": np.full(3, 1 / 3), "start": np.full(3, 1 / 3)},
    ],
    ids=["no risk", "singular", "no room", "hardly averse", "averse", "all at the lower bound"],
)
def test_extremes_end_in_a_certified_answer(change):
    q = problem(1, 3)

    q = replace(q, **({"low": np.zeros(3), "high": np.ones(3), "start": np.full(3, 1 / 3)} | change))
    found = q.solve()
    assert found is not None
    assert q.excess(np.clip(found.weights, q.low, q.high)) <= 1e-9
    assert q.gap(np.clip(found.weights, q.low, q.high), found) <= 1e-6


def test_a_budget_that_bounds_cannot_meet_is_given_up():
    solved, _, _ = active_set.solve(
        np.zeros(2), np.eye(2), 1.0, 0.0, np.zeros(2), np.zeros(2), np.full(2, 0.4), 1.0
    )
    assert not solved
