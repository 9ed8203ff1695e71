"""Delistings in rows of longer periods: a month with a delisting earns what its days earn, and ends the membership."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from market.errors import SourceError
from market.load import load_panel
from market.readers.membership.reading import UniverseFiles
from market.readers.prices import FileSettings

DAYS = pd.bdate_range("2015-01-01", "2017-12-29")


def write(folder, last, delisted, value, again=None):
    """Write prices of four assets, of which D has its last price on `last`, and returns perhaps on `again`."""
    rng = np.random.default_rng(0)
    prices = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, (len(DAYS), 4)), axis=0))
    table = pd.DataFrame(prices, index=DAYS, columns=list("ABCD")).rename_axis("date")
    gone = (last < DAYS) & ((again or pd.Timestamp.max) > DAYS)
    table.loc[gone, "D"] = np.nan
    table.assign(M=100.0 + np.arange(len(DAYS))).to_csv(folder / "p.csv")
    (folder / "m.csv").write_text("asset,from,to\n" + "".join(f"{name},2015-01-01,\n" for name in "ABCD"))
    (folder / "d.csv").write_text(f"asset,date,return\nD,{delisted},{value}\n")


def load(folder, known_by=None, **settings):
    return load_panel(
        "prices",
        path=folder / "p.csv",
        settings=FileSettings(market="M", **settings),
        universe=UniverseFiles(folder / "m.csv", folder / "d.csv"),
        known_by=known_by,
    )


def compound(days, stamps):
    """Return what D earns from each stamp to the next: the oracle, from rows of days; NaN from its end on."""
    own, out = days.returns[:, 3], []
    end = days.dates[np.argmax(days.delisted[:, 3])]
    for before, stamp in pairwise(stamps):
        inside = own[(days.dates > before) & (days.dates <= stamp)]
        out.append(np.prod(1 + inside[np.isfinite(inside)]) - 1 if before < end else np.nan)
    return out


@pytest.mark.parametrize("frequency", ["weekly", "monthly", "quarterly"])
@pytest.mark.parametrize("value", [-1.0, -0.5, 0.1])
@pytest.mark.parametrize(
    ("last", "delisted"),
    [
        ("2016-05-10", "2016-05-11"),
        ("2016-05-10", "2016-05-10"),
        ("2016-05-10", "2016-04-02"),
        ("2016-05-31", "2016-05-31"),
        ("2016-05-31", "2016-06-01"),
        ("2016-05-10", "2016-08-16"),
        ("2016-06-29", "2016-06-30"),
    ],
)
def test_a_period_with_a_delisting_earns_what_its_days_earn(tmp_path, frequency, value, last, delisted):
    write(tmp_path, last, delisted, value)
    days, periods = load(tmp_path)[0], load(tmp_path, frequency=frequency)[0]
    np.testing.assert_allclose(
        periods.returns[1:, 3], np.where(periods.listed[1:, 3], compound(days, periods.dates), np.nan)
    )
    end = int(np.argmax(periods.delisted[:, 3]))
    day = days.dates[np.argmax(days.delisted[:, 3])]
    assert periods.dates[end - 1] < day <= periods.dates[end]
    assert periods.listed[end, 3]
    assert not periods.member[end:, 3].any(), "nobody buys or sells it at its last price after it ended"
    assert np.isnan(periods.returns[end + 1 :, 3]).all()


def test_a_price_after_the_delisting_in_the_same_month_is_of_another_asset(tmp_path):
    write(tmp_path, "2016-05-10", "2016-05-11", -0.5, again=pd.Timestamp("2016-05-20"))
    days, (periods, findings) = load(tmp_path)[0], load(tmp_path, frequency="monthly")
    row = int(np.argmax(periods.delisted[:, 3]))
    assert f"{periods.dates[row]:%Y-%m}" == "2016-05"
    np.testing.assert_allclose(periods.returns[row, 3], compound(days, periods.dates)[row - 1])
    (warning,) = (finding for finding in findings if finding.check == "price after delisting")
    assert warning.date == periods.dates[row]


def test_what_is_known_later_changes_no_month_before(tmp_path):
    write(tmp_path, "2016-05-10", "2016-05-11", -0.5)
    whole = load(tmp_path, frequency="monthly", calendar="weekdays")[0]
    for date in whole.dates[12:24]:
        known = load(tmp_path, date, frequency="monthly", running_period="keep")[0]
        rows = slice(len(known.dates))
        assert known.dates[-1] == date
        np.testing.assert_array_equal(known.returns, whole.returns[rows])
        np.testing.assert_array_equal(known.member, whole.member[rows])
        np.testing.assert_array_equal(known.delisted, whole.delisted[rows])


def test_traded_prices_end_with_a_delisting(tmp_path):
    write(tmp_path, "2016-05-10", "2016-05-11", -0.5)
    pd.read_csv(tmp_path / "p.csv", index_col=0)[list("ABCD")].to_csv(tmp_path / "t.csv")
    panel = load(tmp_path, frequency="monthly", traded={"path": tmp_path / "t.csv"})[0]
    assert np.isnan(panel.traded[panel.delisted]).all()
    assert np.isfinite(panel.traded[~panel.delisted]).any()


def test_a_universe_without_members_is_a_warning(tmp_path):
    write(tmp_path, "2016-05-10", "2016-05-11", -0.5)
    (tmp_path / "m.csv").write_text("asset,from,to\nA,2030-01-01,\n")
    (found,) = (finding for finding in load(tmp_path)[1] if finding.check == "universe")
    assert found.severity == "warning"
    assert "0 of 4 assets with prices are members" in found.message


def test_prices_without_a_row_are_said(tmp_path):
    (tmp_path / "p.csv").write_text("date,asset,price\n")
    with pytest.raises(SourceError, match="no row of data below the names of columns"):
        load_panel("prices", path=tmp_path / "p.csv")
