"""Covariances: scikit-learn's without holes, sensible with them, and never of the future."""

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from allocation.errors import InputError
from allocation.moments import FLOOR
from allocation.risk import covariance_path
from allocation.shrinkage import LedoitWolf as Ours


def returns(n, assets=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)) @ rng.normal(size=(2, assets)) * 0.02 + rng.normal(size=(n, assets)) * 0.01


@pytest.mark.parametrize(("n", "assets"), [(2, 3), (3, 5), (20, 50), (500, 5), (120, 12), (40, 1)])
def test_equals_scikit_learn_without_holes(n, assets):
    x = returns(n, assets)
    ours = Ours().estimate(x)
    np.testing.assert_allclose(ours, LedoitWolf().fit(x).covariance_, rtol=1e-12, atol=1e-20)
    np.testing.assert_array_equal(ours, ours.T)


def test_with_holes_it_is_close_to_the_truth_and_positive_definite():
    whole = returns(4000)
    holes = whole.copy()
    rng = np.random.default_rng(1)
    holes[rng.random(holes.shape) < 0.2] = np.nan
    holes[:1500, 0] = np.nan
    ours, truth = Ours().estimate(holes), LedoitWolf().fit(whole).covariance_
    np.testing.assert_array_equal(ours, ours.T)
    np.testing.assert_allclose(ours, truth, atol=0.1 * truth.max())
    assert np.linalg.eigvalsh(ours)[0] > 0


def test_a_patchwork_of_few_rows_is_lifted_to_positive_definite():
    rng = np.random.default_rng(0)
    for seed in range(50):
        patchy = returns(8, assets=6, seed=seed)
        patchy[rng.random(patchy.shape) < 0.4] = np.nan
        sigma = Ours().estimate(patchy)
        assert np.linalg.eigvalsh(sigma)[0] >= 0.9 * FLOOR * np.trace(sigma) / 6


def test_eligible_assets_are_listed_and_have_a_past():
    excess = returns(100)
    excess[:60, 1] = np.nan  # lists late
    excess[80:, 2] = np.nan  # dies
    path = covariance_path(excess, np.array([50, 79, 99]), window=50, min_history=30, horizon=1)
    assert path.eligible.tolist() == [
        [True, False, True, True, True],
        [True, False, True, True, True],
        [True, True, False, True, True],
    ]
    sigma, eligible = path.at(99)
    assert np.isnan(sigma[2]).all()
    assert np.isfinite(sigma[np.ix_(eligible, eligible)]).all()
    with pytest.raises(InputError, match="no covariance was estimated at row 98"):
        path.at(98)
    with pytest.raises(InputError, match="row 500"):
        path.at(500)


def test_the_window_ends_at_the_decision_and_the_horizon_scales():
    excess = returns(100)
    one = covariance_path(excess, np.array([60]), window=40, min_history=10, horizon=1).sigma[0]
    np.testing.assert_allclose(one, LedoitWolf().fit(excess[21:61]).covariance_, rtol=1e-12)
    ten = covariance_path(excess, np.array([60]), window=40, min_history=10, horizon=10).sigma[0]
    np.testing.assert_allclose(ten, 10 * one)
    changed = excess.copy()
    changed[61:] = 9.0
    np.testing.assert_array_equal(
        covariance_path(changed, np.array([60]), window=40, min_history=10, horizon=1).sigma[0], one
    )


def test_nobody_is_eligible_on_the_first_rows():
    path = covariance_path(returns(50), np.array([3]), window=40, min_history=10, horizon=1)
    assert not path.eligible.any()
    assert np.isnan(path.sigma).all()
