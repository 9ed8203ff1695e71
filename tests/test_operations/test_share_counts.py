"""Shares are valued and traded at traded prices, not at adjusted ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import make_panel

from operations.champion.holdings import read_holdings
from operations.champion.share_counts import count_shares, value_shares
from operations.errors import OperationsError


@pytest.fixture
def panel():
    whole = make_panel("monthly", 60, 3, late=False, deaths=False, holes=False, macro=False)
    traded = np.full((60, 3), 1.0)
    traded[-1] = [10.0, 200.0, 4.0]
    return replace(whole, assets=("A", "B", "C"), traded=traded)


def read(tmp_path, text):
    path = tmp_path / "held.csv"
    path.write_text(text)
    return read_holdings(path)


def test_shares_are_worth_their_traded_price(tmp_path, panel):
    held = value_shares(read(tmp_path, "asset,shares\nA,30\nB,2\ncash,300\n"), panel)
    assert held.wealth == 1000.0
    assert held.names == ("A", "B", "cash")
    np.testing.assert_allclose(held.weights, [0.3, 0.4, 0.3])
    assert held.cash == pytest.approx(0.3)


def test_money_and_weights_stay_as_they_are(tmp_path, panel):
    for text, wealth in (("asset,value\nA,30\nB,70\n", 100.0), ("asset,weight\nA,0.3\nB,0.7\n", None)):
        held = read(tmp_path, text)
        assert value_shares(held, panel) is held
        assert held.wealth == wealth
        np.testing.assert_allclose(held.weights, [0.3, 0.7])


def test_trades_are_counted_in_shares(panel):
    table = pd.DataFrame({"asset": ["B", "A", "cash"], "trade": [0.1, -0.2, 0.1]})
    counted = count_shares(table, panel, 1000.0)
    np.testing.assert_allclose(counted["shares"][:2], [0.1 * 1000 / 200, -0.2 * 1000 / 10])
    assert np.isnan(counted["shares"][2])
    # The trades cost what they are worth: nothing appears and nothing is lost.
    assert (counted["shares"] * counted["price"])[:2].sum() == pytest.approx(-0.1 * 1000)
    assert count_shares(table, panel, None) is table
    assert count_shares(table, replace(panel, traded=None), 1000.0) is table


def test_a_later_split_of_adjusted_prices_changes_no_count(tmp_path, panel):
    held = read(tmp_path, "asset,shares\nA,30\nB,2\n")
    close = None if panel.close is None else panel.close * 0.5
    split = replace(panel, close=close)
    np.testing.assert_array_equal(value_shares(held, split).weights, value_shares(held, panel).weights)


def test_a_closed_market_is_valued_at_its_last_traded_price(tmp_path, panel):
    returns, traded = panel.returns.copy(), panel.traded.copy()
    returns[-1, 0] = traded[-1, 0] = np.nan
    traded[-2, 0] = 20.0
    shut = replace(panel, returns=returns, traded=traded)
    assert shut.closed[-1, 0]
    held = value_shares(read(tmp_path, "asset,shares\nA,30\nB,2\n"), shut)
    np.testing.assert_allclose(held.weights, [0.6, 0.4])


@pytest.mark.parametrize(
    "text, change, message",
    [
        ("asset,shares\nA,1\n", {"traded": None}, "the data has none; name them in data.traded"),
        ("asset,shares\nX,1\nB,2\n", {}, "data row 1: unknown asset 'X'"),
        ("asset,shares\nA,1\nB,-2\n", {}, "add up to -390"),
        ("asset,shares\nA,1\nB,\n", {}, "'B' has no shares"),
    ],
)
def test_shares_that_cannot_be_valued_are_refused(tmp_path, panel, text, change, message):
    with pytest.raises(OperationsError, match=message):
        value_shares(read(tmp_path, text), replace(panel, **change))


def test_an_asset_without_a_traded_price_is_named(tmp_path, panel):
    traded = panel.traded.copy()
    traded[-1, 1] = np.nan
    with pytest.raises(
        OperationsError, match=r"data row 2: 'B' has no traded price at 1994-12-31 \(data.traded\)"
    ):
        value_shares(read(tmp_path, "asset,shares\nA,1\nB,2\n"), replace(panel, traded=traded))


def test_two_units_in_one_file_are_refused(tmp_path):
    with pytest.raises(OperationsError, match="or asset and shares; found"):
        read(tmp_path, "asset,shares,value\nA,1,2\n")
