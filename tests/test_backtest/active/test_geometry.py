"""Active risk, transfer coefficient and bets against brute force with inverses and numerical optimisers."""

import numpy as np
import pytest
from scipy import optimize

from allocation.covariance_types import FactorCovariance, to_dense
from backtest.active.geometry import measure_active


def random_problem(seed, n=6, k=2):
    rng = np.random.default_rng(seed)
    loadings, specific = rng.normal(0, 0.03, (n, k)), rng.uniform(0.0004, 0.002, n)
    return rng, FactorCovariance(loadings, specific), rng.normal(0, 0.01, n), rng.normal(0, 0.1, n)


def measure(sigma, alpha, *active, full=False, inside=None):
    """Measure portfolios at one decision with one forecast, and return it without the axis of the decision."""
    inside = np.ones(len(alpha), dtype=bool) if inside is None else inside
    risks = (sigma,) if isinstance(sigma, FactorCovariance) else sigma[None]
    owner = np.zeros(len(active), dtype=np.int64)
    found = measure_active(risks, inside[None], alpha[None, None], np.stack(active)[None], owner, full)
    return found.best[0, 0], found.potential[0, 0], found.risk[0], found.transfer[0], found.bets[0]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("form", ["dense", "factors"])
@pytest.mark.parametrize("seed", range(3))
def test_measures_are_those_of_explicit_inverses(seed, form, full):
    _, factors, alpha, active = random_problem(seed)
    sigma = to_dense(factors)
    inverse, ones = np.linalg.inv(sigma), np.ones(len(alpha))
    shift = (ones @ inverse @ alpha) / (ones @ inverse @ ones) if full else 0.0
    neutral = alpha - shift
    best, potential, risk, transfer, _ = measure(
        factors if form == "factors" else sigma, alpha, active, full=full
    )
    assert best == pytest.approx(inverse @ neutral, rel=1e-8)
    assert potential == pytest.approx(np.sqrt(neutral @ inverse @ neutral))
    assert risk[0] == pytest.approx(np.sqrt(active @ sigma @ active))
    assert transfer[0] == pytest.approx(neutral @ active / (potential * risk[0]))
    if full:
        assert best.sum() == pytest.approx(0, abs=1e-12 * np.abs(best).sum())


@pytest.mark.parametrize("full", [False, True])
def test_the_best_portfolio_is_what_an_optimiser_finds(full):
    _, factors, alpha, _ = random_problem(7)
    sigma = to_dense(factors)
    limits = [{"type": "eq", "fun": np.sum}] if full else []
    answer = optimize.minimize(
        lambda a: 1e4 * (a @ sigma @ a / 2 - alpha @ a), np.zeros(6), constraints=limits, tol=1e-14,
        method="SLSQP", options={"maxiter": 1000},
    )  # fmt: skip
    best, *_ = measure(sigma, alpha, np.ones(6), full=full)
    assert best == pytest.approx(answer.x, abs=1e-3 * np.abs(best).max())


def test_of_uncorrelated_assets_of_one_variance_it_is_the_plain_correlation():
    """The formula of Clarke, de Silva and Thorley: a correlation across assets, of weights that sum to 0."""
    rng = np.random.default_rng(3)
    alpha, active = rng.normal(0, 0.01, 40), rng.normal(0, 0.1, 40)
    active -= active.mean()
    _, _, _, transfer, _ = measure(0.002 * np.eye(40), alpha, active, full=True)
    assert transfer[0] == pytest.approx(np.corrcoef(alpha, active)[0, 1])


def test_of_uncorrelated_assets_it_is_the_correlation_of_risk_adjusted_weights_and_alphas():
    rng = np.random.default_rng(4)
    alpha, active, volatility = rng.normal(0, 0.01, 30), rng.normal(0, 0.1, 30), rng.uniform(0.02, 0.1, 30)
    _, _, _, transfer, _ = measure(np.diag(volatility**2), alpha, active)
    a, w = alpha / volatility, active * volatility
    assert transfer[0] == pytest.approx(a @ w / np.sqrt((a @ a) * (w @ w)))


@pytest.mark.parametrize("form", ["dense", "factors"])
def test_the_best_portfolio_transfers_all_whatever_its_size_and_its_opposite_minus_all(form):
    _, factors, alpha, _ = random_problem(5)
    sigma = factors if form == "factors" else to_dense(factors)
    for full in (False, True):
        best, *_ = measure(sigma, alpha, np.ones(6), full=full)
        _, _, risk, transfer, _ = measure(sigma, alpha, 0.01 * best, 7 * best, -best, full=full)
        assert transfer == pytest.approx([1, 1, -1])
        assert risk[1] == pytest.approx(700 * risk[0])


def test_nothing_held_and_nothing_forecast_have_no_transfer_coefficient():
    _, factors, alpha, active = random_problem(6)
    sigma = to_dense(factors)
    _, _, risk, transfer, bets = measure(sigma, alpha, np.zeros(6), active)
    assert risk[0] == 0
    assert np.isnan(transfer[0])
    assert np.isnan(bets[0])
    assert np.isfinite(transfer[1])
    best, potential, _, transfer, bets = measure(sigma, np.zeros(6), active)
    assert not best.any()
    assert potential == 0
    assert np.isnan(transfer[0])
    assert np.isfinite(bets[0])
    # The same expectation of all assets ranks nothing if weights must sum to 0.
    best, potential, _, transfer, _ = measure(sigma, np.full(6, 0.01), active, full=True)
    assert not best.any()
    assert potential == 0
    assert np.isnan(transfer[0])


@pytest.mark.parametrize("form", ["dense", "factors"])
def test_assets_outside_count_nowhere(form):
    _, factors, alpha, active = random_problem(8)
    inside = np.array([True, True, False, True, True, False])
    small = FactorCovariance(factors.loadings[inside], factors.specific[inside])
    wide = FactorCovariance(
        np.where(inside[:, None], factors.loadings, np.nan), np.where(inside, factors.specific, np.nan)
    )
    one, two = (small, wide) if form == "factors" else (to_dense(small), to_dense(wide))
    expected = measure(one, alpha[inside], active[inside], full=True)
    found = measure(two, alpha, active, full=True, inside=inside)
    assert found[0][inside] == pytest.approx(expected[0])
    assert not found[0][~inside].any()
    for a, b in zip(found[1:], expected[1:], strict=True):
        assert a == pytest.approx(b)


def test_bets_are_counted():
    alpha = np.zeros(4)
    independent = np.diag([0.01, 0.02, 0.03, 0.04])
    even = 1 / np.sqrt(np.diag(independent))
    _, _, _, _, bets = measure(
        independent, alpha, np.eye(4)[1], even, even * [1, 1, 0, 0], even * [2, 1, 0, 0]
    )
    shares = np.array([0.8, 0.2])
    assert bets == pytest.approx([1, 4, 2, np.exp(-shares @ np.log(shares))])


@pytest.mark.parametrize("sign", [1, -1])
def test_two_copies_of_an_asset_are_one_bet(sign):
    nearly = 0.002 * np.array([[1, 0.9999999], [0.9999999, 1]])
    _, _, _, _, bets = measure(nearly, np.zeros(2), np.array([1.0, sign]))
    assert bets[0] == pytest.approx(1, abs=1e-6)
    both = FactorCovariance(np.full((2, 1), 0.05), np.full(2, 1e-10))
    assert measure(both, np.zeros(2), np.array([1.0, 1.0]))[4][0] == pytest.approx(1, abs=1e-5)


def test_bets_are_entropies_of_shares_of_risk_in_principal_portfolios():
    _, factors, alpha, active = random_problem(9)
    sigma = to_dense(factors)
    volatility = np.sqrt(np.diag(sigma))
    _, vectors = np.linalg.eigh(sigma / np.outer(volatility, volatility))
    principal = [
        np.cov((rng_scenarios(sigma) / volatility) @ v, rng_scenarios(sigma) @ active) for v in vectors.T
    ]
    share = np.array([c[0, 1] ** 2 / (c[0, 0] * c[1, 1]) for c in principal])
    assert share.sum() == pytest.approx(1, abs=1e-8)
    expected = np.exp(-np.sum(share * np.log(share)))
    assert measure(sigma, alpha, active)[4][0] == pytest.approx(expected, rel=1e-6)


def rng_scenarios(sigma, n=500):
    """Scenarios (n, N) whose sample covariance is exactly this matrix."""
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(n, len(sigma)))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T))).T
    return white @ np.linalg.cholesky(sigma).T


def test_factors_may_be_rotated():
    rng, factors, alpha, active = random_problem(10, k=3)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turned = FactorCovariance(factors.loadings @ rotation, factors.specific)
    for a, b in zip(measure(factors, alpha, active), measure(turned, alpha, active), strict=True):
        assert a == pytest.approx(b)


def test_a_covariance_without_an_inverse_leaves_its_riskless_directions_out():
    """Three scenarios of five assets: the best portfolio of the directions that have risk."""
    rng = np.random.default_rng(11)
    scenarios = rng.normal(0, 0.03, (3, 5))
    sigma, alpha = scenarios.T @ scenarios, rng.normal(0, 0.01, 5)
    best, potential, risk, transfer, _ = measure(sigma, alpha, np.ones(5))
    volatility = np.sqrt(np.diag(sigma))
    expected = np.linalg.pinv(sigma / np.outer(volatility, volatility), rcond=1e-10) @ (alpha / volatility)
    assert best == pytest.approx(expected / volatility)
    assert np.isfinite([potential, *risk, *transfer]).all()


def test_an_asset_without_specific_risk_is_measured_by_the_dense_form():
    _, factors, alpha, active = random_problem(12)
    exact = FactorCovariance(factors.loadings, np.where(np.arange(6) == 2, 0.0, factors.specific))
    for a, b in zip(measure(exact, alpha, active), measure(to_dense(exact), alpha, active), strict=True):
        assert a == pytest.approx(b)


def test_riskless_assets_have_no_risk_and_no_weight():
    sigma = np.diag([0.01, 0.0, 0.02])
    best, potential, risk, transfer, _ = measure(
        sigma, np.array([0.01, 0.5, 0.01]), np.array([1.0, 5.0, 0.5])
    )
    assert best == pytest.approx([1, 0, 0.5])
    assert risk[0] == pytest.approx(np.sqrt(0.01 + 0.005))
    assert transfer[0] == pytest.approx(1)
    assert potential == pytest.approx(np.sqrt(0.01 + 0.005))


def test_many_decisions_and_forecasts_are_measured_as_one_at_a_time(monkeypatch):
    rng = np.random.default_rng(13)
    n_dates, n_models, n_portfolios, n = 7, 2, 3, 4
    scenarios = rng.normal(0, 0.03, (n_dates, 30, n))
    sigma = scenarios.transpose(0, 2, 1) @ scenarios / 30
    alpha, active = rng.normal(size=(n_dates, n_models, n)), rng.normal(size=(n_dates, n_portfolios, n))
    owner, inside = np.array([1, 0, 1]), rng.random((n_dates, n)) < 0.8
    inside[:, :2] = True
    whole = measure_active(sigma, inside, alpha, active, owner, True)
    monkeypatch.setattr("backtest.active.geometry._CHUNK", 2 * n * 5)
    parts = measure_active(sigma, inside, alpha, active, owner, True)
    assert np.array_equal(whole.transfer, parts.transfer, equal_nan=True)
    for d in range(n_dates):
        for p in range(n_portfolios):
            _, _, risk, transfer, bets = measure(
                sigma[d], alpha[d, owner[p]], active[d, p], full=True, inside=inside[d]
            )
            found = whole.risk[d, p], whole.transfer[d, p], whole.bets[d, p]
            assert found == pytest.approx((risk[0], transfer[0], bets[0]), nan_ok=True)


def test_no_decision_gives_empty_measures():
    empty = measure_active(
        np.empty((0, 3, 3)), np.ones((0, 3), dtype=bool), np.empty((0, 1, 3)), np.empty((0, 2, 3)),
        np.zeros(2, dtype=np.int64), False,
    )  # fmt: skip
    assert empty.best.shape == (0, 1, 3)
    assert empty.transfer.shape == (0, 2)
