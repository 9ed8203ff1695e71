"""The L2 penalty: best by an independent solver, and 0 changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
from nasty_cases import plain
from truth import by_cones

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InputError
from allocation.mean_variance.allocator import MeanVariance
from allocation.mean_variance.preparation import median_variance
from allocation.problem.constraints import Constraints


def by_factors(problem):
    rng = np.random.default_rng(3)
    n = len(problem.mu)
    sigma = FactorCovariance(rng.normal(size=(n, 2)) * 0.03, rng.uniform(0.01, 0.05, n) ** 2)
    return replace(problem, sigma=sigma)


@pytest.mark.parametrize("l2", [0.3, 1.0, 20.0])
@pytest.mark.parametrize(
    "limits",
    [
        Constraints(maximum=0.5),
        Constraints(cash_maximum=1.0),
        Constraints(turnover=0.3),
        Constraints(minimum=-0.3, leverage=1.4),
        Constraints(volatility=0.035, cash_maximum=1.0),
        Constraints(tracking_error=0.02, benchmark={f"a{i}": 1 / 6 for i in range(6)}),
    ],
    ids=["bounds", "cash", "turnover", "leverage", "volatility", "tracking error"],
)
@pytest.mark.parametrize(
    "change", [replace, lambda p, **k: by_factors(replace(p, **k))], ids=["dense", "factors"]
)
def test_the_answer_is_best_under_every_limit(l2, limits, change):
    for seed in range(3):
        problem = change(plain(6, seed), constraints=limits, l2=l2, cost=0.002)
        truth, answer = by_cones(problem), problem.solve()
        assert problem.breach(answer.weights) < 1e-6
        assert problem.objective(answer.weights) >= problem.objective(truth) - 1e-9 * problem.size(truth)


def test_a_large_penalty_leaves_equal_weights_and_none_is_plain_mean_variance():
    problem = plain(6, 1, constraints=Constraints())
    assert np.allclose(replace(problem, l2=1e6).solve().weights, 1 / 6, atol=1e-5)
    bare = MeanVariance(problem.assets, problem.constraints, risk_aversion=problem.gamma)
    expected = bare.solve(0, problem.mu, problem.sigma, problem.held, problem.inside)
    assert np.array_equal(problem.solve().weights, expected.weights)


def test_the_median_counts_assets_outside_the_universe_but_not_those_without_a_covariance():
    sigma = np.diag([1.0, 4.0, 9.0, np.nan])
    assert median_variance(sigma) == 4.0
    assert median_variance(np.diag([1.0, 4.0])) == 2.5
    assert np.isnan(median_variance(np.full((2, 2), np.nan)))
    factors = FactorCovariance(np.array([[1.0], [2.0]]), np.array([0.5, 0.5]))
    assert median_variance(factors) == np.median(np.diag(to_dense(factors)))


@pytest.mark.parametrize("l2", [-1.0, np.nan, np.inf])
def test_a_penalty_that_is_no_number_of_0_or_more_is_refused(l2):
    with pytest.raises(InputError, match="l2_penalty"):
        MeanVariance(("a", "b"), Constraints(), risk_aversion=5.0, l2_penalty=l2)
