"""AimPortfolio: the paper's step without limits, the best allowed step with them."""

import numpy as np
import pytest
from scipy.optimize import minimize

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InputError
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.trading.garleanu_pedersen import AimPortfolio
from allocation.trading.signals import Signals
from allocation.trading.trading_speed import Preferences, trading_rule

ASSETS = tuple("abcde")
GAMMA = 5.0
P = Preferences(GAMMA, 0.01)
LOOSE = Constraints(minimum=-9.0, maximum=9.0, cash_minimum=-40.0, cash_maximum=40.0)
LONG_ONLY = Constraints(maximum=0.4, cash_maximum=0.2)
ALL = np.ones(5, dtype=bool)


def market(seed):
    rng = np.random.default_rng(seed)
    sigma = FactorCovariance(rng.normal(size=(5, 2)) * 0.1, rng.uniform(0.01, 0.03, 5))
    return rng, sigma, rng.normal(size=(3, 5)) * 0.02, np.array([0.0, 0.2, 0.9])


def signals(parts, decay):
    return Signals(np.array([7]), parts[None], decay[None])


def aim(constraints, cost, **given):
    return AimPortfolio(MeanVariance(ASSETS, constraints, risk_aversion=GAMMA), P, cost=cost, **given)


def lambdas(rng, sigma):
    root = rng.normal(size=(5, 10))
    return {
        "lambda": (0.7, 0.7 * to_dense(sigma)),
        "diagonal": (np.linspace(0.01, 0.2, 5), np.diag(np.linspace(0.01, 0.2, 5))),
        "full": (0.1 * root @ root.T / 10, 0.1 * root @ root.T / 10),
    }


@pytest.mark.parametrize("kind", ["lambda", "diagonal", "full"])
@pytest.mark.parametrize("seed", [0, 1])
def test_without_limits_it_is_the_step_of_the_paper(kind, seed):
    rng, sigma, parts, decay = market(seed)
    cost, full_cost = lambdas(rng, sigma)[kind]
    held = rng.normal(size=5) * 0.3
    rule = trading_rule(to_dense(sigma), parts.T, decay, full_cost, P)
    expected = held + rule.rate @ (rule.aim.sum(axis=1) - held)
    allocator = aim(LOOSE, cost, signals=signals(parts, decay))
    found = allocator.solve(7, np.full(5, np.nan), to_dense(sigma), held, ALL)
    np.testing.assert_allclose(found.weights, expected, atol=2e-6)


@pytest.mark.parametrize("kind", ["lambda", "diagonal", "full"])
@pytest.mark.parametrize("impact", [0.3, np.linspace(0.05, 0.5, 5)], ids=["one", "by asset"])
def test_impact_is_a_quadratic_cost_of_each_asset(kind, impact):
    """The oracle is the paper's rule with Lambda + 2 diag(k)."""
    rng, sigma, parts, decay = market(4)
    cost, full_cost = lambdas(rng, sigma)[kind]
    held = rng.normal(size=5) * 0.3
    rule = trading_rule(to_dense(sigma), parts.T, decay, full_cost + 2 * np.diag(impact * np.ones(5)), P)
    expected = held + rule.rate @ (rule.aim.sum(axis=1) - held)
    allocator = aim(LOOSE, cost, impact=impact, signals=signals(parts, decay))
    found = allocator.solve(7, np.full(5, np.nan), sigma, held, ALL)
    np.testing.assert_allclose(found.weights, expected, atol=2e-6)


def test_impact_alone_is_a_cost():
    _, sigma, parts, decay = market(5)
    rule = trading_rule(to_dense(sigma), parts.T, decay, np.eye(5), P)
    found = aim(LOOSE, 0.0, impact=0.5, signals=signals(parts, decay)).solve(
        7, np.full(5, np.nan), sigma, np.zeros(5), ALL
    )
    np.testing.assert_allclose(found.weights, rule.rate @ rule.aim.sum(axis=1), atol=2e-6)


@pytest.mark.parametrize("kind", ["lambda", "diagonal", "full"])
def test_with_limits_it_is_the_best_allowed_step(kind):
    rng, sigma, parts, decay = market(2)
    cost, L = lambdas(rng, sigma)[kind]
    held = np.array([0.4, 0.3, 0.1, 0.1, 0.0])
    S = to_dense(sigma)
    rule = trading_rule(S, parts.T, decay, L, P)
    kept, total, later = 1 - P.discount, parts.sum(axis=0), rule.xf @ (1 - decay)

    def loss(w):
        trade = w - held
        value = -0.5 * w @ rule.xx @ w + w @ later
        return 0.5 * trade @ L @ trade - kept * (w @ total - GAMMA / 2 * w @ S @ w + value)

    brute = minimize(
        loss, held, method="SLSQP", bounds=[(0, 0.4)] * 5, options={"ftol": 1e-15, "maxiter": 500},
        constraints=[{"type": "ineq", "fun": lambda w: 1 - w.sum()}, {"type": "ineq", "fun": lambda w: w.sum() - 0.8}],
    )  # fmt: skip
    found = aim(LONG_ONLY, cost, signals=signals(parts, decay)).solve(7, total, S, held, ALL)
    assert found.certificate.holds
    np.testing.assert_allclose(found.weights, brute.x, atol=2e-5)
    unlimited = held + rule.rate @ (rule.aim.sum(axis=1) - held)
    assert not ((unlimited > -1e-6) & (unlimited < 0.4)).all(), "the limits must matter here"


class Asked:
    """Keeps what it is asked."""

    assets = ASSETS

    def solve(self, position, mu, sigma, held, universe, *, validate=True):
        self.mu, self.sigma = mu, sigma


def test_factors_are_not_multiplied_out_and_outsiders_are_not_read():
    _, sigma, parts, decay = market(3)
    universe = np.array([True, True, False, True, True])
    held = np.array([0.2, 0.1, 0.3, 0.4, 0.0])
    asked = {}
    for form in (sigma, np.where(np.outer(universe, universe), to_dense(sigma), np.nan)):
        inner = Asked()
        seen = np.where(universe, parts, np.nan)
        AimPortfolio(inner, P, cost=0.5, signals=signals(seen, decay)).solve(7, held, form, held, universe)
        assert inner.sigma is form
        asked[type(form)] = inner.mu
    np.testing.assert_allclose(asked[FactorCovariance], asked[np.ndarray], rtol=1e-12)
    np.testing.assert_array_equal(np.isfinite(asked[np.ndarray]), universe)


def test_one_forecast_and_its_decay_are_one_signal():
    _, sigma, parts, _ = market(4)
    held = np.full(5, 0.2)
    by_signal = aim(LONG_ONLY, 0.5, signals=signals(parts[:1], np.array([0.3])))
    expected = by_signal.solve(7, parts[0], sigma_dense := to_dense(sigma), held, ALL).weights
    for decay in (0.3, lambda position: 0.3 if position == 7 else 1.0):
        found = aim(LONG_ONLY, 0.5, decay=decay).solve(7, parts[0], sigma_dense, held, ALL).weights
        np.testing.assert_array_equal(found, expected)


def rouwenhorst(n, stay):
    """Markov chain on n points whose conditional mean is exactly `stay` times the state (Rouwenhorst, 1995)."""
    p = (1 + stay) / 2
    chain = np.array([[p, 1 - p], [1 - p, p]])
    for size in range(3, n + 1):
        larger = np.zeros((size, size))
        for rows, columns, weight in (
            (slice(None, -1), slice(None, -1), p),
            (slice(None, -1), slice(1, None), 1 - p),
            (slice(1, None), slice(None, -1), 1 - p),
            (slice(1, None), slice(1, None), p),
        ):
            larger[rows, columns] += weight * chain
        larger[1:-1] /= 2
        chain = larger
    return np.linspace(-1, 1, n) * np.sqrt(n - 1), chain


def test_within_limits_it_earns_nearly_what_dynamic_programming_does():
    """One asset between 0 and 1: backward induction on a grid knows that limits will bind later, the step does not."""
    sigma, lam, phi, p = 0.04, 50.0, 0.15, Preferences(GAMMA, 0.02)
    kept, grid = 1 - p.discount, np.linspace(0, 1, 201)
    state, chain = rouwenhorst(15, 1 - phi)
    # Without costs the best weight has mean 0.5 and standard deviation 0.4: it is often outside 0 to 1.
    f = GAMMA * sigma * 0.4 * state
    lasting = np.full_like(f, GAMMA * sigma * 0.5)
    trade = 0.5 * lam * sigma * (grid[:, None] - grid[None, :]) ** 2
    now = kept * (grid[:, None] * (f + lasting) - GAMMA / 2 * sigma * grid[:, None] ** 2)
    allocator = AimPortfolio(
        MeanVariance(("x",), Constraints(cash_maximum=1.0), risk_aversion=GAMMA),
        p,
        cost=lam,
        signals=Signals(
            np.arange(15), np.stack([f, lasting], axis=1)[:, :, None], np.tile([phi, 0.0], (15, 1))
        ),
    )
    # The step as the allocator takes it, at every 20th holding; in between it is linear within 0 to 1.
    asked = [
        [
            allocator.solve(i, np.zeros(1), np.array([[sigma]]), np.array([h]), ALL[:1]).weights[0]
            for i in range(15)
        ]
        for h in grid[::20]
    ]
    rule = trading_rule(
        np.array([[sigma]]), np.ones((1, 2)), np.array([phi, 0]), np.array([[lam * sigma]]), p
    )
    steps = np.clip(grid[:, None] + rule.rate[0, 0] * (rule.aim @ [f, lasting] - grid[:, None]), 0, 1)
    np.testing.assert_allclose(np.array(asked), steps[::20], atol=1e-6)
    nearest = np.rint(steps * (len(grid) - 1)).astype(int)
    once = (now[None, :, :] - trade[:, :, None]).argmax(axis=1)

    def value(choose):
        V = np.zeros((len(grid), 15))
        for _ in range(400):
            worth = (now + kept * V @ chain.T)[None, :, :] - trade[:, :, None]
            V = np.take_along_axis(worth, choose(worth)[:, None, :], axis=1)[:, 0]
        return float(V[len(grid) // 2] @ np.linalg.matrix_power(chain, 400)[7])

    still = value(lambda _: np.tile(np.arange(len(grid))[:, None], (1, 15)))
    best = value(lambda worth: worth.argmax(axis=1)) - still
    ours, myopic = value(lambda _: nearest) - still, value(lambda _: once) - still
    assert 0.99 * best < ours <= best
    assert 0 < myopic < 0.85 * best


def test_mistakes_are_named():
    inner = MeanVariance(ASSETS, LOOSE, risk_aversion=GAMMA)
    with pytest.raises(InputError, match="risk aversion is 5, that of the preferences 4"):
        AimPortfolio(inner, Preferences(4.0), cost=1.0)
    with pytest.raises(InputError, match="would count twice"):
        AimPortfolio(MeanVariance(ASSETS, LOOSE, risk_aversion=GAMMA, cost=0.1), P, cost=1.0)
    with pytest.raises(InputError, match="nothing to wait for"):
        AimPortfolio(inner, P, cost=0.0)
    with pytest.raises(InputError, match=r"cost has shape \(4,\), expected a number, \(5,\) or \(5, 5\)"):
        AimPortfolio(inner, P, cost=np.ones(4))
    with pytest.raises(InputError, match=r"row 3: the decay is 1\.5"):
        AimPortfolio(inner, P, cost=1.0, decay=1.5).solve(3, np.zeros(5), np.eye(5), np.zeros(5), ALL)
    with pytest.raises(InputError, match="row 8: there are no signals"):
        aim(LOOSE, 1.0, signals=signals(np.zeros((1, 5)), np.zeros(1))).solve(
            8, np.zeros(5), np.eye(5), np.zeros(5), ALL
        )
    with pytest.raises(InputError, match=r"expected D, \(D, K, N\) and \(D, K\)"):
        Signals(np.array([0]), np.zeros((1, 5)), np.zeros((1, 1)))
    with pytest.raises(InputError, match="decays run from 2 to 2"):
        Signals(np.array([0]), np.zeros((1, 1, 5)), np.full((1, 1), 2.0))
