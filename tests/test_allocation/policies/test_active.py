"""The active policy maximises the objective that it states, and without a forecast it settles at its anchor."""

import numpy as np
import pytest
from policy_worlds import estimated, market, run

from allocation.mean_variance.allocator import MeanVariance
from allocation.mean_variance.preparation import median_variance
from allocation.policies.active import ActivePolicy, ForecastFreeAnchor
from allocation.policies.policy import AllocatorPolicy
from allocation.policies.portfolio_state import PortfolioState
from allocation.problem.constraints import Constraints

N = 4
NAMES = tuple("abcd")
ROWS = np.arange(30, 89, 5)


def world(seed=0, *, late=False):
    returns, cash = market(seed, late=late)
    covariances = estimated(returns, cash, ROWS)
    rng = np.random.default_rng(seed + 100)
    baseline = np.broadcast_to(rng.normal(0.005, 0.001, (len(returns), 1)), (len(returns), N)).copy()
    return returns, cash, covariances, baseline, baseline + rng.normal(0, 0.01, baseline.shape)


def make(covariances, baseline, mean, limits, *, gamma=5.0, active=5.0, l2=1.0, cost=0.0):
    def solver(aversion, penalty, rate=0.0):
        return MeanVariance(NAMES, limits, risk_aversion=aversion, cost=rate, l2_penalty=penalty)

    is_fixed = limits.cash_minimum == limits.cash_maximum
    plain = None if is_fixed else solver(gamma, 0.0)
    anchor = ForecastFreeAnchor(solver(gamma, l2), plain, covariances, baseline, gamma, l2, active)
    rows = np.arange(len(baseline), dtype=np.int64)
    return ActivePolicy(solver(gamma + active, l2, cost), anchor, rows, mean)


def maximise(objective, limits, inside):
    """Maximise a concave function of weights by cvxpy within bounds, budget and cash."""
    cp = pytest.importorskip("cvxpy")
    w = cp.Variable(len(inside))
    kept = [w >= limits.minimum, w <= limits.maximum, cp.sum(w) <= 1 - limits.cash_minimum]
    kept.append(cp.sum(w) >= 1 - limits.cash_maximum)
    tight = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-11)
    cp.Problem(cp.Maximize(objective(cp, w)), kept).solve(solver="CLARABEL", **tight)
    return w.value


def stated(position, covariances, baseline, mean, limits, held, *, gamma, active, l2, cost):
    """Return the weights (N,) of the documented objective, by three cone programmes."""
    sigma, eligible = covariances.at(position)
    i = np.flatnonzero(eligible)
    S, v = sigma[np.ix_(i, i)], median_variance(sigma)
    base, mu = (
        baseline[position][i],
        np.where(np.isfinite(mean[position]), mean[position], baseline[position])[i],
    )
    plain = maximise(lambda cp, w: base @ w - gamma / 2 * cp.quad_form(w, S), limits, i)
    centre = plain.mean()

    def without(cp, w):
        return base @ w - gamma / 2 * (cp.quad_form(w, S) + l2 * v * cp.sum_squares(w - centre))

    anchor = maximise(without, limits, i)
    H = S + l2 * v * np.eye(len(i))

    def whole(cp, w):
        value = mu @ w - gamma / 2 * (cp.quad_form(w, S) + l2 * v * cp.sum_squares(w - centre))
        return value - active / 2 * cp.quad_form(w - anchor, H) - cost * cp.norm1(w - held[i])

    answer = np.zeros(len(eligible))
    answer[i] = maximise(whole, limits, i)
    return answer


@pytest.mark.parametrize(
    "limits",
    [Constraints(), Constraints(maximum=0.5), Constraints(cash_maximum=1.0)],
    ids=["long", "capped", "cash"],
)
@pytest.mark.parametrize("settings", [(5.0, 5.0, 1.0), (5.0, 0.0, 2.0), (3.0, 12.0, 0.0)])
def test_the_weights_maximise_the_stated_objective(limits, settings):
    gamma, active, l2 = settings
    _, _, covariances, baseline, mean = world(1, late=True)
    mean[:, 3] = np.nan  # an asset without a forecast is expected to earn the baseline
    policy = make(covariances, baseline, mean, limits, gamma=gamma, active=active, l2=l2, cost=0.0005)
    held = np.array([0.4, 0.0, 0.3, 0.3])
    for position in (30, 60, 80):
        _, eligible = covariances.at(position)
        before = np.where(eligible, held, 0.0)
        found = policy(position, PortfolioState(before, 1 - before.sum())).weights
        truth = stated(
            position,
            covariances,
            baseline,
            mean,
            limits,
            before,
            gamma=gamma,
            active=active,
            l2=l2,
            cost=0.0005,
        )
        assert np.abs(found - truth).max() < 2e-5


def test_without_penalties_it_is_the_plain_policy():
    returns, cash, covariances, baseline, mean = world(2)
    active = make(covariances, baseline, mean, Constraints(), active=0.0, l2=0.0, cost=0.001)
    solver = MeanVariance(NAMES, Constraints(), risk_aversion=5.0, cost=0.001)
    plain = AllocatorPolicy(solver, covariances, np.arange(len(mean), dtype=np.int64), mean)
    a, b = (run(policy, returns, cash, ROWS).targets for policy in (active, plain))
    assert np.abs(a - b).max() < 1e-9


def test_without_a_forecast_it_holds_the_anchor_and_a_forecast_moves_it():
    _, _, covariances, baseline, mean = world(3)
    state = PortfolioState(np.full(N, 1 / N), 0.0)
    still = make(covariances, baseline, baseline, Constraints())
    sigma, eligible = covariances.at(40)
    anchor = still.anchor.allocator.solve(40, baseline[40], sigma, state.weights, eligible).weights
    assert np.abs(still(40, state).weights - anchor).max() < 1e-8
    moves = [
        np.abs(make(covariances, baseline, mean, Constraints(), active=a)(40, state).weights - anchor).sum()
        for a in (0.0, 5.0, 50.0)
    ]
    assert moves[0] > moves[1] > moves[2] > 1e-3


def test_the_anchor_knows_nothing_later():
    _, _, covariances, baseline, mean = world(4)
    policy = make(covariances, baseline, mean, Constraints(cash_maximum=1.0))
    before = policy.anchor.pull(40).copy()
    changed = baseline.copy()
    changed[41:] = np.nan
    later = make(covariances, changed, mean, Constraints(cash_maximum=1.0))
    assert np.array_equal(later.anchor.pull(40), before)
