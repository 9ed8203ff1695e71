"""The frontier of Sharpe ratio against score: the paper's formula, and brute force."""

import numpy as np
import pytest
from scipy.optimize import minimize

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InputError
from allocation.esg.frontier import best_score, esg_frontier
from allocation.esg.limited_frontier import attainable_scores, limited_frontier


def market(seed, n=6):
    rng = np.random.default_rng(seed)
    sigma = FactorCovariance(rng.normal(size=(n, 2)) * 0.1 + 0.1, rng.uniform(0.01, 0.04, n))
    return rng.uniform(0.01, 0.08, n), sigma, rng.uniform(0, 10, n)


def brute(mu, sigma, scores, level, low=None, high=None, rows=None, upper=None):
    """Best ratio by a general solver, from several starts."""
    best = np.nan
    limits = [
        {"type": "eq", "fun": lambda w: w.sum() - 1},
        {"type": "eq", "fun": lambda w: scores @ w - level},
    ]
    if rows is not None:
        limits.append({"type": "ineq", "fun": lambda w: upper - rows @ w})
    bounds = None if low is None else list(zip(low, high, strict=True))
    for start in np.random.default_rng(0).dirichlet(np.ones(len(mu)), 6):
        found = minimize(
            lambda w: -(mu @ w) / np.sqrt(w @ sigma @ w), start, method="SLSQP", bounds=bounds,
            constraints=limits, options={"ftol": 1e-14, "maxiter": 1000},
        )  # fmt: skip
        feasible = abs(found.x.sum() - 1) < 1e-6 and abs(scores @ found.x - level) < 1e-6
        if feasible and not -found.fun <= best:
            best = -found.fun
    return best


@pytest.mark.parametrize("seed", range(4))
def test_the_closed_form_is_the_best_that_a_general_solver_finds(seed):
    mu, sigma, scores = market(seed)
    top = best_score(mu, sigma, scores)
    levels = top + np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    found = esg_frontier(mu, sigma, scores, levels)
    full = to_dense(sigma)
    for level, sharpe, w in zip(levels, found.sharpe, found.weights, strict=True):
        assert sharpe == pytest.approx(brute(mu, full, scores, level), rel=1e-6)
        assert w.sum() == pytest.approx(1)
        assert scores @ w == pytest.approx(level)
        assert mu @ w / np.sqrt(w @ full @ w) == pytest.approx(sharpe, rel=1e-10)
    np.testing.assert_allclose(found.sharpe[2], np.sqrt(mu @ np.linalg.solve(full, mu)), rtol=1e-12)
    assert found.sharpe.argmax() == 2
    np.testing.assert_allclose(esg_frontier(mu, full, scores, levels).weights, found.weights, rtol=1e-8)


def test_every_frontier_portfolio_is_made_of_four_funds():
    """Proposition 2's separation: the riskless asset, the tangency, the minimum-variance and the ESG-tangency."""
    mu, sigma, scores = market(5, n=10)
    full = to_dense(sigma)
    funds = np.column_stack([np.linalg.solve(full, v) for v in (mu, np.ones(10), scores)])
    found = esg_frontier(mu, sigma, scores, np.linspace(3, 7, 9))
    for w in found.weights[np.isfinite(found.sharpe)]:
        _, residual, *_ = np.linalg.lstsq(funds, w, rcond=None)
        assert residual[0] < 1e-20


@pytest.mark.parametrize("seed", range(4))
def test_with_limits_it_is_the_best_that_a_general_solver_finds(seed):
    mu, sigma, scores = market(seed)
    low, high = np.zeros(6), np.full(6, 0.4)
    rows, upper = np.array([[1.0, 1, 0, 0, 0, 0]]), np.array([0.5])
    least, most = attainable_scores(scores, low, high, rows, upper)
    levels = least + (most - least) * np.array([0.02, 0.3, 0.6, 0.98])
    found = limited_frontier(mu, sigma, scores, levels, low, high, rows, upper)
    for level, sharpe, w in zip(levels, found.sharpe, found.weights, strict=True):
        oracle = brute(mu, to_dense(sigma), scores, level, low, high, rows, upper)
        assert sharpe == pytest.approx(oracle, rel=1e-5)
        assert ((w > -1e-7) & (w < 0.4 + 1e-7)).all()
        assert rows @ w < upper + 1e-7
        assert scores @ w == pytest.approx(level, abs=1e-6)
    free = esg_frontier(mu, sigma, scores, levels)
    assert (found.sharpe <= free.sharpe + 1e-7).all()


def test_limits_that_do_not_bind_leave_the_closed_form():
    mu, sigma, scores = market(1)
    levels = best_score(mu, sigma, scores) + np.array([-1.0, 0.0, 1.0])
    found = limited_frontier(mu, sigma, scores, levels, np.full(6, -30.0), np.full(6, 30.0))
    np.testing.assert_allclose(found.sharpe, esg_frontier(mu, sigma, scores, levels).sharpe, rtol=1e-7)


def test_scores_that_cannot_be_had_and_markets_without_a_premium_have_no_frontier():
    mu, sigma, scores = market(2)
    low, high = np.zeros(6), np.ones(6)
    beyond = np.array([scores.min() - 1, scores.max() + 1])
    assert np.isnan(limited_frontier(mu, sigma, scores, beyond, low, high).sharpe).all()
    losing = limited_frontier(-mu, sigma, scores, np.array([scores.mean()]), low, high)
    assert np.isnan(losing.sharpe).all()
    assert attainable_scores(scores, low, high) == pytest.approx((scores.min(), scores.max()))
    # Without limits a losing market is sold short, and then there is no average score of what is held.
    assert np.isnan(esg_frontier(-mu, sigma, scores, np.array([best_score(mu, sigma, scores)])).sharpe).all()


def test_mistakes_are_named():
    mu, sigma, scores = market(0)
    with pytest.raises(InputError, match="scores that differ"):
        esg_frontier(mu, sigma, np.ones(6), np.array([1.0]))
    with pytest.raises(InputError, match="no fully invested weights"):
        attainable_scores(scores, np.zeros(6), np.full(6, 0.1))
