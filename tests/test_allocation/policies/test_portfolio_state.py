"""Books of sleeves: literal numbers."""

import numpy as np
import pytest

from allocation.policies.portfolio_state import PortfolioState, SleevePaths
from allocation.weights import Sleeve


def test_a_sleeve_is_a_portfolio_of_its_own():
    sleeves = {
        "core/stocks": Sleeve(np.array([0.3, 0.0])),
        "core/bonds": Sleeve(np.array([0.0, 0.1]), 0.2),
        "corey": Sleeve(np.array([0.1, 0.0]), 0.3),
    }
    # Two rows: core has half of wealth and brings 1 % and 2 % to the whole, so 2 % and 4 % to itself.
    share = np.array([[0.25, 0.25, 0.5], [0.25, 0.25, 0.5]])
    gross = np.array([[0.01, 0.005, 0.3], [0.02, 0.0, 0.1]])
    cost = np.array([[0.005, 0.0, 0.1], [0.0, 0.0, 0.0]])
    paths = SleevePaths(tuple(sleeves), share, gross, cost)
    state = PortfolioState(np.array([0.4, 0.1]), 0.5, np.array([1.0, 1.2, 1.3]), sleeves, True, paths)
    core = state.select_sleeve("core")
    assert state.share("core") == pytest.approx(0.6)
    np.testing.assert_allclose(core.weights, [0.5, 1 / 6])
    assert core.cash == pytest.approx(1 / 3)
    np.testing.assert_allclose(core.wealth, [1, 1.02, 1.02 * 1.04])
    assert set(core.sleeves) == {"stocks", "bonds"}
    bonds = core.select_sleeve("bonds")
    np.testing.assert_allclose(bonds.weights, [0, 1 / 3])
    assert bonds.cash == pytest.approx(2 / 3)
    np.testing.assert_allclose(bonds.wealth, [1, 1.02, 1.02])
    assert not bonds.sleeves


def test_a_sleeve_that_holds_nothing_begins_from_what_all_hold():
    state = PortfolioState(
        np.array([0.4, 0.1]), 0.5, np.array([1.0, 1.2]), {"a": Sleeve(np.array([0.4, 0.1]), 0.5)}
    )
    other = state.select_sleeve("b")
    assert not other.started
    assert other.weights.tolist() == [0.4, 0.1]
    assert other.wealth.tolist() == [1.0]
    assert not other.sleeves
