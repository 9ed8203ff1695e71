"""Black-Litterman: the published tables, the textbook formulae, and the two forms of a covariance."""

import numpy as np
import pytest
from published_views import (
    CLASS_COVARIANCE,
    CLASS_IMPLIED,
    CLASS_MARKET,
    CLASS_PREMIUM,
    CLASS_TAU,
    CLASSES,
    COUNTRIES,
    COVARIANCE,
    DELTA,
    EQUILIBRIUM,
    MARKET,
    TAU,
)
from scipy.optimize import minimize_scalar

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InputError
from allocation.views.posterior import (
    combine_views,
    implied_returns,
    implied_risk_aversion,
    omega_of_confidence,
    view_variance,
)
from allocation.views.view import View

GERMANY = View(long={"Germany": 1}, short={"France": 5.2, "UK": 12.4}, value=0.05)
CANADA = View(long={"Canada": 1}, short={"USA": 1}, value=0.03)
MORE_CANADA = View(long={"Canada": 1}, short={"USA": 1}, value=0.04)
JAPAN = View(long={"Canada": 1}, short={"Japan": 1}, value=0.0412)

# Tables 4 to 8: views, by how much each Omega is multiplied, mean, weights w*, w* less the market's, omega / tau,
# lambda as printed in tables 5 to 8.
HE_LITTERMAN = {
    "table 4": (
        [GERMANY], [1],
        [4.3, 7.6, 9.3, 11.0, 4.5, 7.0, 8.1], [1.5, 2.1, -4.0, 35.4, 11.0, -9.5, 58.6],
        [0.0, 0.0, -8.9, 30.2, 0.0, -21.3, 0.0], [0.021], None,
    ),
    "table 5": (
        [GERMANY, CANADA], [1, 1],
        [4.4, 8.7, 9.5, 11.2, 4.6, 7.0, 7.5], [1.5, 41.9, -3.4, 33.6, 11.0, -8.2, 18.8],
        [0.0, 39.8, -8.4, 28.4, 0.0, -20.0, -39.8], [0.021, 0.017], [0.298, 0.418],
    ),
    "table 6": (
        [GERMANY, MORE_CANADA], [1, 1],
        [4.4, 9.1, 9.5, 11.3, 4.6, 7.0, 7.3], [1.5, 53.3, -3.3, 33.1, 11.0, -7.8, 7.3],
        [0.0, 51.3, -8.2, 27.8, 0.0, -19.6, -51.3], [0.021, 0.017], [0.292, 0.538],
    ),
    "table 7": (
        [GERMANY, MORE_CANADA], [2, 1],
        [4.3, 8.9, 9.3, 10.6, 4.6, 6.9, 7.2], [1.5, 53.9, -0.5, 23.6, 11.0, -1.1, 6.8],
        [0.0, 51.8, -5.4, 18.4, 0.0, -13.0, -51.8], [0.043, 0.017], [0.193, 0.544],
    ),
}  # fmt: skip


def he_litterman(table):
    views, factor, *printed = HE_LITTERMAN[table]
    pi = implied_returns(COVARIANCE, MARKET, DELTA)
    P, q = np.array([view.pick(COUNTRIES) for view in views]), np.array([view.value for view in views])
    omega = TAU * view_variance(COVARIANCE, P) * factor
    return pi, P, q, omega, printed


def test_equilibrium_of_he_and_litterman_table_2():
    np.testing.assert_allclose(implied_returns(COVARIANCE, MARKET, DELTA), EQUILIBRIUM, atol=0.0005)


@pytest.mark.parametrize("table", HE_LITTERMAN)
def test_he_and_litterman_tables_4_to_7(table):
    pi, P, q, omega, (mean, weights, tilt, variance, loading) = he_litterman(table)
    found = combine_views(pi, COVARIANCE, P, q, omega, tau=TAU)
    # Half a unit of the last printed digit; what the printed inputs have lost moves the mean by up to 0.0005 points.
    np.testing.assert_allclose(100 * found.mean, mean, atol=0.05 + 0.0005)
    w = np.linalg.solve(DELTA * to_dense(found.sigma), found.mean)
    np.testing.assert_allclose(100 * w, weights, atol=0.05)
    np.testing.assert_allclose(100 * (w - MARKET / (1 + TAU)), tilt, atol=0.05)
    np.testing.assert_allclose(omega / TAU, variance, atol=0.0005)
    # Property 3.1 of the paper: the tilt is a combination of the views' portfolios, with loadings lambda / (1 + tau).
    solved, *_ = np.linalg.lstsq(P.T, w - MARKET / (1 + TAU), rcond=None)
    np.testing.assert_allclose(P.T @ solved, w - MARKET / (1 + TAU), atol=1e-12)
    if loading is not None:
        np.testing.assert_allclose((1 + TAU) * solved, loading, atol=0.0005)


def test_a_view_that_is_already_expected_changes_nothing_but_the_doubt_he_and_litterman_table_8():
    _, P, q, omega, (mean, weights, *_) = he_litterman("table 7")
    pi = implied_returns(COVARIANCE, MARKET, DELTA)
    third = JAPAN.pick(COUNTRIES)
    P3 = np.vstack([P, third])
    omega3 = np.append(omega, TAU * view_variance(COVARIANCE, third[None]))
    assert omega3[2] / TAU == pytest.approx(0.059, abs=0.0005)
    found = combine_views(pi, COVARIANCE, P3, np.append(q, JAPAN.value), omega3, tau=TAU)
    w = np.linalg.solve(DELTA * to_dense(found.sigma), found.mean)
    np.testing.assert_allclose(100 * w, weights, atol=0.05)
    np.testing.assert_allclose(100 * found.mean, mean, atol=0.1)
    solved, *_ = np.linalg.lstsq(P3.T, w - MARKET / (1 + TAU), rcond=None)
    np.testing.assert_allclose((1 + TAU) * solved, [0.193, 0.544, 0.000], atol=0.0005)


IDZOREK = (
    View(long={"Intl Dev. Equity": 1}, value=0.0525, confidence=0.25),
    View(long={"Intl Bonds": 1}, short={"US Bonds": 1}, value=0.0025, confidence=0.5),
    View(
        long={"US Large Growth": 0.9, "US Small Growth": 0.1},
        short={"US Large Value": 0.9, "US Small Value": 0.1},
        value=0.02,
        confidence=0.65,
    ),
)


@pytest.fixture
def idzorek():
    delta = implied_risk_aversion(CLASS_COVARIANCE, CLASS_MARKET, CLASS_PREMIUM)
    pi = implied_returns(CLASS_COVARIANCE, CLASS_MARKET, delta)
    P, q = np.array([v.pick(CLASSES) for v in IDZOREK]), np.array([v.value for v in IDZOREK])
    return delta, pi, P, q


def test_idzorek_implied_returns_and_variances_of_the_views(idzorek):
    delta, pi, P, _ = idzorek
    assert delta == pytest.approx(3.07, abs=0.005)
    # Half a unit of the last digit, and 0.0005 for the market weights, which are printed to 0.01 themselves.
    np.testing.assert_allclose(100 * pi, 100 * CLASS_IMPLIED, atol=0.005 + 0.0005)
    variance = view_variance(CLASS_COVARIANCE, P)
    np.testing.assert_allclose(100 * variance, [2.836, 0.563, 3.462], atol=0.0006)
    np.testing.assert_allclose(CLASS_TAU * variance, [0.000709, 0.000141, 0.000866], atol=5e-7)


def test_idzorek_new_combined_return_vector_and_weights_table_6(idzorek):
    delta, pi, P, q = idzorek
    omega = CLASS_TAU * view_variance(CLASS_COVARIANCE, P)
    found = combine_views(pi, CLASS_COVARIANCE, P, q, omega, tau=CLASS_TAU)
    printed = [0.07, 0.50, 6.50, 4.32, 7.59, 3.94, 4.93, 6.84]
    np.testing.assert_allclose(100 * found.mean, printed, atol=0.005)
    weights = np.linalg.solve(delta * CLASS_COVARIANCE, found.mean)
    # 0.01 for the market weights, which are printed to 0.01 themselves.
    printed = [29.88, 15.59, 9.35, 14.82, 1.04, 1.65, 27.81, 3.49]
    np.testing.assert_allclose(100 * weights, printed, atol=0.005 + 0.01)


def test_idzorek_weights_without_doubt_and_implied_confidences_table_7(idzorek):
    delta, pi, P, q = idzorek
    found = combine_views(pi, CLASS_COVARIANCE, P, q, np.zeros(3), tau=CLASS_TAU)
    np.testing.assert_allclose(P @ found.mean, q, atol=1e-15)
    weights = np.linalg.solve(delta * CLASS_COVARIANCE, found.mean)
    printed = [43.82, 1.65, 3.81, 20.37, 0.42, 2.26, 35.21, 3.49]
    np.testing.assert_allclose(100 * weights, printed, atol=0.005 + 0.01)
    # The weights are those of the market and a multiple of each view's portfolio; doubt makes the multiples smaller.
    omega = CLASS_TAU * view_variance(CLASS_COVARIANCE, P)
    doubted = combine_views(pi, CLASS_COVARIANCE, P, q, omega, tau=CLASS_TAU)
    with_doubt = np.linalg.solve(delta * CLASS_COVARIANCE, doubted.mean)
    part, full = (np.linalg.lstsq(P.T, w - CLASS_MARKET)[0] for w in (with_doubt, weights))
    np.testing.assert_allclose(100 * part / full, [32.94, 43.06, 33.02], atol=0.015)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_the_closed_form_of_a_confidence_is_idzoreks_least_squares_fit_of_the_tilt(idzorek, k):
    """His steps 1 to 6, alone for each view: the omega whose weights come nearest to c times the full tilt."""
    delta, pi, P, q = idzorek
    row, value, c = P[k : k + 1], q[k : k + 1], IDZOREK[k].confidence

    def weights(omega):
        mean = combine_views(pi, CLASS_COVARIANCE, row, value, np.array([omega]), tau=CLASS_TAU).mean
        return np.linalg.solve(delta * CLASS_COVARIANCE, mean)

    target = CLASS_MARKET + c * (weights(0.0) - CLASS_MARKET)
    fit = minimize_scalar(
        lambda log: 1e8 * ((weights(np.exp(log)) - target) ** 2).sum(),
        bounds=(-16, -2),
        method="bounded",
        options={"xatol": 1e-9},
    )
    closed = omega_of_confidence(np.array([c]), CLASS_TAU * view_variance(CLASS_COVARIANCE, row))
    assert np.exp(fit.x) == pytest.approx(closed[0], rel=1e-5)
    np.testing.assert_allclose(weights(closed[0]), target, atol=1e-12)


def random_problem(seed, n=12, k=3, n_views=4):
    rng = np.random.default_rng(seed)
    sigma = FactorCovariance(rng.normal(size=(n, k)) * 0.1, rng.uniform(0.005, 0.03, n))
    pi = rng.normal(size=n) * 0.02
    P = rng.normal(size=(n_views, n))
    root = rng.normal(size=(n_views, n_views))
    return rng, sigma, pi, P, rng.normal(size=n_views) * 0.05, root @ root.T * 0.002


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_and_covariance_are_those_of_the_textbook_with_its_inverses(seed):
    _, sigma, pi, P, q, omega = random_problem(seed)
    full, tau = to_dense(sigma), 0.1
    prior = np.linalg.inv(tau * full)
    doubt = np.linalg.inv(prior + P.T @ np.linalg.inv(omega) @ P)
    mean = doubt @ (prior @ pi + P.T @ np.linalg.inv(omega) @ q)
    for form in (sigma, full):
        found = combine_views(pi, form, P, q, omega, tau=tau)
        np.testing.assert_allclose(found.mean, mean, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(to_dense(found.sigma), full + doubt, rtol=1e-9, atol=1e-13)


def test_without_views_the_prior_stays_to_the_bit():
    _, sigma, pi, *_ = random_problem(0)
    for form in (sigma, to_dense(sigma)):
        found = combine_views(pi, form, np.empty((0, len(pi))), np.empty(0), np.empty(0), tau=0.05)
        np.testing.assert_array_equal(found.mean, pi)
        np.testing.assert_allclose(to_dense(found.sigma), 1.05 * to_dense(sigma), rtol=1e-14)
        assert isinstance(found.sigma, type(form))


def test_confidence_of_one_half_is_the_variance_of_the_prior_and_none_is_no_view():
    omega = omega_of_confidence(np.array([0.5, 0.0, 1.0, 0.2]), np.array([0.3, 0.3, 0.3, 0.3]))
    np.testing.assert_allclose(omega, [0.3, np.inf, 0.0, 1.2], rtol=1e-15)


def test_views_without_doubt_that_repeat_one_another_are_refused():
    _, sigma, pi, P, *_ = random_problem(0)
    twice = np.vstack([P[0], 2 * P[0]])
    with pytest.raises(InputError, match="no doubt repeat or contradict"):
        combine_views(pi, sigma, twice, np.array([0.01, 0.05]), np.zeros(2), tau=0.05)


def test_a_market_without_risk_explains_no_premium():
    with pytest.raises(InputError, match="variance 0"):
        implied_risk_aversion(np.zeros((2, 2)), np.array([0.5, 0.5]), 0.03)
