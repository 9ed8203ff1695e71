"""The transfer coefficient is 1 where nothing is lost, and says what limits cost."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.linalg import sqrtm

from benchmarks.skill.measures import information_ratio, measure_gain, transfer_coefficient
from validation.portfolios.certainty_equivalent import certainty_equivalent_gain

N, GAMMA = 8, 5.0


@pytest.fixture
def market():
    rng = np.random.default_rng(3)
    loadings = rng.normal(size=(N, 3))
    sigma = (loadings @ loadings.T + np.diag(rng.uniform(0.2, 2, N))) * 1e-3
    return sigma, rng.normal(size=N) * 0.01, rng.normal(size=N) * 0.01


def _mean_variance(mu, sigma, fully_invested):
    ones = np.ones(len(mu))
    inverse = np.linalg.inv(sigma)
    if not fully_invested:
        return inverse @ mu / GAMMA
    price = (ones @ inverse @ mu - GAMMA) / (ones @ inverse @ ones)
    return inverse @ (mu - price) / GAMMA


@pytest.mark.parametrize("fully_invested", [False, True])
def test_the_unlimited_mean_variance_portfolio_transfers_all(market, fully_invested):
    sigma, before, alpha = market
    active = _mean_variance(before + alpha, sigma, fully_invested) - _mean_variance(
        before, sigma, fully_invested
    )
    assert transfer_coefficient(active, alpha, sigma, fully_invested) == pytest.approx(1)
    assert transfer_coefficient(-0.1 * active, alpha, sigma, fully_invested) == pytest.approx(-1)


def test_it_is_the_correlation_of_scaled_weights_and_scaled_forecasts(market):
    sigma, _, alpha = market
    active = np.random.default_rng(4).normal(size=N)
    root = np.real(sqrtm(sigma))
    x, y = root @ active, np.linalg.solve(root, alpha)
    expected = x @ y / np.sqrt(x @ x * (y @ y))
    assert transfer_coefficient(active, alpha, sigma, False) == pytest.approx(expected)


def test_it_is_the_share_of_the_attainable_expected_information_ratio(market):
    sigma, _, alpha = market
    active = np.random.default_rng(4).normal(size=N)
    active -= active.mean()
    best = _mean_variance(alpha, sigma, True) - _mean_variance(0 * alpha, sigma, True)

    def expected_ratio(w):
        return w @ alpha / np.sqrt(w @ sigma @ w)

    found = transfer_coefficient(active, alpha, sigma, True)
    assert found == pytest.approx(expected_ratio(active) / expected_ratio(best))


def test_without_a_forecast_there_is_none_and_without_active_weights_it_is_0(market):
    sigma, _, alpha = market
    assert np.isnan(transfer_coefficient(np.ones(N), 0 * alpha, sigma, False))
    assert np.isnan(transfer_coefficient(np.ones(N), np.full(N, 0.01), sigma, True)), "no difference"
    assert transfer_coefficient(0 * alpha, alpha, sigma, True) == 0


def _portfolio(net):
    return SimpleNamespace(net=net, cash_return=np.full(len(net), 0.002))


def test_the_gain_of_each_date_adds_up_to_the_gain_of_the_run():
    rng = np.random.default_rng(6)
    a, b = rng.normal(0.01, 0.04, (2, 240))
    found = measure_gain(_portfolio(a), _portfolio(b), GAMMA, 12)
    expected = certainty_equivalent_gain(a - 0.002, b - 0.002, GAMMA)
    assert found.gain == pytest.approx(12 * expected.gain) == pytest.approx(12 * found.influence.mean())
    assert found.t == pytest.approx(expected.gain / expected.stderr)
    ratio = information_ratio(_portfolio(a), _portfolio(b), 12)
    assert ratio == pytest.approx((a - b).mean() / (a - b).std(ddof=1) * np.sqrt(12))


def test_the_rounding_of_a_solver_is_no_gain():
    rng = np.random.default_rng(6)
    a = rng.normal(0.01, 0.04, 240)
    near = _portfolio(a + 1e-10 * rng.random(240))
    found = measure_gain(near, _portfolio(a), GAMMA, 12)
    assert found.gain == 0
    assert np.isnan(found.t)
    assert not found.influence.any()
    assert np.isnan(information_ratio(near, _portfolio(a), 12))
