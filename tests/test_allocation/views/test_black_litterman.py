"""The allocator: posterior in, weights out; forecasts are believed as far as they were right."""

import numpy as np
import pytest
from published_views import COUNTRIES, COVARIANCE, DELTA, MARKET

from allocation.covariance.path import CovariancePath
from allocation.covariance_types import FactorCovariance, to_dense
from allocation.decision_status import DecisionStatus
from allocation.errors import InputError
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.views.black_litterman import BlackLitterman, _market_at, equilibrium_path
from allocation.views.forecast_views import ForecastViews, forecast_views
from allocation.views.view import View
from allocation.weights import OptimalityCertificate, Weights

LOOSE = Constraints(minimum=-2.0, maximum=3.0, cash_minimum=-5.0, cash_maximum=5.0)
EVERYTHING = np.ones(7, dtype=bool)
GERMANY = View(long={"Germany": 1}, short={"France": 5.2, "UK": 12.4}, value=0.05)


def unlimited():
    return MeanVariance(COUNTRIES, LOOSE, risk_aversion=DELTA)


class Unread:
    """Keeps what it is asked, and holds nothing."""

    assets = COUNTRIES

    def solve(self, position, mu, sigma, held, universe, *, validate=True):
        self.mu, self.sigma = mu, sigma
        return Weights(position, np.zeros(len(mu)), 1.0, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0))


def test_the_weights_of_he_and_litterman_come_out_of_the_solver():
    allocator = BlackLitterman(unlimited(), risk_aversion=DELTA, market=MARKET, views=[GERMANY])
    weights = allocator.solve(0, np.full(7, np.nan), COVARIANCE, np.zeros(7), EVERYTHING).weights
    printed = [1.5, 2.1, -4.0, 35.4, 11.0, -9.5, 58.6]
    np.testing.assert_allclose(100 * weights, printed, atol=0.05)


def test_without_views_the_market_is_held():
    for covariance, scale in (("prior", 1.0), ("posterior", 1.05)):
        allocator = BlackLitterman(
            unlimited(), risk_aversion=DELTA, market=MARKET, covariance=covariance, tau=0.05
        )
        weights = allocator.solve(0, np.zeros(7), COVARIANCE, np.zeros(7), EVERYTHING).weights
        np.testing.assert_allclose(weights, MARKET / scale, atol=1e-6)


def test_views_with_variance_confidence_or_neither_and_forecasts_are_one_update():
    third = View(long={"Canada": 1}, short={"USA": 1}, value=0.03, variance=0.001)
    second = View(long={"Japan": 1}, value=0.02, confidence=0.8)
    q = np.full((1, 7), np.nan)
    q[0, :2] = [0.05, 0.06]
    forecasts = ForecastViews(np.array([0]), q, np.full((1, 7), 0.25))
    tau = 0.05
    for errors in ("independent", "like_returns"):
        allocator = BlackLitterman(
            Unread(), risk_aversion=DELTA, market=MARKET, views=[GERMANY, second, third],
            forecasts=forecasts, errors=errors, tau=tau,
        )  # fmt: skip
        allocator.solve(0, np.zeros(7), COVARIANCE, np.zeros(7), EVERYTHING)
        P = np.vstack([[v.pick(COUNTRIES) for v in (GERMANY, second, third)], np.eye(7)[:2]])
        variances = tau * np.array([p @ COVARIANCE @ p for p in P])
        omega = np.diag(variances * [1, 0.25, 0, 3, 3])
        omega[2, 2] = 0.001
        if errors == "like_returns":
            omega[3, 4] = omega[4, 3] = tau * 3 * COVARIANCE[0, 1]
        prior, W = np.linalg.inv(tau * COVARIANCE), np.linalg.inv(omega)
        doubt = np.linalg.inv(prior + P.T @ W @ P)
        pi = DELTA * COVARIANCE @ MARKET
        expected = doubt @ (prior @ pi + P.T @ W @ [0.05, 0.02, 0.03, 0.05, 0.06])
        np.testing.assert_allclose(allocator.inner.mu, expected, rtol=1e-9)
        np.testing.assert_allclose(allocator.inner.sigma, COVARIANCE + doubt, rtol=1e-9)


def test_assets_outside_the_universe_are_not_read_and_their_views_are_silent():
    universe = EVERYTHING & (np.array(COUNTRIES) != "UK")
    sigma = np.where(np.outer(universe, universe), COVARIANCE, np.nan)
    allocator = BlackLitterman(Unread(), risk_aversion=DELTA, market=MARKET, views=[GERMANY])
    allocator.solve(0, np.full(7, np.nan), sigma, np.zeros(7), universe)
    w = MARKET[universe] / MARKET[universe].sum()
    expected = DELTA * COVARIANCE[np.ix_(universe, universe)] @ w
    np.testing.assert_allclose(allocator.inner.mu[universe], expected, rtol=1e-13)
    assert np.isnan(allocator.inner.mu[~universe]).all()
    assert np.isfinite(allocator.inner.sigma[np.ix_(universe, universe)]).all()
    np.testing.assert_array_equal(_market_at(None, 0, universe), np.full(6, 1 / 6))


def test_factors_stay_factors_with_forecasts():
    rng = np.random.default_rng(0)
    sigma = FactorCovariance(rng.normal(size=(7, 2)) * 0.1, rng.uniform(0.01, 0.02, 7))
    forecasts = ForecastViews(np.array([3]), rng.normal(size=(1, 7)) * 0.01, np.full((1, 7), 0.4))
    universe = EVERYTHING.copy()
    universe[2] = False
    for errors in ("independent", "like_returns"):
        found = {}
        for form in (sigma, to_dense(sigma)):
            allocator = BlackLitterman(Unread(), risk_aversion=2.0, forecasts=forecasts, errors=errors)
            allocator.solve(3, np.zeros(7), form, np.zeros(7), universe)
            found[type(form)] = allocator.inner
        factors, full = found[FactorCovariance], found[np.ndarray]
        assert isinstance(factors.sigma, FactorCovariance)
        np.testing.assert_allclose(factors.mu, full.mu, rtol=1e-10)
        inside = np.ix_(universe, universe)
        np.testing.assert_allclose(to_dense(factors.sigma)[inside], full.sigma[inside], rtol=1e-10)


# Forecasts as views.


def by_hand(positions, q, y, pi, ends, prior_dates, columns):
    """Confidence of each date, a loop over what was known."""
    out = []
    for t in positions:
        gain = energy = dates = 0.0
        for s in range(len(positions)):
            if ends[s] > t:
                continue
            any_seen = False
            for i in columns:
                if np.isfinite(q[s, i]) and np.isfinite(y[s, i]) and np.isfinite(pi[s, i]):
                    gain += (y[s, i] - pi[s, i]) ** 2 - (y[s, i] - q[s, i]) ** 2
                    energy += (q[s, i] - pi[s, i]) ** 2
                    any_seen = True
            dates += any_seen
        c = gain / (energy + prior_dates * energy / dates) if energy > 0 else 0.0
        out.append(min(max(c, 0.0), 1.0))
    return np.array(out)


def record(seed, skill, n_dates=60, n=4):
    rng = np.random.default_rng(seed)
    pi = rng.normal(size=(n_dates, n)) * 0.01
    m = pi + rng.normal(size=(n_dates, n)) * 0.02
    q = pi + skill * (m - pi) + (1 - skill) * rng.normal(size=(n_dates, n)) * 0.02
    y = m + rng.normal(size=(n_dates, n)) * 0.03
    q[rng.random(q.shape) < 0.1] = np.nan
    y[rng.random(y.shape) < 0.1] = np.nan
    positions = np.arange(n_dates) * 3 + 5
    return positions, q, y, pi, positions + 7


@pytest.mark.parametrize("skill", [0.0, 0.5, 1.0])
def test_confidence_is_the_gain_of_what_was_known_by_then(skill):
    positions, q, y, pi, ends = record(0, skill)
    together = forecast_views(positions, q, y, pi, ends, prior_dates=4.0).confidence
    own = forecast_views(positions, q, y, pi, ends, prior_dates=4.0, by_asset=True).confidence
    np.testing.assert_allclose(together[:, 0], by_hand(positions, q, y, pi, ends, 4.0, range(4)), atol=1e-13)
    assert (together == together[:, :1]).all()
    for i in range(4):
        np.testing.assert_allclose(own[:, i], by_hand(positions, q, y, pi, ends, 4.0, [i]), atol=1e-13)
    assert (together[:3] == 0).all(), "nothing had ended"


def test_confidence_has_the_sign_of_the_out_of_sample_r2():
    signs = set()
    for seed in range(20):
        positions, q, y, pi, ends = record(seed, 0.3, n_dates=25)
        last = forecast_views(positions, q, y, pi, ends, prior_dates=0.0).confidence[-1, 0]
        known = (ends <= positions[-1])[:, None] & np.isfinite(q) & np.isfinite(y)
        r2 = 1 - ((y - q)[known] ** 2).sum() / ((y - pi)[known] ** 2).sum()
        assert (last > 0) == (r2 > 0)
        signs.add(r2 > 0)
    assert signs == {True, False}


def test_perfect_means_are_believed_and_noise_is_not():
    sure = forecast_views(*record(1, 1.0, n_dates=4000), prior_dates=0.0).confidence[-1, 0]
    noise = forecast_views(*record(1, 0.0, n_dates=4000), prior_dates=0.0).confidence[-1, 0]
    # Half signal, half noise of the same size: gain (2 x 0.5 - 0.5) over energy 0.5, both in units of var(m).
    half = forecast_views(*record(1, 0.5, n_dates=4000), prior_dates=0.0).confidence[-1, 0]
    assert sure == pytest.approx(1.0, abs=0.1)
    assert half == pytest.approx(1.0, abs=0.15)
    assert noise == 0


def test_relative_forecasts_are_judged_by_their_differences_alone():
    positions, q, y, pi, ends = record(2, 0.6)
    level = np.random.default_rng(0).normal(size=(len(q), 1))
    given = {"prior_dates": 2.0, "relative": True}
    found = forecast_views(positions, q, y, pi, ends, **given)
    moved = forecast_views(positions, q + level, y, pi, ends, **given)
    np.testing.assert_allclose(moved.confidence, found.confidence, atol=1e-12)
    np.testing.assert_allclose(moved.value, found.value, atol=1e-12)
    np.testing.assert_allclose(np.nanmean(found.value - pi, axis=1), 0, atol=1e-15)
    assert found.confidence[-1, 0] > 0.3
    as_it_is = forecast_views(positions, q + level, y, pi, ends, prior_dates=2.0)
    assert as_it_is.confidence[-1, 0] == 0


def test_without_skill_the_inner_allocator_sees_the_prior_to_the_bit():
    positions = np.arange(40) * 2
    rng = np.random.default_rng(0)
    y = rng.normal(size=(40, 7))
    q, pi = -y, np.zeros((40, 7))
    views = forecast_views(positions, q, y, pi, positions + 2, prior_dates=0.0)
    seen = {}
    for name, forecasts in (("with", views), ("without", None)):
        inner = Unread()
        BlackLitterman(inner, risk_aversion=DELTA, market=MARKET, forecasts=forecasts).solve(
            70, np.zeros(7), COVARIANCE, np.zeros(7), EVERYTHING
        )
        seen[name] = inner
    np.testing.assert_array_equal(seen["with"].mu, seen["without"].mu)
    np.testing.assert_array_equal(seen["with"].sigma, seen["without"].sigma)
    np.testing.assert_array_equal(seen["without"].mu, DELTA * (COVARIANCE @ (MARKET / MARKET.sum())))


def test_mistakes_are_named():
    path = CovariancePath(np.array([0]), COVARIANCE[None], EVERYTHING[None])
    with pytest.raises(InputError, match="market weights must be 0 or more"):
        equilibrium_path(path, -MARKET, DELTA)
    with pytest.raises(InputError, match=r"risk_aversion 0 and tau 0.05"):
        BlackLitterman(unlimited(), risk_aversion=0.0)
    with pytest.raises(InputError, match="names 'Mars'"):
        BlackLitterman(unlimited(), risk_aversion=1.0, views=[View(long={"Mars": 1}, value=0.1)])
    views = ForecastViews(np.array([4]), np.zeros((1, 7)), np.zeros((1, 7)))
    with pytest.raises(InputError, match="row 5: there is no forecast to make a view of"):
        BlackLitterman(unlimited(), risk_aversion=1.0, forecasts=views).solve(
            5, np.zeros(7), COVARIANCE, np.zeros(7), EVERYTHING
        )
    a = np.zeros((3, 2))
    with pytest.raises(InputError, match="cannot be known when its forecast is made"):
        forecast_views(np.arange(3), a, a, a, np.arange(3), prior_dates=1.0)
    with pytest.raises(InputError, match=r"realised has shape \(2, 2\), expected \(3, 2\)"):
        forecast_views(np.arange(3), a, a[:2], a, np.arange(1, 4), prior_dates=1.0)
