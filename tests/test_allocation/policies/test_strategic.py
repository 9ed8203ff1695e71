"""Strategic weights in a simulation: against loops that keep money by hand."""

import numpy as np
import pytest
from policy_worlds import fixed, market, run

from allocation.covariance.path import CovariancePath
from allocation.errors import InputError
from allocation.policies.portfolio_state import PortfolioState
from allocation.policies.strategic import Strategic
from allocation.trading.rebalancing import Rebalancing

SIXTY = np.array([0.6, 0.4])


def loop(returns, cash, weights, decide):
    """Keep money in each asset and in cash; `decide` says from shares held whether and to what to trade."""
    money = np.append(weights, 1 - weights.sum())
    wealth, traded = [1.0], [0]
    for t in range(1, len(returns)):
        for i in range(len(weights)):
            money[i] *= 1 + returns[t, i]
        money[-1] *= 1 + cash[t]
        total = money.sum()
        wealth.append(total)
        new = decide(t, money / total)
        if new is not None:
            money = np.asarray(new) * total
            traded.append(t)
    return np.array(wealth), traded


@pytest.mark.parametrize("every", [1, 4, 13])
def test_a_calendar_against_a_loop(every):
    returns, cash = market(1, assets=2, late=False)
    decisions = np.arange(0, 90, 2)
    policy = Strategic(SIXTY, fixed(decisions, 2), decisions, Rebalancing(every))
    result = run(policy, returns, cash, decisions)

    def decide(t, held):
        return [0.6, 0.4, 0.0] if t % 2 == 0 and (t // 2) % every == 0 else None

    wealth, traded = loop(returns, cash, SIXTY, decide)
    assert result.decisions.tolist() == traded
    np.testing.assert_allclose(result.wealth, wealth[1:], rtol=1e-12)


@pytest.mark.parametrize("absolute", [None, 0.02])
@pytest.mark.parametrize("relative", [None, 0.06])
def test_bands_against_a_loop(absolute, relative):
    returns, cash = market(2, assets=3, late=False)
    weights = np.array([0.5, 0.2, 0.2])
    decisions = np.arange(90)
    policy = Strategic(
        weights, fixed(decisions, 3), decisions, Rebalancing(absolute=absolute, relative=relative)
    )
    result = run(policy, returns, cash, decisions)
    full = [*weights, 0.1]

    def decide(t, held):
        for i in range(4):
            widths = []
            if absolute is not None:
                widths.append(absolute)
            if relative is not None:
                widths.append(relative * full[i])
            if not widths or abs(held[i] - full[i]) > min(widths):
                return full
        return None

    wealth, traded = loop(returns, cash, weights, decide)
    assert result.decisions.tolist() == traded
    if absolute or relative:
        assert 2 < len(traded) < 80
    np.testing.assert_allclose(result.wealth, wealth[1:], rtol=1e-12)


def test_nothing_is_traded_inside_the_bands_and_less_to_the_edge():
    returns, cash = market(3, assets=2, late=False)
    decisions = np.arange(90)
    path = fixed(decisions, 2)
    results = {
        to: run(
            Strategic(SIXTY, path, decisions, Rebalancing(absolute=0.02, to=to)), returns, cash, decisions
        )
        for to in ("target", "edge")
    }
    each = run(Strategic(SIXTY, path, decisions, Rebalancing()), returns, cash, decisions)
    for result in results.values():
        assert (np.abs(result.weights[:, 0] - 0.6) <= 0.02 + 1e-9).all()
        assert np.nansum(result.turnover) < np.nansum(each.turnover)
    assert np.nansum(results["edge"].turnover) < np.nansum(results["target"].turnover)
    on_edge = np.abs(np.abs(results["edge"].targets[1:, 0] - 0.6) - 0.02)
    np.testing.assert_allclose(on_edge, 0, atol=1e-12)


def test_what_cannot_be_held_is_shared_by_the_others():
    eligible = np.array([[True, True, False], [False, False, True]])
    path = CovariancePath(np.array([0, 1]), np.zeros((2, 3, 3)), eligible)
    policy = Strategic(np.array([0.4, 0.2, 0.2]), path, np.array([0, 1]), Rebalancing())
    result = policy(0, PortfolioState.empty(3))
    np.testing.assert_allclose(result.weights, [0.8 * 2 / 3, 0.8 / 3, 0])
    assert result.cash == pytest.approx(0.2)
    none = Strategic(np.array([0.5, 0.5, 0.0]), path, np.array([0, 1]), Rebalancing())
    stuck = none(1, PortfolioState.empty(3))
    assert stuck.cash == 1.0
    assert not stuck.weights.any()
    assert stuck.note == "in cash: no asset with a target can be held"


def test_sleeves_of_groups_and_cash():
    path = fixed([0], 3)
    groups = {"growth": np.array([True, True, False]), "safe": np.array([False, False, True])}
    policy = Strategic(np.array([0.3, 0.3, 0.3]), path, np.array([0]), Rebalancing(), groups)
    result = policy(0, PortfolioState.empty(3))
    assert result.sleeves["growth"].weights.tolist() == [0.3, 0.3, 0]
    assert result.sleeves["safe"].weights.tolist() == [0, 0, 0.3]
    assert result.sleeves["cash"].cash == pytest.approx(0.1)


@pytest.mark.parametrize("wrong", [[0.7, 0.7], [-0.1, 0.5], [np.nan, 0.5]])
def test_targets_that_are_no_weights(wrong):
    with pytest.raises(InputError, match="0 or more and sum to 1 at most"):
        Strategic(np.array(wrong), fixed([0], 2), np.array([0]), Rebalancing())
