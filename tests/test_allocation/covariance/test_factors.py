"""Factors from the data: their number, what they explain, and noise that is known to be noise."""

import numpy as np
import pytest
from test_covariance_estimators import returns

from allocation.covariance.factors import Denoised, StatisticalFactors, _eigenvalue_ratio, _marchenko_pastur
from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InputError


def factor_returns(n, assets, factors, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(factors, assets)) + (1.0 if factors else 0.0)
    return (rng.normal(size=(n, factors)) @ loadings + noise * rng.normal(size=(n, assets))) * 0.01


@pytest.mark.parametrize("factors", [0, 1, 3, 5])
@pytest.mark.parametrize(("n", "assets"), [(250, 60), (100, 150)])
def test_the_number_of_factors_is_found(factors, n, assets):
    found = [
        StatisticalFactors().estimate(factor_returns(n, assets, factors, seed)).loadings.shape[1]
        for seed in range(10)
    ]
    assert found.count(factors) >= 9


def test_the_ratio_is_where_the_paper_puts_it():
    # By hand: 20 / 2 is larger than 100 / 20, and than the mock eigenvalue's 167.9 / log(30) / 100.
    values = np.array([100.0, 20.0, 2.0, *np.full(27, 1.7)])
    assert _eigenvalue_ratio(values) == 2
    # A tenth of 30 at most, although the largest ratio is that of the sixth.
    values = np.concatenate([[100.0, 45, 25, 20, 15, 10], np.full(24, 0.01)])
    assert _eigenvalue_ratio(values) == 1
    # All alike: the mock eigenvalue is the largest of all.
    assert _eigenvalue_ratio(np.ones(30)) == 0
    assert _eigenvalue_ratio(np.ones(2)) == 0
    # Duplicates leave eigenvalues of nothing, which are no candidates and divide nothing.
    assert _eigenvalue_ratio(np.array([5.0, 1.0, 0.0, 0.0, 0.0])) == 1


def test_every_asset_keeps_its_variance_and_nothing_is_multiplied_out():
    x = factor_returns(120, 40, 2)
    risk = StatisticalFactors().estimate(x)
    assert isinstance(risk, FactorCovariance)
    assert risk.loadings.shape == (40, 2)
    np.testing.assert_allclose(risk.diagonal(), x.var(axis=0), rtol=1e-12)
    assert (risk.loadings.sum(axis=0) > 0).all()


def test_loadings_are_principal_components_of_standardised_returns():
    x = factor_returns(90, 12, 2)
    std = x.std(axis=0)
    _, s, right = np.linalg.svd((x - x.mean(axis=0)) / std / np.sqrt(90), full_matrices=False)
    common = (right[:3].T * s[:3] ** 2) @ right[:3] * np.outer(std, std)
    risk = StatisticalFactors(3).estimate(x)
    np.testing.assert_allclose(risk.loadings @ risk.loadings.T, common, rtol=1e-8, atol=1e-12)


def test_as_many_factors_as_assets_are_the_sample_and_more_are_not_made():
    x = returns(60, 5)
    for k in (5, 9):
        np.testing.assert_allclose(
            to_dense(StatisticalFactors(k).estimate(x)), np.cov(x.T, bias=True), rtol=1e-9
        )
    few = returns(8, 20)
    assert StatisticalFactors(20).estimate(few).loadings.shape[1] <= 8
    assert StatisticalFactors(0).estimate(x).loadings.shape == (5, 0)
    with pytest.raises(InputError, match="-1 factors"):
        StatisticalFactors(-1)


def test_it_loses_less_than_the_sample_where_there_are_factors():
    rng = np.random.default_rng(4)
    loadings = 1 + rng.normal(size=(100, 3))
    truth = loadings @ loadings.T + np.eye(100)
    root = np.linalg.cholesky(truth)
    lost = np.zeros(2)
    for _ in range(5):
        x = rng.normal(size=(60, 100)) @ root.T
        for k, sigma in enumerate((to_dense(StatisticalFactors().estimate(x)), np.cov(x.T, bias=True))):
            # The variance that the portfolio of smallest variance by `sigma` really has.
            w = np.linalg.solve(sigma + 1e-9 * np.eye(100), np.ones(100))
            lost[k] += w @ truth @ w / w.sum() ** 2
    assert lost[0] < 0.5 * lost[1]


def test_the_edge_is_that_of_marchenko_and_pastur():
    rng = np.random.default_rng(0)
    above = []
    for _ in range(20):
        x = rng.normal(size=(1000, 200))
        values = np.linalg.eigvalsh(np.corrcoef(x.T))
        above.append(_marchenko_pastur(values, 1000)[0])
    # Noise has its largest eigenvalue at the edge, a little above or below.
    assert np.mean(above) < 1
    assert (1 + np.sqrt(0.2)) ** 2 == pytest.approx(values[-1], rel=0.03)


def test_a_market_does_not_hide_smaller_factors():
    """Without the search for the variance that is left, the second eigenvalue is below the edge."""
    rng = np.random.default_rng(1)
    market = rng.normal(size=(500, 1)) * 2.0
    second = rng.normal(size=(500, 1)) @ np.concatenate([np.ones(50), -np.ones(50)])[None] * 0.22
    values = np.linalg.eigvalsh(np.corrcoef((market + second + rng.normal(size=(500, 100))).T))
    k, noise = _marchenko_pastur(values, 500)
    assert values[-2] < (1 + np.sqrt(100 / 500)) ** 2
    assert k == 2
    assert noise == pytest.approx(values[:-2].mean())


def denoised(x):
    """Write the method out in full matrices, with the edge sought by going through all counts."""
    n, p = x.shape
    std = x.std(axis=0)
    values, u = np.linalg.eigh(np.corrcoef(x.T))
    stretch = (1 + np.sqrt(p / n)) ** 2
    k = next(k for k in range(p) if (values > values[: p - k].mean() * stretch).sum() <= k)
    cleaned = np.where(np.arange(p) < p - k, values[: p - k].mean(), values)
    correlation = u @ np.diag(cleaned) @ u.T
    unit = np.sqrt(np.diag(correlation))
    return k, correlation / np.outer(unit, unit) * np.outer(std, std)


@pytest.mark.parametrize(("n", "assets", "factors"), [(250, 30, 3), (60, 90, 2), (40, 4, 0), (500, 100, 1)])
def test_denoising_equals_full_matrices(n, assets, factors):
    x = factor_returns(n, assets, factors, seed=6)
    k, expected = denoised(x)
    risk = Denoised().estimate(x)
    assert risk.loadings.shape == (assets, k)
    np.testing.assert_allclose(to_dense(risk), expected, rtol=1e-9, atol=1e-9 * expected.max())


def test_noise_is_denoised_to_no_correlation():
    x = np.random.default_rng(3).normal(size=(300, 60))
    risk = Denoised().estimate(x)
    correlations = to_dense(risk) / np.outer(x.std(axis=0), x.std(axis=0))
    off = np.abs(correlations - np.eye(60)).mean()
    assert off < 0.3 * np.abs(np.corrcoef(x.T) - np.eye(60)).mean()
    np.testing.assert_allclose(risk.diagonal(), x.var(axis=0), rtol=1e-12)
