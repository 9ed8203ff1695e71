"""Scores in the allocator: excluded, kept above a floor, tilted, and missing on purpose."""

import numpy as np
import pytest
from scipy.optimize import minimize

from allocation.errors import InfeasibleError, InputError
from allocation.esg.allocator import EsgAllocator
from allocation.esg.score_adjustments import impute_scores, tilt_benchmark, tilt_returns
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group

N = 6
ASSETS = tuple("abcdef")
ALL = np.ones(N, dtype=bool)
SCORES = np.array([1.0, 9.0, 5.0, 3.0, 7.0, 2.0])


def market(seed=0):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(N, 12))
    return rng.uniform(0.0, 0.06, N), 0.04 * root @ root.T / 12


def responsible(scores=SCORES, constraints=None, cost=0.0, **given):
    inner = MeanVariance(ASSETS, constraints or Constraints(), risk_aversion=4.0, cost=cost)
    return EsgAllocator(inner, lambda position: scores, **given)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("cost", [0.0, 0.005])
@pytest.mark.parametrize("floor", [4.0, 6.5, 8.0])
def test_the_floor_gives_what_a_general_solver_finds_under_it(seed, cost, floor):
    mu, sigma = market(seed)
    held = np.full(N, 1 / N)
    constraints = Constraints(maximum=0.7, cash_maximum=0.3, groups={"g": Group(("a", "b"), 0.05, 0.6)})

    def loss(split):
        w = held + split[:N] - split[N:]
        return -(mu @ w - 2.0 * w @ sigma @ w - cost * split.sum())

    def weights(split):
        return held + split[:N] - split[N:]

    brute = minimize(
        loss, np.full(2 * N, 1e-3), method="SLSQP", bounds=[(0, 1)] * (2 * N),
        options={"ftol": 1e-14, "maxiter": 2000},
        constraints=[
            {"type": "ineq", "fun": lambda x: weights(x) @ (SCORES - floor)},
            {"type": "ineq", "fun": lambda x: np.r_[weights(x), 0.7 - weights(x)]},
            {"type": "ineq", "fun": lambda x: [1 - weights(x).sum(), weights(x).sum() - 0.7]},
            {"type": "ineq", "fun": lambda x: [weights(x)[:2].sum() - 0.05, 0.6 - weights(x)[:2].sum()]},
        ],
    )  # fmt: skip
    found = responsible(constraints=constraints, cost=cost, floor=floor).solve(0, mu, sigma, held, ALL)
    w = found.weights
    assert found.certificate.holds
    assert found.certificate.slack[f"score at least {floor:g}"] >= 0
    assert w @ SCORES >= floor * w.sum() - 1e-12
    value = mu @ w - 2.0 * w @ sigma @ w - cost * np.abs(w - held).sum()
    assert brute.success
    assert value >= -brute.fun - 1e-8
    np.testing.assert_allclose(w, weights(brute.x), atol=2e-4)


def test_a_floor_that_does_not_bind_changes_nothing():
    mu, sigma = market()
    plain = responsible().solve(0, mu, sigma, np.zeros(N), ALL).weights
    floored = responsible(floor=float(plain @ SCORES) - 0.5).solve(0, mu, sigma, np.zeros(N), ALL)
    np.testing.assert_array_equal(floored.weights, plain)


def test_a_floor_out_of_reach_is_an_error_that_says_by_how_much():
    mu, sigma = market()
    with pytest.raises(InfeasibleError, match=r"row 3: .* average score of 9; .* miss it by 1") as caught:
        # Half in the asset of score 9, half in that of 7: an average of 8.
        responsible(constraints=Constraints(maximum=0.5), floor=9.0).solve(3, mu, sigma, np.zeros(N), ALL)
    assert caught.value.limits == ("score at least 9",)


def test_what_scores_less_than_the_threshold_is_sold():
    mu, sigma = market()
    held = np.full(N, 1 / N)
    found = responsible(exclude_below=3.0).solve(0, mu, sigma, held, ALL)
    assert (found.weights[SCORES < 3] == 0).all()
    allowed = SCORES >= 3
    only = MeanVariance(ASSETS, Constraints(), risk_aversion=4.0).solve(0, mu, sigma, held, allowed)
    np.testing.assert_array_equal(found.weights, only.weights)
    with pytest.raises(
        InfeasibleError, match=r"row 0: score of each asset at least 9\.5 leaves none; the largest is 9"
    ):
        responsible(exclude_below=9.5).solve(0, mu, sigma, held, ALL)


def test_exclusion_by_universe_is_exclusion_by_limits():
    mu, sigma = market(3)
    overrides = {asset: (0.0, 0.0) for asset, s in zip(ASSETS, SCORES, strict=True) if s < 3}
    by_limits = MeanVariance(ASSETS, Constraints(overrides=overrides), risk_aversion=4.0)
    held = np.full(N, 1 / N)
    np.testing.assert_allclose(
        responsible(exclude_below=3.0).solve(0, mu, sigma, held, ALL).weights,
        by_limits.solve(0, mu, sigma, held, ALL).weights,
        atol=1e-9,
    )


def test_the_tilt_is_in_return_per_standard_deviation_of_score():
    mu = np.array([0.01, 0.02, np.nan, 0.0])
    universe = np.array([True, True, False, True])
    found = tilt_returns(mu, np.array([1.0, 2.0, np.nan, 3.0]), universe, 0.003)
    z = np.array([-1, 0, 1]) / np.std([1, 2, 3])
    np.testing.assert_allclose(found[universe], mu[universe] + 0.003 * z)
    assert np.isnan(found[2])
    np.testing.assert_array_equal(tilt_returns(mu, np.full(4, 3.3), universe, 0.003), mu)
    mu, sigma = market()
    plain, more = (
        responsible(tilt=t).solve(0, mu, sigma, np.zeros(N), ALL).weights @ SCORES for t in (0.0, 0.01)
    )
    assert more > plain + 0.1


def test_a_benchmark_times_its_scores():
    found = tilt_benchmark(np.array([0.5, 0.3, 0.2, 0.0]), np.array([2.0, 4.0, 0.0, np.nan]))
    np.testing.assert_allclose(found, [1.0 / 2.2, 1.2 / 2.2, 0, 0])
    with pytest.raises(InputError, match="known for all that it holds"):
        tilt_benchmark(np.array([0.5, 0.5]), np.array([1.0, np.nan]))


def test_missing_scores_are_what_one_says_they_are():
    scores = np.array([1.0, np.nan, 5.0, 6.0, np.nan, 2.0])
    universe = np.array([True, True, True, False, True, False])
    np.testing.assert_array_equal(impute_scores(0, scores, universe, "exclude")[1], [1, 0, 1, 0, 0, 0])
    for missing, value in (("mean", 3.0), ("worst", 1.0), (4.5, 4.5)):
        got, left = impute_scores(0, scores, universe, missing)
        np.testing.assert_array_equal(got[[1, 4]], value)
        np.testing.assert_array_equal(left, universe)
    with pytest.raises(InputError, match="row 7: none of the 2 assets has a score"):
        impute_scores(7, scores, np.isnan(scores), "mean")
    mu, sigma = market()
    weights = responsible(scores=scores).solve(0, mu, sigma, np.zeros(N), ALL).weights
    assert (weights[np.isnan(scores)] == 0).all()


def test_a_number_that_is_none_is_refused():
    with pytest.raises(InputError, match="floor is nan"):
        responsible(floor=float("nan"))
