"""Sharpe ratios against the papers' worked examples, the bootstrap, statsmodels and simulation."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import signal, stats

from validation.forecasts.scores import hac_lags, small_sample
from validation.portfolios.sharpe import (
    _expected_maximum_sharpe,
    deflated_sharpe,
    estimate_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe,
    sharpe_influence,
    sharpe_ratio,
    sharpe_stderr,
)


def test_stderr_is_that_of_lo_for_normal_returns():
    x = np.random.default_rng(0).normal(0.1, 1, 60_000)
    result = estimate_sharpe(x)
    assert result.stderr_normal == pytest.approx(np.sqrt((1 + result.ratio**2 / 2) / len(x)))
    assert result.stderr_mertens == pytest.approx(result.stderr_normal, rel=0.01)
    assert result.stderr_hac == pytest.approx(result.stderr_normal, rel=0.1)
    assert (result.skewness, result.kurtosis) == (pytest.approx(0, abs=0.02), pytest.approx(3, abs=0.05))


def test_stderr_of_skewed_returns_is_that_of_the_bootstrap():
    rng = np.random.default_rng(1)
    x = 0.6 - rng.lognormal(-1, 0.6, 600)
    draws = rng.choice(x, size=(4000, len(x)))
    spread = (draws.mean(axis=1) / draws.std(axis=1, ddof=1)).std()
    assert stats.skew(x) < -1
    assert sharpe_stderr(x) == pytest.approx(spread, rel=0.1)
    assert estimate_sharpe(x).stderr_normal < 0.9 * spread


def test_mertens_is_the_delta_method_without_lags():
    x = np.random.default_rng(2).standard_t(5, 300) + 0.3
    influence = sharpe_influence(x)
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    assert sharpe_stderr(x) == pytest.approx(influence.std() / np.sqrt(300), rel=0.005)


def test_hac_stderr_equals_that_of_a_regression_of_the_moments():
    """Delta method of Lo (2002) on mean and variance, their covariance from statsmodels."""
    x = signal.lfilter([1.0], [1.0, -0.4], np.random.default_rng(3).normal(0.1, 1, 400))
    lags, n = hac_lags(400, 0), 400
    moments = np.column_stack([x, (x - x.mean()) ** 2])
    sigma = x.std()
    gradient = np.array([1 / sigma, -x.mean() / (2 * sigma**3)])
    peer = sm.OLS(moments @ gradient, np.ones(n)).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    assert estimate_sharpe(x).stderr_hac == pytest.approx(peer.bse[0] / np.sqrt(small_sample(n, lags)[0]))


def test_hac_stderr_is_right_where_independence_flatters():
    """Positive autocorrelation: the spread of the ratio over samples is that told by HAC, not by Mertens."""
    noise = np.random.default_rng(4).normal(size=(400, 700))
    samples = 0.1 + signal.lfilter([1.0], [1.0, -0.3], noise, axis=1)[:, 100:]
    result = [estimate_sharpe(x) for x in samples]
    spread = np.std([e.ratio for e in result])
    assert np.mean([e.stderr_hac for e in result]) == pytest.approx(spread, rel=0.1)
    assert np.mean([e.stderr_mertens for e in result]) < 0.8 * spread


def test_deflated_sharpe_of_the_worked_example():
    """Bailey and López de Prado (2014): 100 trials with variance 1/2, five years of 250 days, ratio 2.5 a year."""
    year = 250
    lucky = _expected_maximum_sharpe(100, 0.5 / year)
    assert lucky == pytest.approx(0.1132, abs=5e-5)
    result = deflated_sharpe(2.5 / math.sqrt(year), 1250, 100, 0.5 / year, skewness=-3, kurtosis=10)
    assert result == pytest.approx(0.9004, abs=5e-5)
    # The paper goes on: 46 trials would leave 95 %, and so would 88 if returns were normal.
    assert deflated_sharpe(2.5 / math.sqrt(year), 1250, 46, 0.5 / year, -3, 10) == pytest.approx(
        0.95, abs=2e-3
    )
    assert deflated_sharpe(2.5 / math.sqrt(year), 1250, 88, 0.5 / year) == pytest.approx(0.95, abs=2e-3)


def test_expected_maximum_is_that_of_simulation():
    rng = np.random.default_rng(5)
    for n in (10, 100, 1000):
        drawn = rng.normal(0, 2, size=(4000, n)).max(axis=1).mean()
        assert _expected_maximum_sharpe(n, 4.0) == pytest.approx(drawn, rel=0.02)
    assert _expected_maximum_sharpe(1, 4.0) == 0
    assert _expected_maximum_sharpe(10, 0.0) == 0
    assert math.isnan(_expected_maximum_sharpe(0, 1.0))


@pytest.mark.parametrize(
    ("per_year", "skewness", "kurtosis", "years"),
    [(252, 0, 3, 2.73), (52, 0, 3, 2.83), (12, 0, 3, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_minimum_track_record_length_of_the_paper(per_year, skewness, kurtosis, years):
    """Bailey and López de Prado (2012): 2 a year to be above 1 with 95 %, from days, weeks, months, hedge funds."""
    root = math.sqrt(per_year)
    n = minimum_track_record_length(2 / root, 1 / root, skewness, kurtosis)
    assert n / per_year == pytest.approx(years, abs=0.005)
    assert probabilistic_sharpe(2 / root, 1 / root, n, skewness, kurtosis) == pytest.approx(0.95)


def test_probabilistic_sharpe_is_uniform_if_the_benchmark_is_the_truth():
    x = np.random.default_rng(6).gamma(4, size=(800, 500)) - 3.6  # skewness 1
    truth = 0.4 / 2
    p = []
    for row in x:
        e = estimate_sharpe(row)
        p.append(probabilistic_sharpe(e.ratio, truth, e.n, e.skewness, e.kurtosis))
        hac = probabilistic_sharpe(e.ratio, truth, e.n, stderr=e.stderr_hac)
        assert hac == pytest.approx(stats.norm.cdf((e.ratio - truth) / e.stderr_hac))
    assert stats.kstest(p, "uniform").pvalue > 0.01


@pytest.mark.parametrize("x", [[], [0.1], [0.02] * 10, [1e8] * 5])
def test_what_does_not_exist_is_nan(x):
    x = np.array(x)
    assert math.isnan(sharpe_ratio(x))
    assert math.isnan(sharpe_stderr(x))
    assert math.isnan(estimate_sharpe(x).stderr_hac)


def test_undefined_probabilities_are_nan():
    assert math.isnan(probabilistic_sharpe(0.1, 0, 1))
    assert math.isnan(probabilistic_sharpe(math.nan, 0, 100))
    assert math.isnan(deflated_sharpe(0.1, 100, 0, 0.1))
    assert math.isnan(deflated_sharpe(0.1, 100, 10, math.nan))
    assert minimum_track_record_length(0.1, 0.2) == math.inf
    assert math.isnan(minimum_track_record_length(math.nan))
