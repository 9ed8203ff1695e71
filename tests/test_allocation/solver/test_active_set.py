"""The active set against every combination of segments, against the interior point, and in any unit and order."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programmes import objective, programme

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.solver import interior_point
from allocation.solver.programme import EXACT


def brute_force(p):
    """Return the best weights over all combinations of segments and rows met."""
    n, best, where = len(p.mu), -np.inf, None
    H = p.gamma * to_dense(p.sigma) + np.diag(p.ridge + 2 * p.impact)
    q = p.mu + 2 * p.impact * p.start
    breakpoints = [
        np.unique([p.low[i], p.high[i], *(v for v in (p.start[i], 0.0) if p.low[i] < v < p.high[i])])
        for i in range(n)
    ]
    limits = [
        [(None, p.lower[0])],
        *([(0, None), (1, lo), (1, up)] for lo, up in zip(p.lower[1:], p.upper[1:], strict=True)),
    ]
    for segments in product(*(range(2 * len(points) - 1) for points in breakpoints)):
        free = [i for i in range(n) if segments[i] % 2]
        w = np.array([breakpoints[i][segments[i] // 2] for i in range(n)])
        middle = (
            np.array([breakpoints[i][min(segments[i] // 2 + 1, len(breakpoints[i]) - 1)] for i in range(n)])
            / 2
            + w / 2
        )
        slope = p.cost * np.sign(middle - p.start) + p.gross * np.sign(middle)
        for choice in product(*limits):
            active = [b for b, (met, _) in enumerate(choice) if met != 0]
            if len(active) > len(free):
                if free:
                    continue
                active = []
            v = w.copy()
            if free:
                A = np.zeros((len(free) + len(active),) * 2)
                A[: len(free), : len(free)] = H[np.ix_(free, free)]
                A[len(free) :, : len(free)] = p.rows[np.ix_(active, free)]
                A[: len(free), len(free) :] = p.rows[np.ix_(active, free)].T
                v[free] = 0.0
                right = np.r_[
                    q[free] - slope[free] - (H @ v)[free], [choice[b][1] - p.rows[b] @ v for b in active]
                ]
                try:
                    v[free] = np.linalg.solve(A, right)[: len(free)]
                except np.linalg.LinAlgError:
                    continue
            sums = p.rows @ v
            if (v < p.low - 1e-9).any() or (v > p.high + 1e-9).any():
                continue
            if (sums < p.lower - 1e-9).any() or (sums > p.upper + 1e-9).any():
                continue
            if objective(p, v) > best:
                best, where = objective(p, v), v
    return where


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "kinds",
    [
        {},
        {"cost": False},
        {"impact": True},
        {"gross": True},
        {"groups": 1},
        {"groups": 2, "cost": False},
        {"factors": 2},
    ],
    ids=lambda kinds: "+".join(kinds) or "costs",
)
def test_it_finds_the_best_of_all_combinations_of_states(seed, kinds):
    p = programme(seed, 3 if kinds.get("groups") or kinds.get("gross") else 4, **kinds)
    found = p.solve()
    assert found is not None
    np.testing.assert_allclose(found.weights, brute_force(p), atol=1e-9)


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 30),
    cost=st.booleans(),
    impact=st.booleans(),
    gross=st.booleans(),
    groups=st.integers(0, 3),
    short=st.booleans(),
    factors=st.integers(0, 3),
)
@settings(max_examples=200, deadline=None)
def test_its_answer_is_certified_and_no_worse_than_the_interior_points(seed, n, **kinds):
    p = programme(seed, n, **kinds)
    found, other = p.solve(), interior_point.solve_interior_point(p)
    assert other is not None
    if found is None:  # it gave up: allowed, rarely (below), and the interior point answers
        return
    assert p.measure_optimality(found.weights, found.prices, p.scale)[0] <= EXACT
    assert p.excess(found.weights) <= 1e-12
    assert (found.weights >= p.low).all()
    assert (found.weights <= p.high).all()
    assert objective(p, found.weights) >= objective(p, other[0].weights) - 1e-10 * p.scale


@pytest.mark.parametrize("kinds", [{}, {"groups": 3}, {"gross": True}, {"factors": 3, "groups": 2}])
def test_it_rarely_gives_up(kinds):
    given_up = sum(programme(seed, 20, **kinds).solve() is None for seed in range(300))
    assert given_up <= 6


@given(st.integers(0, 10**6), st.floats(-6, 3), st.integers(0, 2))
@settings(max_examples=60, deadline=None)
def test_order_and_unit_do_not_matter(seed, exponent, groups):
    p = programme(seed, 8, groups=groups)
    found = p.solve()
    if found is None:
        return
    order = np.random.default_rng(seed).permutation(8)
    turned = replace(
        p, mu=p.mu[order], sigma=p.sigma[np.ix_(order, order)], cost=p.cost[order], start=p.start[order],
        low=p.low[order], high=p.high[order], rows=np.ascontiguousarray(p.rows[:, order]),
    )  # fmt: skip
    other = turned.solve()
    if other is not None:
        np.testing.assert_allclose(other.weights, found.weights[order], atol=1e-9)
    unit = 10.0**exponent
    scaled = replace(p, mu=p.mu * unit, sigma=p.sigma * unit**2, gamma=p.gamma / unit, cost=p.cost * unit)
    np.testing.assert_allclose(scaled.solve().weights, found.weights, atol=1e-9)


def test_dearer_trades_are_smaller():
    for seed in range(10):
        p = programme(seed, 12)
        traded = [
            np.abs(replace(p, cost=np.full(12, cost)).solve().weights - p.start).sum()
            for cost in (0.0, 0.001, 0.002, 0.005, 0.05, 1.0)
        ]
        assert (np.diff(traded) <= 1e-9).all()


def test_where_nothing_is_worth_trading_the_weights_held_stay_to_the_bit():
    p, held = programme(3, 10, short=False), np.full(10, 0.1)
    still = replace(p, cost=np.full(10, 10.0), start=held, high=np.ones(10))
    found = still.solve()
    np.testing.assert_array_equal(found.weights, held)
    assert still.measure_optimality(found.weights, found.prices, still.scale)[0] <= 1e-12


@pytest.mark.parametrize(
    "change",
    [
        {"sigma": np.ones((3, 3))},
        {"sigma": FactorCovariance(np.ones((3, 1)), np.zeros(3))},
        {
            "low": np.array([0.2, 0.3, 0.5]),
            "high": np.array([0.2, 0.3, 0.5]),
            "start": np.array([0.2, 0.3, 0.5]),
        },
        {"gamma": 1e-6},
        {"gamma": 1e6},
        {"low": np.full(3, 1 / 3), "start": np.full(3, 1 / 3)},
        {"sigma": np.zeros((3, 3)), "gamma": 1.0},
    ],
    ids=[
        "singular",
        "no specific risk",
        "no room",
        "hardly averse",
        "averse",
        "all at the lower bound",
        "no risk",
    ],
)
def test_extremes_end_in_a_certified_answer(change):
    p = replace(
        programme(1, 3), **({"low": np.zeros(3), "high": np.ones(3), "start": np.full(3, 1 / 3)} | change)
    )
    found = p.solve() or interior_point.solve_interior_point(p)[0]
    assert p.excess(found.weights) <= 1e-9
    assert p.measure_optimality(found.weights, found.prices, p.scale)[0] <= 1e-8


def test_a_budget_that_bounds_cannot_meet_is_given_up():
    p = replace(programme(0, 2), low=np.zeros(2), high=np.full(2, 0.4), start=np.zeros(2))
    assert p.solve() is None
    assert interior_point.solve_interior_point(p) is None


def test_a_warm_start_changes_nothing_but_the_way():
    for seed in range(20):
        p = programme(seed, 15, cost=seed % 2 == 0)
        first = p.solve()
        again = p.solve(warm=first.weights)
        np.testing.assert_allclose(again.weights, first.weights, atol=1e-12)
