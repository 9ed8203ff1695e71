"""Mean-variance around fixed weights against a general solver, and what happens where limits cannot be met."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from allocation.cardinality.allocator import Cardinality
from allocation.covariance.path import CovariancePath
from allocation.covariance.path_estimation import covariance_path
from allocation.decision_status import DecisionStatus
from allocation.errors import InfeasibleError
from allocation.esg.allocator import EsgAllocator
from allocation.mean_variance.allocator import MeanVariance
from allocation.mean_variance.relaxed_allocator import RelaxedAllocator
from allocation.policies.deviation import Deviation
from allocation.policies.policy import AllocatorPolicy, EqualWeight, HoldIfInfeasible, KeepClosed
from allocation.policies.portfolio_state import PortfolioState
from allocation.policies.tactical import Tactical
from allocation.problem.closed_markets import keep_closed, solve_around
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group
from allocation.trading.garleanu_pedersen import AimPortfolio
from allocation.trading.trading_speed import Preferences
from allocation.views.black_litterman import BlackLitterman
from allocation.weights import OptimalityCertificate, Sleeve, Weights

NAMES = ("a", "b", "c", "d", "e")
EVERYTHING = np.ones(5, dtype=bool)
CLOSED = np.array([True, False, False, True, False])


def problem(seed):
    rng = np.random.default_rng(seed)
    F = rng.normal(size=(5, 2)) * 0.03
    sigma = F @ F.T + np.diag(rng.uniform(0.01, 0.05, 5) ** 2)
    return rng.normal(0.005, 0.01, 5), sigma, rng.dirichlet(np.ones(5))


def around(allocator, mu, sigma, held, closed=CLOSED, universe=EVERYTHING):
    return solve_around(allocator, 3, mu, sigma, held, universe, closed, validate=True)


@pytest.mark.parametrize("seed", range(5))
def test_mean_variance_is_the_best_around_what_is_closed(seed):
    mu, sigma, held = problem(seed)
    held = np.where(CLOSED, 0.15, 0.7 * held / held[~CLOSED].sum())
    limits = Constraints(maximum=0.5, groups={"g": Group(("a", "b", "c"), 0.2, 0.6)}, cash_maximum=0.1)
    found = around(MeanVariance(NAMES, limits, risk_aversion=5, impact=0.01), mu, sigma, held)
    np.testing.assert_array_equal(found.weights[CLOSED], held[CLOSED])
    assert found.certificate.holds
    assert found.certificate.gap < 1e-9

    def loss(free):
        w = held.copy()
        w[~CLOSED] = free
        return -(mu @ w - 2.5 * w @ sigma @ w - 0.01 * ((w - held) ** 2).sum()) * 100

    inside = [
        {"type": "ineq", "fun": lambda x: 0.7 - x.sum()},
        {"type": "ineq", "fun": lambda x: x.sum() - 0.6},
        {"type": "ineq", "fun": lambda x: 0.45 - x[:2].sum()},
        {"type": "ineq", "fun": lambda x: x[:2].sum() - 0.05},
    ]
    best = minimize(loss, np.full(3, 0.22), bounds=[(0, 0.5)] * 3, constraints=inside, method="SLSQP",
                    options={"ftol": 1e-14, "maxiter": 500})  # fmt: skip
    assert best.success
    np.testing.assert_allclose(found.weights[~CLOSED], best.x, atol=2e-5)


def test_what_grew_beyond_its_maximum_stays():
    mu, sigma, _ = problem(1)
    held = np.array([0.5, 0.1, 0.1, 0.1, 0.2])
    solver = MeanVariance(NAMES, Constraints(maximum=0.3), risk_aversion=5, cost=0.001)
    found = around(solver, mu, sigma, held)
    assert found.weights[0] == 0.5
    assert found.weights[1:].max() <= 0.3 + 1e-9
    assert "weight of 'a' at most 0.5" in found.certificate.slack


def test_limits_that_cannot_hold_around_it_are_those_of_the_open_decision():
    mu, sigma, _ = problem(2)
    held = np.array([0.4, 0.1, 0.1, 0.3, 0.1])
    limits = Constraints(groups={"g": Group(("a", "d"), 0.0, 0.5)})
    path = CovariancePath(np.array([3]), sigma[None], EVERYTHING[None], closed=CLOSED[None])
    policy = AllocatorPolicy(MeanVariance(NAMES, limits, risk_aversion=5), path)
    for own in (policy, HoldIfInfeasible(policy)):
        kept = KeepClosed(own, path, NAMES)(3, PortfolioState(held, 0.0))
        np.testing.assert_allclose(kept.weights[CLOSED], held[CLOSED], atol=1e-12)
        assert kept.weights.sum() == pytest.approx(1)
        assert DecisionStatus.RELAXED in kept.status
        assert DecisionStatus.MARKET_CLOSED in kept.status
        assert kept.note == "limits relaxed around closed markets; not traded, market closed: a, d"
    # Limits that cannot be met with all markets open are refused as ever.
    impossible = MeanVariance(NAMES, Constraints(minimum=0.3), risk_aversion=5)
    with pytest.raises(InfeasibleError):
        around(impossible, mu, sigma, held)


def wrapped(kind, mu):
    limits = Constraints(maximum=0.6)
    inner = MeanVariance(NAMES, limits, risk_aversion=5)
    if kind == "cardinality":
        return Cardinality(inner, 4, 0.05)
    if kind == "relaxing":
        tight = Constraints(maximum=0.15)
        return RelaxedAllocator(lambda c: MeanVariance(NAMES, c, risk_aversion=5), tight)
    if kind == "scores":
        scores = np.array([1.0, 5.0, 4.0, 2.0, 3.0])
        return EsgAllocator(inner, lambda row: scores, floor=2.5)
    if kind == "aim":
        return AimPortfolio(inner, Preferences(5.0, 0.02), cost=0.1, decay=0.3)
    return BlackLitterman(inner, risk_aversion=5.0)


@pytest.mark.parametrize("kind", ["cardinality", "relaxing", "scores", "aim", "black-litterman"])
def test_wrappers_and_few_positions_keep_it_exactly(kind):
    mu, sigma, held = problem(3)
    held = np.array([0.1, 0.3, 0.2, 0.1, 0.3])
    found = around(wrapped(kind, mu), mu, sigma, held)
    np.testing.assert_allclose(found.weights[CLOSED], held[CLOSED], atol=1e-15)
    assert found.weights.sum() + found.cash == pytest.approx(1)
    assert found.certificate.holds
    free = wrapped(kind, mu).solve(3, mu, sigma, held, EVERYTHING)
    assert np.abs(free.weights - held)[CLOSED].max() > 1e-3


def test_a_position_too_small_for_few_positions_is_kept_by_scaling():
    mu, sigma, _ = problem(3)
    held = np.array([0.02, 0.3, 0.28, 0.1, 0.3])
    path = CovariancePath(np.array([3]), sigma[None], EVERYTHING[None], closed=CLOSED[None])
    policy = KeepClosed(AllocatorPolicy(wrapped("cardinality", mu), path), path, NAMES)
    kept = policy(3, PortfolioState(held, 0.0))
    np.testing.assert_allclose(kept.weights[CLOSED], held[CLOSED], atol=1e-12)
    assert kept.weights.sum() == pytest.approx(1)


def test_tactical_deviates_around_what_is_closed():
    mu, sigma, _ = problem(4)
    held = np.array([0.25, 0.2, 0.2, 0.15, 0.2])
    path = CovariancePath(np.array([3]), sigma[None], EVERYTHING[None], closed=CLOSED[None])
    limits = Constraints()
    policy = Tactical(
        EqualWeight(path), Deviation(0.05), limits,
        lambda around: MeanVariance(NAMES, around, risk_aversion=5),
        AllocatorPolicy(MeanVariance(NAMES, limits, risk_aversion=5), path, np.array([3]), mu[None]),
    )  # fmt: skip
    kept = KeepClosed(policy, path, NAMES)(3, PortfolioState(held, 0.0))
    np.testing.assert_allclose(kept.weights[CLOSED], held[CLOSED], atol=1e-12)
    assert np.abs(kept.weights - 0.2)[~CLOSED].max() <= 0.05 + 1e-9
    total = sum(part.weights for part in kept.sleeves.values())
    np.testing.assert_allclose(total, kept.weights, atol=1e-12)


def test_what_is_closed_and_not_held_is_not_bought_and_without_a_covariance_not_sold():
    _, sigma, _ = problem(5)
    held = np.array([0.0, 0.5, 0.3, 0.2, 0.0])
    eligible = np.array([True, True, True, False, True])
    path = CovariancePath(np.array([3]), sigma[None], eligible[None], closed=CLOSED[None])
    solver = MeanVariance(NAMES, Constraints(turnover=1.0), risk_aversion=5)
    kept = KeepClosed(AllocatorPolicy(solver, path), path, NAMES)(3, PortfolioState(held, 0.0))
    np.testing.assert_allclose(kept.weights[CLOSED], held[CLOSED], atol=1e-12)
    assert kept.weights.sum() == pytest.approx(1)


def test_sleeves_keep_what_they_hold():
    held = np.array([0.2, 0.3, 0.5])
    sleeves = {"x": Sleeve(np.array([0.15, 0.3, 0.0])), "y": Sleeve(np.array([0.05, 0.0, 0.5]))}
    wanted = {"y": Sleeve(np.array([0.5, 0.0, 0.4]), 0.1)}
    target = Weights(
        0, np.array([0.5, 0.0, 0.4]), 0.1, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0), wanted
    )
    kept = keep_closed(target, held, sleeves, np.array([True, False, False]))
    np.testing.assert_allclose(kept.weights, [0.2, 0.0, 0.64])
    assert kept.cash == pytest.approx(0.16)
    np.testing.assert_allclose(kept.sleeves["x"].weights, [0.15, 0, 0])
    np.testing.assert_allclose(kept.sleeves["y"].weights, [0.05, 0, 0.64])
    first = keep_closed(target, np.zeros(3), {}, np.array([True, False, False]))
    assert list(first.sleeves) == ["y"]
    assert first.weights.tolist() == [0.0, 0.0, 0.8]
    plain = keep_closed(replace(target, sleeves={}), held, {}, np.array([True, False, False]))
    np.testing.assert_allclose(plain.weights, kept.weights)


def test_the_covariance_holds_what_is_closed():
    rng = np.random.default_rng(0)
    excess = rng.normal(0, 0.02, (60, 3))
    excess[50, 1] = np.nan
    closed = ~np.isfinite(excess)
    rows = np.array([49, 50, 51])
    path = covariance_path(excess, rows, window=40, min_history=20, horizon=1, closed=closed)
    assert path.eligible.all()
    assert path.closed_at(50).tolist() == [False, True, False]
    assert path.closed_at(49) is None
    assert np.isfinite(path.sigma).all()
    without = covariance_path(excess, rows, window=40, min_history=20, horizon=1)
    assert without.eligible.tolist() == [[True] * 3, [True, False, True], [True] * 3]
