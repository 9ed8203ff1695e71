"""Units: percent and prices are not taken for returns as fractions, and wild returns are believed."""

import numpy as np
import pandas as pd
import pytest

from market.checks.units import check_units
from market.errors import IntegrityError
from market.frequency import DAILY, MONTHLY
from market.load import load_panel
from market.readers.prices import FileSettings
from market.values.table import Table


def table(values, frequency=MONTHLY):
    values = np.asarray(values, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    dates = pd.date_range("1990-01-31", periods=len(values), freq="ME" if frequency is MONTHLY else "B")
    names = tuple("ABCDEFGH"[: values.shape[1]])
    return Table("x.csv", dates, names, values, "returns", frequency)


def fatal(values, frequency=MONTHLY):
    return [found.message for found in check_units(table(values, frequency)) if found.severity == "fatal"]


def random(mean, spread, rows, seed=0, assets=3):
    return np.random.default_rng(seed).normal(mean, spread, size=(rows, assets))


def test_percent_that_stays_above_minus_one_is_refused():
    bonds = np.abs(random(0.25, 0.15, 200))
    (first, *_) = fatal(bonds)
    assert "set data.values: percent_returns" in first
    bonds[::7] *= -1  # falls now and then: it does not look like prices
    (first, *_) = fatal(bonds)
    assert "set data.values: percent_returns" in first


def test_percent_is_judged_by_the_frequency():
    daily = np.clip(random(0.0, 0.3, 600), -0.9, None)
    assert "daily returns" in fatal(daily, DAILY)[0]


def test_daily_bonds_in_percent_are_refused_by_a_growth_that_nothing_has():
    """Their typical size is that of a wild asset, but nothing goes on to multiply by ten each year."""
    (first,) = fatal(random(3.0 / 252, 1.0 / 252**0.5, 800), DAILY)
    assert "if they are in percent, set data.values: percent_returns" in first


def test_one_column_of_percent_among_fractions_is_named(tmp_path):
    returns = random(0.005, 0.04, 120)
    returns[:, 1] = 0.4 + random(0, 0.2, 120)[:, 0]  # a bond fund in percent that never loses all
    (first,) = fatal(returns)
    assert "column 'B', 1990-01-31: " in first
    assert "if it is in percent, divide it by 100 in the file" in first
    returns[:, 1] = random(0.5, 4.0, 120)[:, 0]
    frame = pd.DataFrame(
        returns, index=pd.date_range("1990-01-31", periods=120, freq="ME"), columns=list("ABC")
    )
    frame.rename_axis("date").to_csv(tmp_path / "x.csv")
    with pytest.raises(
        IntegrityError, match=r"column 'B'.* looks like percent beside fractions: divide it by 100"
    ):
        load_panel("prices", path=tmp_path / "x.csv", settings=FileSettings(values="returns"))


def test_small_prices_declared_as_returns_are_named_as_prices_too():
    (first, *_) = fatal(0.1 * np.cumprod(1 + random(0.005, 0.04, 120), axis=0))
    assert "if they are prices, set data.values: prices" in first


@pytest.mark.parametrize(
    ("name", "frequency", "mean", "spread"),
    [
        ("stocks", MONTHLY, 0.01, 0.05),
        ("crypto", MONTHLY, 0.08, 0.30),
        ("crypto", DAILY, 0.002, 0.06),
        ("leveraged", DAILY, 0.001, 0.04),
        ("bills in a high inflation", MONTHLY, 0.03, 0.002),
        ("bills", MONTHLY, 0.003, 0.001),
    ],
)
def test_real_returns_pass(name, frequency, mean, spread):
    for seed in range(5):
        logs = random(mean, spread, 6 * frequency.periods_per_year, seed)
        assert fatal(np.expm1(logs - spread**2 / 2), frequency) == [], name


def test_prices_as_returns_are_refused():
    walk = 100 * np.exp(np.cumsum(random(0.0, 0.01, 60), axis=0))
    assert "look like prices: set data.values: prices" in fatal(walk, DAILY)[0]
    assert "look like prices: set data.values: prices" in fatal(walk / 100, DAILY)[0]


def test_gross_returns_are_named_as_such():
    named = 0
    for seed in range(10):
        gross = 1 + random(0.01, 0.04, 60, seed)
        assert "or like gross returns, 1 plus the return: then subtract 1" in fatal(gross)[0]
        walk = np.exp(np.cumsum(random(0.0, 0.04, 60, seed), axis=0))  # prices that begin at 1
        assert "set data.values: prices" in fatal(walk)[0]
        named += sum("gross" in message for message in fatal(walk))
    assert named < 10  # of 30 columns


def test_a_code_for_a_missing_value_divided_by_100_is_no_loss(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("date,A\n2020-01-31,0.01\n2020-02-29,-0.9999\n2020-03-31,0.02\n2020-04-30,0.01\n")
    with pytest.raises(IntegrityError, match=r"-99\.99 percent is a common code for a missing value"):
        load_panel("prices", path=path, settings=FileSettings(values="returns"))


def test_counts_among_prices_are_refused_whatever_they_are_called(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"A": 50 * np.cumprod(1 + rng.normal(0, 0.05, 120)), "Traded": np.round(rng.lognormal(9, 0.8, 120))},
        index=pd.date_range("2000-01-31", periods=120, freq="ME"),
    )
    table.rename_axis("date").to_csv(tmp_path / "p.csv")
    with pytest.raises(IntegrityError, match=r"column 'Traded'.* looks like a volume or another count"):
        load_panel("prices", path=tmp_path / "p.csv")
    wild = pd.DataFrame({"coin": 50 * np.exp(np.cumsum(rng.normal(0, 0.35, 120)))}, index=table.index)
    wild.rename_axis("date").to_csv(tmp_path / "p.csv")  # 120 % a year in a month's steps
    load_panel("prices", path=tmp_path / "p.csv")


def test_fractions_declared_as_percent_are_refused(tmp_path):
    moves = random(0.005, 0.04, 120)
    table = pd.DataFrame(
        moves, index=pd.date_range("2000-01-31", periods=120, freq="ME"), columns=list("ABC")
    )
    table.rename_axis("date").to_csv(tmp_path / "p.csv")
    with pytest.raises(IntegrityError, match=r"look like fractions: set data\.values: returns"):
        load_panel("prices", path=tmp_path / "p.csv", settings=FileSettings(values="percent_returns"))
    (100 * table).rename_axis("date").to_csv(tmp_path / "p.csv")
    load_panel("prices", path=tmp_path / "p.csv", settings=FileSettings(values="percent_returns"))


def test_no_beginning_is_refused_where_the_whole_is_not():
    for seed in range(20):
        wild = np.expm1(random(0.1, 0.5, 300, seed))
        if not fatal(wild):
            assert not any(fatal(wild[:n]) for n in range(12, 300, 12)), seed


def test_percent_is_read_and_its_codes_for_missing_values_are_named(tmp_path):
    path = tmp_path / "french.csv"
    path.write_text(
        ",Cnsmr,Other\n202310,-1.65,-2.90\n202311,8.66,11.13\n202312,5.26,7.30\n202401,1.34,-99.99\n"
    )
    panel, findings = load_panel("prices", path=path, settings=FileSettings(values="percent_returns"))
    np.testing.assert_allclose(panel.returns[:, 0], [-0.0165, 0.0866, 0.0526, 0.0134])
    assert np.isnan(panel.returns[-1, 1])
    (warning,) = [found for found in findings if found.check == "missing code"]
    assert "column 'Other', 2024-01-31: -99.99 is read as a missing value" in warning.message
    with pytest.raises(IntegrityError, match=r"looks like returns: set data\.values: percent_returns"):
        load_panel("prices", path=path)


def test_a_market_with_a_kind_of_its_own_is_not_taken_for_percent(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("date,A,I\n2020-01-31,1.0,50\n2020-02-29,-2.0,51\n2020-03-31,1.5,52\n")
    market = {"column": "I", "values": "prices"}
    panel, _ = load_panel("prices", path=path, settings=FileSettings(values="percent_returns", market=market))
    np.testing.assert_allclose(panel.market, [np.nan, 0.02, 1 / 51])
    np.testing.assert_allclose(panel.returns[:, 0], [0.01, -0.02, 0.015])


def test_zero_and_negative_prices_have_reasons_of_their_own(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("date,A,CL\n2020-04-17,1,18.27\n2020-04-20,2,-37.63\n2020-04-21,3,10.01\n")
    with pytest.raises(
        IntegrityError, match=r"'CL', 2020-04-20: price is -37\.63.* can be negative, such as oil"
    ):
        load_panel("prices", path=path)
    path.write_text("date,A,B\n2020-04-17,1,18.27\n2020-04-20,2,0\n2020-04-21,3,10.01\n")
    with pytest.raises(
        IntegrityError, match="price is 0, expected more than 0; leave a cell empty"
    ) as refused:
        load_panel("prices", path=path)
    assert "oil" not in str(refused.value)
