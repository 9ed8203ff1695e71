"""Plausibility: values that can be true and look like another unit are named, and real ones are not."""

import numpy as np
import pandas as pd
import pytest

from market.checks.plausibility import check_price_like
from market.checks.units import check_units
from market.frequency import DAILY, MONTHLY, WEEKLY
from market.load import load_panel
from market.readers.prices import FileSettings
from market.values.table import Table

FREQUENCIES = {"ME": MONTHLY, "W-FRI": WEEKLY, "B": DAILY}


def warnings(values, step, kind="returns"):
    dates = pd.date_range("1990-01-31", periods=len(values), freq=step)
    names = tuple("ABCDEFGH"[: values.shape[1]])
    table = Table("x.csv", dates, names, values, kind, FREQUENCIES[step])
    found = list(check_units(table))
    assert all(finding.severity == "warning" for finding in found)
    return [finding.message for finding in found]


def random(mean, spread, rows, seed=0, assets=4):
    return np.random.default_rng(seed).normal(mean, spread, size=(rows, assets))


def walk(level, spread, rows, seed=0):
    return level * np.exp(np.cumsum(random(0.0, spread, rows, seed), axis=0))


@pytest.mark.parametrize(
    ("step", "mean", "spread", "said"),
    [
        ("ME", 0.03, 0.03, "grows by"),
        ("ME", 0.08, 0.28, "a volatility of"),
        ("ME", 0.05, 0.12, "grows by"),
        ("W-FRI", 0.03, 0.22, "a volatility of"),
        ("B", 0.008, 0.10, "a volatility of 1"),
        ("B", 0.012, 0.18, "a volatility of 2"),
    ],
)
def test_bonds_in_percent_read_as_fractions_are_warned_about(step, mean, spread, said):
    rows = 5 * FREQUENCIES[step].periods_per_year
    for seed in range(3):
        values = np.clip(random(mean, spread, rows, seed), -0.95, None)
        found = list(check_units(_table(values, step)))
        assert [finding.check for finding in found] == ["percent"]
        assert "percent_returns" in found[0].message
        if found[0].severity == "warning":
            assert f"the typical asset {'has ' if 'vol' in said else ''}{said}" in found[0].message


def _table(values, step):
    dates = pd.date_range("1990-01-31", periods=len(values), freq=step)
    return Table("x.csv", dates, tuple("ABCD"), values, "returns", FREQUENCIES[step])


def test_a_warning_about_percent_comes_from_the_loader_and_stays_when_rows_are_added(tmp_path):
    values = random(0.03, 0.03, 240)
    values[120:] /= 100
    dates = pd.date_range("1990-01-31", periods=240, freq="ME")
    said = []
    for rows in (120, 180, 240):
        frame = pd.DataFrame(values[:rows], index=dates[:rows], columns=list("ABCD"))
        frame.rename_axis("date").to_csv(tmp_path / "x.csv")
        _, findings = load_panel("prices", path=tmp_path / "x.csv", settings=FileSettings(values="returns"))
        said.append([found.message for found in findings if found.check == "percent"])
        assert len(said[-1]) == 1
    assert said[0] == said[1] == said[2]


@pytest.mark.parametrize(("step", "rows"), [("W-FRI", 24), ("B", 24), ("B", 54), ("B", 130)])
@pytest.mark.parametrize("assets", [1, 4])
def test_less_than_a_year_of_percent_is_warned_about(step, assets, rows):
    yearly = np.sqrt(FREQUENCIES[step].periods_per_year)
    for seed in range(5):  # a short bond of 2.2 % a year, in percent
        (said,) = warnings(np.clip(random(0.0, 2.2 / yearly, rows, seed, assets), -0.95, None), step)
        assert "a volatility of" in said
        assert "percent_returns" in said


@pytest.mark.parametrize(("assets", "volatility"), [(1, 1.0), (4, 0.9)])
def test_fractions_of_a_crisis_of_less_than_a_year_are_not_warned_about(assets, volatility):
    for seed in range(20):
        assert not warnings(random(0.0, volatility / np.sqrt(252), 60, seed, assets), "B")


def test_declared_percent_is_not_warned_about(tmp_path):
    frame = pd.DataFrame(random(8.0, 28.0, 120), index=pd.date_range("1990-01-31", periods=120, freq="ME"))
    frame.clip(lower=-95).rename(columns=str).rename_axis("date").to_csv(tmp_path / "x.csv")
    _, findings = load_panel(
        "prices", path=tmp_path / "x.csv", settings=FileSettings(values="percent_returns")
    )
    assert not [found for found in findings if found.check == "percent"]


@pytest.mark.parametrize(
    ("step", "mean", "spread"),
    [
        ("ME", 0.01, 0.06),
        ("ME", 0.003, 0.001),
        ("B", 0.0007, 0.03),
        ("B", 0.0009, 0.006),
        ("W-FRI", 0.003, 0.03),
    ],
)
def test_real_returns_are_not_warned_about(step, mean, spread):
    for seed in range(3):
        assert warnings(random(mean, spread, 5 * FREQUENCIES[step].periods_per_year, seed), step) == []


@pytest.mark.parametrize(("mean", "spread"), [(0.01, 0.002), (1.005, 0.04)])
def test_returns_declared_as_prices_are_warned_about(mean, spread):
    for step in FREQUENCIES:
        found = warnings(random(mean, spread, 120), step, "prices")
        assert len(found) == 4
        assert all("set data.values: returns" in text and "subtract 1 in the file" in text for text in found)


def test_prices_near_1_and_below_are_not_warned_about():
    for seed in range(50):
        prices = walk(1.0 if seed % 2 else 1e-5, 0.01, 240, seed)
        prices[100, 0] *= 30  # a wrong value is no lack of memory
        assert warnings(prices, "B", "prices") == []
    assert warnings(np.ones((120, 2)), "B", "prices") == []


def test_tiny_prices_declared_as_returns_are_warned_about():
    for seed in range(5):
        (text,) = warnings(walk(1e-5, 0.05, 400, seed)[:, :3], "B")
        assert "look like prices: if they are, set data.values: prices" in text


def exact(growth, volatility, rows, step, assets=4):
    """Return columns of one annual log growth and volatility, whose signs take turns."""
    year = FREQUENCIES[step].periods_per_year
    size = volatility / np.sqrt(year)
    column = (
        np.where(np.arange(rows) % 2, size, -size) * np.tile([0.5, 0.5, 1.32287566, 1.32287566], rows)[:rows]
    )
    column += np.expm1(growth / year) + size**2 / 2
    return np.repeat(column[:, None], assets, axis=1)


@pytest.mark.parametrize(
    ("growth", "volatility", "rows", "step", "assets", "said"),
    [
        (0.0, 0.58, 24, "ME", 4, ""),
        (0.0, 0.63, 24, "ME", 4, "a volatility of 63%"),
        (0.0, 0.75, 24, "ME", 3, "a volatility of 75%"),
        (0.0, 0.75, 24, "ME", 2, ""),  # a wild pair is no table
        (0.0, 0.75, 23, "ME", 4, ""),
        (0.55, 0.45, 47, "ME", 4, ""),  # two years may be lucky
        (0.55, 0.45, 48, "ME", 4, "grows by"),
        (0.30, 0.07, 103, "W-FRI", 4, ""),  # as one year may be
        (0.30, 0.07, 104, "W-FRI", 4, "with a volatility of only 7%"),
    ],
)
def test_the_limits_are_where_they_are_said_to_be(growth, volatility, rows, step, assets, said):
    found = warnings(exact(growth, volatility, rows, step, assets), step)
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_columns_with_few_values_do_not_make_a_table_wild():
    values = exact(0.0, 0.2, 48, "ME")
    values[:, 1:] = np.nan
    values[:5, 1:] = exact(0.0, 0.9, 5, "ME")[:, 1:]
    assert warnings(values, "ME") == []


def test_most_columns_must_resemble_prices():
    values = random(0.0, 0.01, 120)
    prices = walk(0.02, 0.02, 120)
    values[:, :2] = prices[:, :2]
    assert warnings(values, "ME") == []
    values[:, 2] = prices[:, 2]
    assert "in 3 of 4 columns; they look like prices" in warnings(values, "ME")[0]


def test_rates_that_repeat_or_change_sign_are_no_prices():
    def alike(values):
        return list(check_price_like(_table(values, "ME")))

    rates = walk(0.02, 0.02, 120)
    assert len(alike(rates)) == 1
    assert alike(np.round(rates, 3)) == [], "bills are quoted in steps"
    assert alike(rates - rates[:60].min(axis=0) - 1e-5) == []


def test_values_without_memory_are_returns_only_if_they_are_small_and_positive():
    noise = 0.2 * np.random.default_rng(0).uniform(0.5, 1.5, size=(240, 1))
    assert "without memory" in warnings(noise, "ME", "prices")[0]
    assert warnings(1000 * noise, "ME", "prices") == []
    assert warnings(noise - 0.2, "ME", "prices") == [], "a price below 0 is fatal by itself"
    noise[:60, 0] = np.linspace(0.15, 0.25, 60)
    assert "its first 120 values" in warnings(noise, "ME", "prices")[0]
