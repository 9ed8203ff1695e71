"""One table of prices in many dialects: each file loads to the same bits as the plain one."""

import gzip

import numpy as np
import pandas as pd
import pytest

from market.load import load_panel
from market.readers.prices import FileSettings

DAYS = pd.bdate_range("2023-12-20", periods=40)
NAMES = ("AAA", "BBB", "CCC")
PRICES = np.round(1500 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.01, (40, 3)), axis=0)), 2)
PRICES[3, 1] = PRICES[20:25, 2] = np.nan


def write(date, number, *, delimiter=",", head=("{names}",), missing="", end="\n", foot=""):
    """Return the text of the table; `date` and `number` write a cell."""
    rows = [
        delimiter.join([date(day), *(missing if np.isnan(price) else number(price) for price in row)])
        for day, row in zip(DAYS, PRICES.tolist(), strict=True)
    ]
    names = delimiter.join(("Date", *NAMES))
    return end.join([*(line.format(names=names) for line in head), *rows]) + end + foot


def iso(day):
    return f"{day:%Y-%m-%d}"


def european(price):
    return f"{price:,.2f}".translate(str.maketrans(",.", ".,"))


FILES = {
    "semicolons": write(lambda d: f"{d:%d.%m.%Y}", european, delimiter=";", missing="-").encode(),
    "tabs, UTF-16": write(iso, lambda p: f"{p:.2f}".replace(".", ","), delimiter="\t").encode("utf-16"),
    "thousands": write(lambda d: f"{d:%m/%d/%y}", lambda p: f'"{p:,.2f}"', missing="n.a.").encode(),
    "currency": write(lambda d: f"{d:%b %d, %Y}", lambda p: f"${p:.2f}", delimiter="|").encode(),
    "Excel": write(lambda d: str((d - pd.Timestamp("1899-12-30")).days), repr).encode("utf-8-sig"),
    "milliseconds": write(lambda d: str(d.value // 10**6), repr, missing=".").encode(),
    "SAS": write(lambda d: f"{d:%d%b%Y}".upper(), repr, missing="NaN").encode(),
    "line ends": write(iso, repr, end="\r\n").encode(),
    "terminal": write(
        lambda d: f"{d:%m/%d/%Y}",
        repr,
        head=(
            "Start Date,12/20/2023,,",
            "End Date,2/13/2024,,",
            ",AAA,BBB,CCC",
            "Dates,PX_LAST,PX_LAST,PX_LAST",
        ),
        missing="#N/A N/A",
    ).encode(),
    "titles and footer": write(
        iso, repr, head=("Prices of assets", "", "{names}"), foot="\nSource: a vendor\n"
    ).encode(),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_each_dialect_has_the_same_bits_also_as_of_a_date(tmp_path, kind, ending):
    plain, path = tmp_path / "plain.csv", tmp_path / f"file{ending}"
    plain.write_text(write(iso, repr))
    path.write_bytes(gzip.compress(FILES[kind]) if ending.endswith("gz") else FILES[kind])
    expected, _ = load_panel("prices", path=plain)
    panel, _ = load_panel("prices", path=path)
    # A table of fields holds its closes as bars, too.
    assert panel.assets == expected.assets
    assert panel.dates.equals(expected.dates)
    assert panel.returns.tobytes() == expected.returns.tobytes()
    for day in (DAYS[5], DAYS[22]):
        part, _ = load_panel("prices", path=path, known_by=day)
        known = expected.as_of(day)
        assert part.dates.equals(known.dates)
        assert part.returns.tobytes() == known.returns.tobytes()


@pytest.mark.parametrize("sign", ["", "%"])
def test_percent_has_the_bits_of_fractions_divided_once(tmp_path, sign):
    cells = ["1.34", "-0.07", "2.21", "0.29"]
    days = pd.date_range("2024-01-31", periods=4, freq="ME")
    path = tmp_path / "x.csv"
    path.write_text("date,A\n" + "".join(f"{iso(d)},{c}{sign}\n" for d, c in zip(days, cells, strict=True)))
    panel, _ = load_panel("prices", path=path, settings=FileSettings(values="returns", scale="percent"))
    assert panel.returns[:, 0].tolist() == [float(cell) / 100 for cell in cells]


def test_decimals_that_look_like_dates_are_none(tmp_path):
    """Behind a decimal comma 5 digits may be a day number of Excel, and 6 a month."""
    days = pd.bdate_range("2007-04-11", periods=60)
    prices = 40 + np.arange(60) * 0.12345 + np.where(np.arange(60) % 7 == 5, 0.000004, 0)
    frame = pd.DataFrame({"A": prices.round(5), "B": np.where(np.arange(60) % 5 == 0, 10.201204, 10.5)})
    frame.index = pd.Index([f"{day:%d/%m/%Y}" for day in days], name="Datum")
    frame.to_csv(tmp_path / "x.csv", sep=";", decimal=",")
    panel, _ = load_panel("prices", path=tmp_path / "x.csv")
    assert panel.dates.equals(days[1:].as_unit(panel.dates.unit))
    np.testing.assert_array_equal(
        panel.returns[:, 0], frame["A"].to_numpy()[1:] / frame["A"].to_numpy()[:-1] - 1
    )
