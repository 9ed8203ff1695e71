"""Linear shrinkage against scikit-learn, and against the papers' formulas written out."""

import numpy as np
import pytest
from sklearn.covariance import OAS
from sklearn.covariance import LedoitWolf as SkLedoitWolf
from test_covariance_estimators import returns

from allocation.covariance.shrinkage import ConstantCorrelation, LedoitWolf, Oas

SIZES = pytest.mark.parametrize(("n", "assets"), [(3, 5), (20, 50), (500, 5), (120, 12), (40, 1), (40, 40)])


@SIZES
def test_ledoit_wolf_is_that_of_scikit_learn(n, assets):
    x = returns(n, assets)
    np.testing.assert_allclose(
        LedoitWolf().estimate(x), SkLedoitWolf().fit(x).covariance_, rtol=1e-11, atol=1e-19
    )


@SIZES
def test_oas_is_that_of_scikit_learn(n, assets):
    x = returns(n, assets)
    np.testing.assert_allclose(Oas().estimate(x), OAS().fit(x).covariance_, rtol=1e-11, atol=1e-19)


def constant_correlation(y):
    """Write out appendices A and B of Ledoit and Wolf (2004), with one loop for each sum."""
    T, N = y.shape
    y = y - y.mean(axis=0)
    s = y.T @ y / T
    r = (
        sum(s[i, j] / np.sqrt(s[i, i] * s[j, j]) for i in range(N) for j in range(i + 1, N))
        * 2
        / (N * (N - 1))
    )
    f = np.array(
        [[s[i, i] if i == j else r * np.sqrt(s[i, i] * s[j, j]) for j in range(N)] for i in range(N)]
    )
    pi = np.array([[np.mean((y[:, i] * y[:, j] - s[i, j]) ** 2) for j in range(N)] for i in range(N)])

    def theta(k, i, j):
        return np.mean((y[:, k] ** 2 - s[k, k]) * (y[:, i] * y[:, j] - s[i, j]))

    rho = np.trace(pi)
    for i in range(N):
        for j in range(N):
            if i != j:
                rho += r / 2 * np.sqrt(s[j, j] / s[i, i]) * theta(i, i, j)
                rho += r / 2 * np.sqrt(s[i, i] / s[j, j]) * theta(j, i, j)
    kappa = (pi.sum() - rho) / ((f - s) ** 2).sum()
    delta = max(0.0, min(kappa / T, 1.0))
    return delta, delta * f + (1 - delta) * s


@pytest.mark.parametrize(("n", "assets"), [(30, 6), (200, 8), (10, 15), (1000, 3)])
def test_constant_correlation_is_the_papers(n, assets):
    x = returns(n, assets)
    delta, expected = constant_correlation(x)
    assert n == 10 or 0 < delta < 1, "an intensity that is a bound would hide a mistake"
    np.testing.assert_allclose(ConstantCorrelation().estimate(x), expected, rtol=1e-10)


def test_constant_correlation_is_not_moved_by_an_asset_that_does_not_move():
    x = returns(60, 6)
    still = np.insert(x, 3, 0.0, axis=1)
    sigma = ConstantCorrelation().estimate(still)
    others = np.delete(np.arange(7), 3)
    np.testing.assert_array_equal(sigma[3], 0.0)
    np.testing.assert_allclose(sigma[np.ix_(others, others)], ConstantCorrelation().estimate(x), rtol=1e-10)


def frobenius_losses(truth, n, estimators, repeats=30, seed=0):
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(truth)
    losses = dict.fromkeys(estimators, 0.0)
    for _ in range(repeats):
        x = rng.normal(size=(n, len(truth))) @ root.T
        for name, estimator in estimators.items():
            losses[name] += float(np.square(estimator.estimate(x) - truth).sum()) / repeats
    return losses


def test_one_correlation_is_the_better_target_where_it_is_true():
    truth = 0.5 * np.ones((20, 20)) + 0.5 * np.eye(20)
    losses = frobenius_losses(truth, 40, {"constant": ConstantCorrelation(), "identity": LedoitWolf()})
    assert losses["constant"] < 0.9 * losses["identity"]
