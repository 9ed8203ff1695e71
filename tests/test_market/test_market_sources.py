"""The one door: names, options, spans."""

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest

from market.errors import DataError, SourceError
from market.load import SOURCES, find_frequency, load_panel
from market.readers.prices import FileSettings


def test_unknown_sources_get_a_suggestion_and_the_list():
    with pytest.raises(
        SourceError,
        match=r"unknown source 'industrys'; did you mean 'industries'.*known: industries, stocks, classes, prices",
    ):
        load_panel("industrys")
    with pytest.raises(SourceError, match="unknown source 'zzz'; known: industries"):
        load_panel("zzz")


def test_prices_need_a_path_and_packaged_sources_take_none(tmp_path):
    with pytest.raises(SourceError, match="needs the path"):
        load_panel("prices")
    with pytest.raises(SourceError, match="'stocks' is packaged and takes no path or cash"):
        load_panel("stocks", path=tmp_path, settings=FileSettings(cash="rf"))


def test_start_and_end_are_included():
    panel, _ = load_panel("industries", start=date(1990, 1, 31), end=date(1991, 6, 30))
    assert panel.dates[0] == pd.Timestamp("1990-01-31")
    assert panel.dates[-1] == pd.Timestamp("1991-06-30")
    assert panel.returns.shape == (18, 12)
    assert panel.cash.shape == panel.market.shape == (18,)
    # The last macro values are those that were out by June 30: May's.
    assert panel.macro["core_cpi"].observed_at[-1] == pd.Timestamp("1991-05-31")
    assert panel.macro["aaa_yield"].observed_at[-1] == pd.Timestamp("1991-05-31")


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "prices"])
def test_end_is_as_of(source):
    whole, _ = load_panel(source)
    for end in (whole.dates[0], whole.dates[100], whole.dates[-2], whole.dates[-1] + pd.Timedelta(days=9)):
        cut, _ = load_panel(source, end=end.date())
        assert cut.digest() == whole.as_of(end).digest()


def test_start_keeps_the_return_of_its_first_row():
    whole, _ = load_panel("stocks")
    cut, _ = load_panel("stocks", start=date(2000, 1, 1))
    assert cut.dates[0] == pd.Timestamp("2000-01-03")
    np.testing.assert_array_equal(cut.returns, whole.returns[whole.dates.searchsorted(cut.dates[0]) :])
    assert cut.notes == whole.notes


@pytest.mark.parametrize(
    "span",
    [
        {"start": date(2020, 1, 1)},
        {"end": date(1940, 1, 1)},
        {"start": date(1990, 1, 1), "end": date(1989, 1, 1)},
    ],
)
def test_a_span_without_dates_names_what_there_is(span):
    with pytest.raises(SourceError, match=r"has no date from .* it runs from 1949-01-31 to 2017-03-31"):
        load_panel("industries", **span)


def test_loading_twice_gives_the_same():
    assert load_panel("industries")[0].digest() == load_panel("industries")[0].digest()


def test_messages_of_a_file_as_of_a_date_name_the_file_itself(tmp_path):
    path = tmp_path / "p.csv"
    lines = [f"2020-01-{day:02d},{100 + day}," + ("" if day == 9 else "5") for day in range(1, 29)]
    path.write_text("\n".join(["date,A,B", *lines, ""]))
    whole = load_panel("prices", path=path)[1]
    part = load_panel("prices", path=path, known_by=pd.Timestamp("2020-01-28"))[1]
    assert [finding.message for finding in part] == [finding.message for finding in whole]
    assert any("B" in finding.message for finding in part)
    path.write_text(path.read_text().replace("105", "-105"))
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}: column 'A'"):
        load_panel("prices", path=path, known_by=pd.Timestamp("2020-01-20"))


@pytest.mark.parametrize("source", ["industries", "stocks"])
def test_the_frequency_of_a_packaged_source_is_known_without_reading_it(source):
    found = find_frequency(source, None, FileSettings())
    assert found.periods_per_year == load_panel(source)[0].periods_per_year
