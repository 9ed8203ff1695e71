"""Alpha, beta, tracking error and information ratio against statsmodels, literal numbers and closed forms."""

import numpy as np
import pytest
import statsmodels.api as sm

from backtest.benchmark import measure_against
from validation.forecasts.scores import hac_lags, small_sample


def series(seed, n=300, beta=0.7, alpha=0.002):
    rng = np.random.default_rng(seed)
    benchmark = rng.normal(0.005, 0.04, n)
    noise = np.convolve(rng.normal(0, 0.02, n + 2), [1, 0.6, 0.3], mode="valid")
    return alpha + beta * benchmark + noise, benchmark


@pytest.mark.parametrize("seed", range(4))
def test_alpha_and_beta_are_those_of_statsmodels(seed):
    excess, benchmark = series(seed)
    n = len(excess)
    lags = hac_lags(n, 0)
    fit = sm.OLS(excess, sm.add_constant(benchmark)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "kernel": "bartlett", "use_correction": False}
    )
    error = fit.bse / np.sqrt(small_sample(n, lags)[0])
    found = measure_against(excess, benchmark, 12)
    assert found["alpha"] == pytest.approx(12 * fit.params[0], rel=1e-10)
    assert found["beta"] == pytest.approx(fit.params[1], rel=1e-10)
    assert found["alpha_stderr"] == pytest.approx(12 * error[0], rel=1e-10)
    assert found["beta_stderr"] == pytest.approx(error[1], rel=1e-10)
    assert found["alpha_t"] == pytest.approx(fit.params[0] / error[0], rel=1e-10)
    assert found["r2"] == pytest.approx(fit.rsquared, rel=1e-10)
    assert found["residual_volatility"] == pytest.approx(np.sqrt(12 * fit.mse_resid), rel=1e-10)
    assert found["appraisal_ratio"] == pytest.approx(
        np.sqrt(12) * fit.params[0] / np.sqrt(fit.mse_resid), rel=1e-10
    )


def test_literal_numbers():
    found = measure_against(np.array([0.03, -0.01, 0.02, 0.04]), np.array([0.02, -0.02, 0.03, 0.01]), 4)
    active = [0.01, 0.01, -0.01, 0.03]
    assert found["active_return"] == pytest.approx(4 * 0.01)
    assert found["tracking_error"] == pytest.approx(2 * np.sqrt(0.0008 / 3))
    assert found["information_ratio"] == pytest.approx(2 * np.mean(active) / np.std(active, ddof=1))
    # cov = sum((x - 0.01)(y - 0.02)) / sum((x - 0.01)^2)
    assert found["beta"] == pytest.approx((0.01 * 0.01 + 0.03 * 0.03 + 0) / (0.0001 + 0.0009 + 0.0004))
    assert found["alpha"] == pytest.approx(4 * (0.02 - found["beta"] * 0.01))


def test_a_portfolio_twice_as_large_has_twice_alpha_and_beta():
    excess, benchmark = series(9)
    once, twice = measure_against(excess, benchmark, 252), measure_against(2 * excess, benchmark, 252)
    for key in ("alpha", "alpha_stderr", "beta", "beta_stderr", "residual_volatility"):
        assert twice[key] == pytest.approx(2 * once[key])
    for key in ("alpha_t", "alpha_p", "r2", "appraisal_ratio"):
        assert twice[key] == pytest.approx(once[key])


def test_a_portfolio_that_is_its_benchmark_has_no_ratio():
    _, benchmark = series(1)
    found = measure_against(benchmark, benchmark, 12)
    assert found["beta"] == pytest.approx(1)
    assert found["alpha"] == pytest.approx(0, abs=1e-15)
    assert found["tracking_error"] == 0
    assert found["active_return"] == 0
    for key in ("alpha_t", "alpha_p", "information_ratio", "appraisal_ratio", "active_return_t"):
        assert np.isnan(found[key]), key


def test_a_leveraged_benchmark_has_no_alpha_to_test():
    _, benchmark = series(2)
    found = measure_against(1.5 * benchmark, benchmark, 12)
    assert found["beta"] == pytest.approx(1.5)
    assert found["r2"] == pytest.approx(1)
    assert np.isnan(found["alpha_t"])
    assert np.isnan(found["appraisal_ratio"])
    assert found["information_ratio"] == pytest.approx(np.sqrt(12) * benchmark.mean() / benchmark.std(ddof=1))


def test_a_benchmark_that_never_varies_has_no_beta():
    excess, _ = series(3)
    found = measure_against(excess, np.zeros_like(excess), 12)
    for key in ("alpha", "beta", "r2", "residual_volatility", "appraisal_ratio", "alpha_t", "alpha_p"):
        assert np.isnan(found[key]), key
    assert found["tracking_error"] == pytest.approx(np.sqrt(12) * excess.std(ddof=1))


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_returns_give_nan_and_no_error(n):
    excess, benchmark = series(4, n=max(n, 1))
    found = measure_against(excess[:n], benchmark[:n], 12)
    assert all(np.isnan(found[key]) for key in ("alpha_t", "alpha_p", "beta"))


def test_the_t_of_alpha_rejects_a_true_null_about_as_often_as_it_says():
    """1,000 samples of 240 months with autocorrelated noise: 5 % at 5 %, with a binomial error of 0.7 points."""
    rejected = [measure_against(*series(seed, n=240, alpha=0.0), 12)["alpha_p"] < 0.05 for seed in range(400)]
    assert 0.02 <= np.mean(rejected) <= 0.09
