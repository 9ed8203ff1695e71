"""What cannot be simulated or compared is refused with a reason."""

from dataclasses import replace

import numpy as np
import pytest

from allocation.decision_status import DecisionStatus
from allocation.weights import OptimalityCertificate, Weights
from backtest.costs import TradingCost
from backtest.errors import ComparisonError, SimulationError
from backtest.performance import compare_results
from backtest.simulate import simulate


def run(returns, decisions, target=(1.0,), *, lag=0, rate=0.0, cash=0.0):
    wanted = np.asarray(target, dtype=float)

    def policy(position, state):
        return Weights(position, wanted, cash, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0))

    returns = np.asarray(returns, dtype=float).reshape(-1, len(wanted))
    return simulate(
        "mine",
        returns,
        np.zeros(len(returns)),
        np.asarray(decisions, dtype=np.int64),
        policy,
        cost=TradingCost(rate),
        execution_lag=lag,
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decisions": []}, "no decision rows"),
        ({"decisions": [2, 1]}, "must increase"),
        ({"decisions": [1, 1]}, "must increase"),
        ({"decisions": [0, 9]}, "0 to 9 are outside the data, which has 4 rows"),
        ({"decisions": [-1]}, "outside the data"),
        ({"decisions": [0], "lag": -1}, "execution_lag is -1"),
        ({"decisions": [0], "target": (0.6,)}, "target at row 0 sums to 0.6 with its cash"),
        ({"decisions": [0], "target": (float("nan"),)}, "sums to nan"),
    ],
)
def test_what_cannot_be_simulated(settings, message):
    with pytest.raises(SimulationError, match=f"mine: .*{message}"):
        run([0.0, 0.1, 0.1, 0.1], **settings)


def test_a_short_position_can_lose_everything_and_says_where():
    with pytest.raises(SimulationError, match=r"mine: at row 2 wealth is multiplied by -0\.5"):
        run([[0.0, 0.0], [0.0, 0.0], [0.0, 1.5]], [1], target=(2.0, -1.0))


def test_shorter_data_give_the_same_record_up_to_their_end():
    returns = np.random.default_rng(0).normal(0.01, 0.05, 30)
    whole, cut = run(returns, [3, 9, 15], rate=0.01), run(returns[:13], [3, 9], rate=0.01)
    assert cut.positions.tolist() == list(range(4, 13))
    np.testing.assert_array_equal(cut.net, whole.net[:9])
    assert cut.decisions.tolist() == [3, 9]
    np.testing.assert_allclose(whole.wealth[-1], np.prod(1 + whole.net))


def test_results_of_different_rows_are_not_compared():
    one = run([0.0, 0.1, -0.1, 0.1, 0.2], [0])
    with pytest.raises(ComparisonError, match=r"4 rows, 1 to 4 and 3 rows, 2 to 4"):
        compare_results(one, run([0.0, 0.1, -0.1, 0.1, 0.2], [1]), 12)
    with pytest.raises(ComparisonError, match="cannot be compared"):
        compare_results(one, replace(one, positions=one.positions + 1), 12)
