"""Garleanu and Pedersen: the value solves its Bellman equation, and is the one of the paper and of control theory."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_are, sqrtm
from scipy.optimize import minimize

from allocation.errors import InputError
from allocation.trading.signals import estimate_decay
from allocation.trading.trading_speed import Preferences, matching_cost, trading_rule


def problem(seed, n=4, k=3, diagonal=False):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, 2 * n))
    sigma = 0.04 * root @ root.T / (2 * n)
    root = rng.normal(size=(n, 2 * n))
    cost = root @ root.T / (2 * n)
    B = rng.normal(size=(n, k)) * 0.02
    phi = np.diag(rng.uniform(0.05, 0.9, k))
    if not diagonal:
        phi = phi + rng.normal(size=(k, k)) * 0.03
    return rng, sigma, B, phi, cost, Preferences(risk_aversion=5.0, discount=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_the_value_solves_the_bellman_equation(seed):
    rng, sigma, B, phi, cost, p = problem(seed)
    rule = trading_rule(sigma, B, phi, cost, p)
    k, kept = B.shape[1], 1 - p.discount
    noise = np.diag(rng.uniform(0.1, 1, k))
    constant = kept / (1 - kept) * 0.5 * np.trace(rule.ff @ noise)

    def value(x, f):
        return -0.5 * x @ rule.xx @ x + x @ rule.xf @ f + 0.5 * f @ rule.ff @ f + constant

    def worth(x, held, f):
        trade, later = x - held, f - phi @ f
        expected = value(x, later) + 0.5 * np.trace(rule.ff @ noise)
        now = x @ B @ f - p.risk_aversion / 2 * x @ sigma @ x
        return -0.5 * trade @ cost @ trade + kept * (now + expected)

    for _ in range(5):
        held, f = rng.normal(size=len(sigma)), rng.normal(size=k)
        best = minimize(
            lambda x, held=held, f=f: -worth(x, held, f), held, method="BFGS", options={"gtol": 1e-9}
        )
        assert -best.fun == pytest.approx(value(held, f), rel=1e-9, abs=1e-10)
        step = held + rule.rate @ (rule.aim @ f - held)
        np.testing.assert_allclose(best.x, step, atol=1e-5)
        assert worth(step, held, f) >= -best.fun - 1e-12


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("discount", [0.0, 0.1])
def test_it_is_the_linear_quadratic_regulator(seed, discount):
    """State (position, signals), control the trade; the gain comes from scipy's Riccati equation."""
    _, sigma, B, phi, cost, p = problem(seed)
    p = Preferences(p.risk_aversion, discount)
    rule = trading_rule(sigma, B, phi, cost, p)
    n, k, kept = len(sigma), B.shape[1], 1 - discount
    A = np.block([[np.eye(n), np.zeros((n, k))], [np.zeros((k, n)), np.eye(k) - phi]])
    G = np.vstack([np.eye(n), np.zeros((k, n))])
    risk = p.risk_aversion * sigma
    Q = kept * np.block([[risk, -B], [-B.T, np.zeros((k, k))]])
    R, N = cost + kept * risk, kept * np.vstack([risk, -B.T])
    P = solve_discrete_are(np.sqrt(kept) * A, np.sqrt(kept) * G, Q, R, s=N)
    gain = np.linalg.solve(R + kept * G.T @ P @ G, kept * G.T @ P @ A + N.T)
    np.testing.assert_allclose(-gain, np.hstack([-rule.rate, rule.rate @ rule.aim]), atol=1e-8)
    np.testing.assert_allclose(P, np.block([[rule.xx, -rule.xf], [-rule.xf.T, -rule.ff]]), atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_closed_form_with_matrix_roots(seed):
    """Propositions 1 and 2: a root for A_xx in the coordinates of Lambda, a Kronecker product for A_xf."""
    _, sigma, B, phi, cost, p = problem(seed)
    rule = trading_rule(sigma, B, phi, cost, p)
    rho, gamma, kept = p.discount, p.risk_aversion, 1 - p.discount
    half = np.real(sqrtm(cost / kept))
    root = np.linalg.inv(half)
    whitened = root @ sigma @ root
    eye = np.eye(len(sigma))
    square = kept * gamma * whitened + 0.25 * (
        rho**2 * eye + 2 * rho * gamma * whitened + gamma**2 * whitened @ whitened
    )
    xx = half @ (np.real(sqrtm(square)) - 0.5 * (rho * eye + gamma * whitened)) @ half
    np.testing.assert_allclose(rule.xx, xx, rtol=1e-7, atol=1e-10)
    k = B.shape[1]
    slow = np.eye(len(sigma)) - xx @ np.linalg.inv(cost)
    stacked = np.linalg.solve(
        np.eye(len(sigma) * k) - kept * np.kron((np.eye(k) - phi).T, slow),
        kept * (slow @ B).flatten(order="F"),
    )
    np.testing.assert_allclose(rule.xf, stacked.reshape((len(sigma), k), order="F"), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("lam", [0.01, 1.0, 50.0])
def test_costs_in_proportion_to_risk_are_proposition_4(lam):
    _, sigma, B, phi, _, p = problem(0, diagonal=True)
    rule = trading_rule(sigma, B, phi, lam * sigma, p)
    gamma, rho, kept = p.risk_aversion, p.discount, 1 - p.discount
    b = gamma * kept + lam * rho
    a = (-b + np.sqrt(b**2 + 4 * gamma * lam * kept**2)) / (2 * kept)
    np.testing.assert_allclose(rule.rate, a / lam * np.eye(len(sigma)), rtol=1e-9, atol=1e-10)
    aim = np.linalg.solve(gamma * sigma, B) @ np.linalg.inv(np.eye(3) + a / gamma * phi)
    np.testing.assert_allclose(rule.aim, aim, rtol=1e-9)
    assert float(p.rate(np.array(1 / lam))) == pytest.approx(a / lam, rel=1e-12)


def test_at_the_ends_of_cost_and_decay():
    _, sigma, B, phi, _, p = problem(1, diagonal=True)
    markowitz = np.linalg.solve(p.risk_aversion * sigma, B)
    free = trading_rule(sigma, B, phi, 1e-9 * sigma, p)
    np.testing.assert_allclose(free.rate @ free.aim, markowitz, rtol=1e-6)
    np.testing.assert_allclose(free.rate, np.eye(4), atol=1e-6)
    dear = trading_rule(sigma, B, phi, 1e9 * sigma, p)
    assert np.abs(dear.rate).max() < 1e-6
    # A signal that does not fade: the aim is Markowitz's, whatever the cost.
    lasting = trading_rule(sigma, B, np.zeros((3, 3)), 3.0 * sigma, p)
    np.testing.assert_allclose(lasting.aim, markowitz, rtol=1e-9)
    # One that is gone at once is worth its one period against the cost of getting in, and later out.
    gone = trading_rule(sigma, B, np.eye(3), 3.0 * sigma, p)
    kept, rate = 1 - p.discount, gone.rate[0, 0]
    step = kept / (3.0 + kept * (p.risk_aversion + 3.0 * rate)) * np.linalg.solve(sigma, B)
    np.testing.assert_allclose(gone.rate @ gone.aim, step, rtol=1e-9)


def test_a_myopic_investor_trades_as_if_there_were_no_later():
    """rho near 1: the best of (1 - rho)(x'Bf - gamma/2 x'Sigma x) - cost alone."""
    _, sigma, B, phi, cost, _ = problem(2)
    p = Preferences(5.0, 1 - 1e-5)
    rule = trading_rule(sigma, B, phi, cost, p)
    kept = 1 - p.discount
    once = np.linalg.solve(cost + kept * 5.0 * sigma, kept * B)
    np.testing.assert_allclose(rule.rate @ rule.aim, once, rtol=1e-3)


def test_matching_cost_matches_at_the_typical_trade():
    lam = matching_cost(0.001, 0.04, 0.05)
    assert 0.5 * lam * 0.04 * 0.05**2 == pytest.approx(0.001 * 0.05)
    with pytest.raises(InputError, match="trade 0 more than 0"):
        matching_cost(0.001, 0.04, 0.0)


def test_fading_is_the_past_regression_and_knows_no_later():
    rng = np.random.default_rng(0)
    f = np.zeros((400, 5))
    for t in range(1, 400):
        f[t] = 0.8 * f[t - 1] + rng.normal(size=5)
    f[rng.random(f.shape) < 0.05] = np.nan
    found = estimate_decay(f, unknown=0.3)
    assert found[0] == 0.3
    assert found[-1] == pytest.approx(0.2, abs=0.05)
    for t in (5, 50, 300):
        a, b = f[:t], f[1 : t + 1]
        ok = np.isfinite(a) & np.isfinite(b)
        assert found[t] == pytest.approx(1 - np.clip((a[ok] @ b[ok]) / (a[ok] @ a[ok]), 0, 1), rel=1e-12)
        other = f.copy()
        other[t + 1 :] = rng.normal(size=other[t + 1 :].shape)
        np.testing.assert_array_equal(estimate_decay(other, unknown=0.3)[: t + 1], found[: t + 1])


def test_mistakes_are_named():
    _, sigma, B, phi, cost, p = problem(0)
    with pytest.raises(InputError, match="discount 1 from 0 to less than 1"):
        Preferences(5.0, 1.0)
    with pytest.raises(InputError, match="trading costs must be positive definite"):
        trading_rule(sigma, B, phi, -cost, p)
