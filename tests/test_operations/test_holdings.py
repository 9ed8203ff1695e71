"""Holdings: what is no weight, no money or no asset is refused, with its row and what to write instead."""

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from desk import quick

from market.panel import Panel
from operations.champion.holdings import read_holdings
from operations.champion.holdings_check import match_holdings
from operations.errors import OperationsError
from pipeline.config import load_config

ASSETS = ("A00", "A01", "A03", "GONE")
DATES = pd.date_range("2000-01-31", periods=6, freq="ME")


@pytest.fixture
def panel():
    returns = np.zeros((6, 4))
    returns[3:, 3] = np.nan
    flat = np.zeros(6)
    return Panel("p", DATES, ASSETS, returns, flat, flat, 12)


@pytest.fixture
def mine(tmp_path):
    """Return a function that writes a configuration with changes, and reads it."""

    def written(**changes):
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(quick(tmp_path, **changes), sort_keys=False))
        return load_config(path)

    return written


@pytest.fixture
def config(mine):
    return mine()


def held_in(tmp_path, text):
    path = tmp_path / "held.csv"
    path.write_text(text)
    return read_holdings(path)


def refused(tmp_path, text):
    with pytest.raises(OperationsError) as error:
        held_in(tmp_path, text)
    assert len(str(error.value)) < 1500
    return str(error.value)


def test_money_and_weights_say_the_same(tmp_path, panel, config):
    money = held_in(tmp_path, "asset,value\nA00,5000\nA03,2000\ncash,3000\n")
    weights = held_in(tmp_path, "asset,weight\nA00,0.5\nA03,0.2\ncash,0.3\n")
    alone = held_in(tmp_path, "asset,weight\nA00,0.5\nA03,0.2\n")
    wanted = pd.Series({"A00": 0.5, "A03": 0.2})
    for held in (money, weights, alone):
        pd.testing.assert_series_equal(match_holdings(held, panel, config), wanted)
        assert held.cash == pytest.approx(0.3)


@pytest.mark.parametrize("header", ["symbol", "ticker", "Ticker", "Asset"])
def test_the_column_of_assets_may_be_called_as_brokers_call_it(tmp_path, panel, config, header):
    held = held_in(tmp_path, f"{header},weight\nA00,0.5\nA03,0.2\n")
    assert match_holdings(held, panel, config).to_dict() == {"A00": 0.5, "A03": 0.2}
    held = held_in(tmp_path, f"{header},asset,weight\nx,A00,0.5\n") if header != "Asset" else None
    assert held is None or held.names == ("A00",)
    assert "found 'symbol', 'ticker', 'weight'" in refused(tmp_path, "symbol,ticker,weight\nA,B,1\n")


def test_csv_and_parquet_say_the_same(tmp_path):
    table = pd.DataFrame({"asset": ["A00", "A03"], "weight": [0.25, 0.5]})
    table.to_csv(tmp_path / "h.csv", index=False)
    table.to_parquet(tmp_path / "h.parquet", index=False)
    first, second = (read_holdings(tmp_path / f"h.{ending}") for ending in ("csv", "parquet"))
    assert first.names == second.names == ("A00", "A03")
    np.testing.assert_array_equal(first.weights, second.weights)


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "asset,amount\nA00,1\n",
            "expected the columns asset .* or asset and value, or asset and shares; found 'asset', 'amount'",
        ),
        ("asset,weight\nA00,0.5\nA00,0.5\n", "data row 2: 'A00' is there twice"),
        ("asset,weight\nA00,0.5\nA03,\n", "data row 2: 'A03' has no weight"),
        ("asset,weight\nA00,half\n", "expected a number, found 'half'"),
        ("asset,weight\nA00,0.5\ncash,0.3\n", "add up to 0.800000; expected 1"),
        ("asset,value\nA00,5\nA03,-5\n", "add up to 0; expected a positive wealth"),
        ("asset,weight\nA00,60\nA03,40\n", "add up to 100, which looks like percent; write fractions"),
        ("asset,weight\nA00,60\nA03,30\ncash,10\n", "looks like percent"),
        ("asset,weight\nA00,55\nA03,30\n", "looks like percent"),
        ("asset,weight\nA00,0.7\nA03,0.6\n", "add up to 1.3, expected 1 at most; .* the row cash,-0.3"),
        ("asset,weight\nA00,0.006\nA03,0.004\n", "add up to 0.01, so that nearly all would be cash"),
        ("asset,weight\nA00,1e300\n", "data row 1: 'A00' has the weight 1e.300, expected 1000 at most"),
        ("asset,value\nA00,1e308\nA03,1e308\n", "data row 1: 'A00' has the value 1e.308, expected 1e.18"),
        ("asset,value\nA00,1000\nA03,-999\n", "'A00' is 1000 times the wealth, expected 10 at most"),
        ("asset,weight\nA00,1500\n", "data row 1: 'A00' has the weight 1500, expected 1000 at most"),
        ("asset,weight\nA00,0.7\ncash,0.2995\n", "weights with cash add up to 0.999500; expected 1"),
        (
            "asset,value\nA00,-1000\nA01,501\nA03,500\n",
            "'A00' is -1000 times the wealth, expected 10 at most",
        ),
        ("asset,weight\nA00,80\nA03,60\n", "add up to 140, which looks like percent"),
        ("asset,weight\nA00 ,1\n", "data row 1: 'A00 ' has blanks around it; write 'A00'"),
        ("asset,weight\n ,1\n", "data row 1: no asset is named"),
        ("asset,weight\n", "no row below the header"),
    ],
)
def test_what_is_no_weight_and_no_money_is_named(tmp_path, text, message):
    with pytest.raises(OperationsError, match=message):
        held_in(tmp_path, text)


@pytest.mark.parametrize(
    "text, message",
    [
        ("asset,weight\nA00,0.5\nAO3,0.5\n", "data row 2: unknown asset 'AO3'; did you mean 'A03'"),
        ("asset,weight\na00,1\n", "data row 1: unknown asset 'a00'; did you mean 'A00'"),
        ("asset,weight\nA00,0.5\nCASH,0.5\n", "data row 2: unknown asset 'CASH'; did you mean 'cash'"),
        (
            "asset,weight\nA00,1.2\nA03,-0.2\n",
            "data row 2: 'A03' is held short .-0.2., and allocation.minimum 0 of the champion forbids that; "
            "if the sign is wrong, correct it; if not, buy it back first, which takes 0.2 of wealth out of cash",
        ),
        ("asset,weight\nA00,1.3\ncash,-0.3\n", "cash is -0.3 of wealth, .* allows no borrowing"),
        ("asset,weight\nGONE,1\n", "'GONE' has no price at 2000-06-30, the last one 2000-03-31"),
    ],
)
def test_what_does_not_fit_the_data_or_the_limits_is_named(tmp_path, panel, config, text, message):
    with pytest.raises(OperationsError, match=message):
        match_holdings(held_in(tmp_path, text), panel, config)


def test_the_way_out_of_a_short_position_that_is_named_works(tmp_path, panel, config):
    with pytest.raises(OperationsError, match=r"takes 0\.25 of wealth out of cash"):
        match_holdings(held_in(tmp_path, "asset,weight\nA00,0.5\nA03,-0.25\ncash,0.75\n"), panel, config)
    held = match_holdings(held_in(tmp_path, "asset,weight\nA00,0.5\ncash,0.5\n"), panel, config)
    assert held.to_dict() == {"A00": 0.5}


def test_what_the_limits_allow_may_be_held(tmp_path, panel, mine):
    config = mine(allocation__minimum=-0.3, allocation__cash_minimum=-0.5)
    held = held_in(tmp_path, "asset,weight\nA00,1.2\nA03,-0.2\n")
    assert match_holdings(held, panel, config)["A03"] == -0.2
    held = held_in(tmp_path, "asset,weight\nA00,1.3\ncash,-0.3\n")
    assert match_holdings(held, panel, config).sum() == 1.3
    held = held_in(tmp_path, "asset,weight\nA00,1.005\ncash,-0.005\n")
    assert match_holdings(held, panel, mine())["A00"] == 1.005, "costs and settlement are no borrowing"
    own = mine(allocation__overrides={"A03": {"minimum": -0.4}})
    held = held_in(tmp_path, "asset,weight\nA00,1.2\nA03,-0.2\n")
    assert match_holdings(held, panel, own)["A03"] == -0.2


def test_a_strategy_that_is_exempt_from_the_limit_of_cash_may_borrow(tmp_path, panel, mine):
    held = held_in(tmp_path, "asset,weight\nA00,1.3\ncash,-0.3\n")
    mix = {"kind": "strategic", "weights": {"A00": 0.5, "A03": 0.5}, "sleeves": {"a": ["A00"], "b": ["A03"]}}
    tactical = {"kind": "tactical", "strategic": "mix", "forecast": "ridge"}
    for exempt in (["annual_tracking_error"], ["cash"]):
        strategies = {"mix": mix, "tilted": {**tactical, "exempt": exempt}}
        config = mine(strategies=strategies, allocation__strategy="tilted")
        if exempt == ["cash"]:
            assert match_holdings(held, panel, config)["A00"] == 1.3
        else:
            with pytest.raises(OperationsError, match="allows no borrowing"):
                match_holdings(held, panel, config)


def test_what_is_closed_for_a_holiday_may_be_held_and_what_is_gone_may_have_no_weight(
    tmp_path, panel, config
):
    returns = panel.returns.copy()
    returns[-1, 0] = np.nan
    held = held_in(tmp_path, "asset,weight\nA00,0.5\nA03,0.5\nGONE,0\n")
    assert match_holdings(held, replace(panel, returns=returns), config)["A00"] == 0.5


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "device"])
def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path, kind):
    path = tmp_path / "held.csv"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises(
        OperationsError, match=r"held\.csv: it (does not exist|is a (folder|named pipe|device))"
    ):
        read_holdings(path)
