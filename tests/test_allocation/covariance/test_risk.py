"""Covariances: scikit-learn's without holes, sensible with them, and never of the future."""

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from test_covariance_estimators import estimators, every, panel

from allocation.covariance.estimator import MomentEstimator
from allocation.covariance.factors import StatisticalFactors
from allocation.covariance.moments import FLOOR
from allocation.covariance.nonlinear import NonlinearShrinkage
from allocation.covariance.path_estimation import covariance_path, eligible_assets
from allocation.covariance.shrinkage import LedoitWolf as Ours
from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InputError


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


@every
def test_a_path_is_the_estimates_of_its_windows_one_by_one(name):
    """With shared sums or alone, all assets or some, and at the first rows, where windows are short."""
    x, positions = panel(), np.arange(13, 300, 3)
    estimator = estimators(300)[name]
    path = covariance_path(x, positions, window=61, min_history=14, horizon=21, estimator=estimator)
    assert isinstance(path.sigma, tuple) == estimator.by_factors
    np.testing.assert_array_equal(path.eligible, eligible_assets(x, positions, window=61, min_history=14))
    for d, position in enumerate(positions):
        rows = slice(max(0, position - 60), position + 1)
        window = x[rows]
        eligible = np.isfinite(window[-1]) & (np.isfinite(window).sum(axis=0) >= 14)
        np.testing.assert_array_equal(path.eligible[d], eligible)
        result = to_dense(path.at(position)[0])
        assert np.isnan(result[~eligible]).all()
        assert np.isnan(result[:, ~eligible]).all()
        if eligible.any():
            alone = 21 * to_dense(estimator.select_rows(rows).estimate(window[:, eligible]))
            std = np.sqrt(np.diag(alone))
            gap = np.abs(result[np.ix_(eligible, eligible)] - alone) / np.outer(std, std)
            assert gap.max() < 1e-10


def test_a_path_of_factors_stays_one():
    x = panel()
    path = covariance_path(
        x, np.array([3, 150, 299]), window=60, min_history=20, horizon=4, estimator=StatisticalFactors(2)
    )
    nobody, some, later = path.sigma
    assert nobody.loadings.shape == (12, 0)
    assert np.isnan(nobody.specific).all()
    sigma, eligible = path.at(150)
    assert isinstance(sigma, FactorCovariance)
    assert sigma is some
    assert sigma.loadings.shape == (12, 2)
    np.testing.assert_array_equal(np.isfinite(sigma.specific), eligible)
    np.testing.assert_allclose(later.diagonal()[0], 4 * x[240:300, 0].var(), rtol=1e-10)


def test_a_window_that_an_estimator_cannot_use_is_named():
    with pytest.raises(InputError, match="covariance at row 7: nonlinear shrinkage needs 13 rows, got 8"):
        covariance_path(
            returns(50), np.array([7]), window=40, min_history=5, horizon=1, estimator=NonlinearShrinkage()
        )


class Guessing(MomentEstimator):
    """An estimator of somebody who did not think of definiteness: correlations of 0.9 less than nothing."""

    def from_moments(self, moments):
        sigma = np.full(moments.sample.shape, -0.9)
        np.fill_diagonal(sigma, 1.0)
        return sigma


@pytest.mark.parametrize("late", [False, True], ids=["windows together", "one by one"])
def test_what_is_no_covariance_is_refused_where_it_is_made(late):
    excess = returns(60)
    if late:
        excess[:25, 0] = np.nan
    given = {"window": 20, "min_history": 5, "horizon": 1}
    with pytest.raises(InputError, match=r"covariance at row 30: Guessing: .* not positive semidefinite"):
        covariance_path(excess, np.array([30, 40]), estimator=Guessing(), **given)


@every
def test_estimators_of_the_house_say_that_they_are_sound_and_are_not_checked(name, monkeypatch):
    assert estimators(300)[name].semidefinite
    monkeypatch.setattr("allocation.covariance.path_estimation.describe_fault", lambda *_: "looked at")
    covariance_path(
        panel(), np.array([100]), window=61, min_history=14, horizon=1, estimator=estimators(300)[name]
    )
