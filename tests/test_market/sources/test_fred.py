"""FRED and ALFRED: answers in the form of the API and of the CSV files of the site, and vintages as they were."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from web_server import Planned

from market.errors import SourceError, UnreachableError
from market.load import load_panel
from market.sources.kinds import FredSeries
from market.sources.settings import FetchSettings
from market.sources.web import fred

KEY = "abcdefghijklmnopqrstuvwxyz012345"
DAY = dt.timedelta(days=1)
OPEN = dt.date(9999, 12, 31)


@pytest.fixture
def site(server, monkeypatch):
    """A server that stands for the API and for the site."""
    monkeypatch.setattr(fred, "_API", f"{server.url}/fred")
    monkeypatch.setattr(fred, "_GRAPH", f"{server.url}/graph/fredgraph.csv")
    monkeypatch.delenv(fred.KEY, raising=False)
    return server


def fetch(*series, **options):
    return fred.fetch_fred(FredSeries(series, **options), FetchSettings(attempts=1, timeout_seconds=5))


def answer(content, status=200):
    return Planned(json.dumps(content).encode(), status, {"Content-Type": "application/json; charset=utf-8"})


OBSERVATIONS = {
    "realtime_start": "2020-06-01",
    "realtime_end": "2020-06-01",
    "observation_start": "1600-01-01",
    "observation_end": "9999-12-31",
    "units": "lin",
    "output_type": 1,
    "file_type": "json",
    "order_by": "observation_date",
    "sort_order": "asc",
    "count": 3,
    "offset": 0,
    "limit": 100000,
    "observations": [
        {
            "realtime_start": "2020-06-01",
            "realtime_end": "2020-06-01",
            "date": "2020-01-01",
            "value": "258.682",
        },
        {"realtime_start": "2020-06-01", "realtime_end": "2020-06-01", "date": "2020-02-01", "value": "."},
        {
            "realtime_start": "2020-06-01",
            "realtime_end": "2020-06-01",
            "date": "2020-03-01",
            "value": "-3.7e-1",
        },
    ],
}
"""An answer of fred/series/observations."""


def test_observations_of_the_api(site, monkeypatch):
    monkeypatch.setenv(fred.KEY, KEY)
    site.plan = [answer(OBSERVATIONS)]
    table = fetch("CPIAUCSL", start=dt.date(2020, 1, 1))
    assert table.to_pydict() == {
        "date": [dt.date(2020, m, 1) for m in (1, 2, 3)],
        "CPIAUCSL": [258.682, None, -0.37],
    }
    (asked,) = site.asked
    assert asked.path == "/fred/series/observations"
    assert asked.parameters["api_key"] == KEY
    assert (asked.parameters["series_id"], asked.parameters["file_type"]) == ("CPIAUCSL", "json")
    assert asked.parameters["observation_start"] == "2020-01-01"


def test_observations_of_several_pages_and_series(site, monkeypatch):
    monkeypatch.setenv(fred.KEY, KEY)
    monkeypatch.setattr(fred, "_PAGE", 2)
    days = {"A": pd.date_range("2020-01-01", periods=5), "B": pd.date_range("2020-01-04", periods=3)}

    def plan(asked):
        own, offset = days[asked.parameters["series_id"]], int(asked.parameters["offset"])
        rows = [
            {
                "realtime_start": "2020-06-01",
                "realtime_end": "2020-06-01",
                "date": str(d.date()),
                "value": str(d.day),
            }
            for d in own
        ]
        return answer(
            {"count": len(own), "offset": offset, "limit": 2, "observations": rows[offset : offset + 2]}
        )

    site.plan = plan
    table = fetch("A", "B").to_pydict()
    assert table["A"] == [1.0, 2.0, 3.0, 4.0, 5.0, None]
    assert table["B"] == [None, None, None, 4.0, 5.0, 6.0]
    assert len(site.asked) == 3 + 2


def simulate_api(rows):
    """An ALFRED that holds some values with their days of validity, and cuts these at the ends of what is asked."""
    days = sorted({start for _, start, _, _ in rows} | {end + DAY for _, _, end, _ in rows if end != OPEN})

    def plan(asked):
        if asked.path.endswith("vintagedates"):
            offset = int(asked.parameters["offset"])
            part = [str(day) for day in days[offset : offset + 3]]
            return answer({"count": len(days), "offset": offset, "limit": 3, "vintage_dates": part})
        first, last = (dt.date.fromisoformat(asked.parameters[f"realtime_{end}"]) for end in ("start", "end"))
        if sum(first <= day <= last for day in days) > 4:
            text = "Bad Request.  This exceeds the maximum number of vintage dates allowed (4)."
            return answer({"error_code": 400, "error_message": text}, 400)
        found = [
            {
                "realtime_start": str(max(start, first)),
                "realtime_end": str(min(end, last)),
                "date": str(date),
                "value": "." if value is None else str(value),
            }
            for date, start, end, value in rows
            if start <= last and end >= first
        ]
        return answer({"count": len(found), "offset": 0, "limit": 100000, "observations": found})

    return plan


@pytest.mark.parametrize("at_once", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_vintages_are_whole_however_they_are_asked_for(site, monkeypatch, at_once, seed):
    monkeypatch.setenv(fred.KEY, KEY)
    monkeypatch.setattr(fred, "_VINTAGES", at_once)
    rng = np.random.default_rng(seed)
    truth = []
    for month in range(1, 7):
        date, start = dt.date(2020, month, 1), dt.date(2020, month, 1) + 14 * DAY
        for n in range(rng.integers(1, 4)):
            value = None if rng.random() < 0.2 else float(n + rng.integers(1, 4) / 10)
            stop = start + int(rng.integers(1, 3)) * 10 * DAY
            truth.append([date, start, stop - DAY, value])
            start = stop
        truth[-1][2] = OPEN
    site.plan = simulate_api([tuple(row) for row in truth])
    table = fetch("GNPCA", vintages=True)
    assert table.column_names == ["date", "realtime_start", "realtime_end", "GNPCA"]
    rows = list(zip(*table.to_pydict().values(), strict=True))
    expected = []
    for date, start, end, value in truth:
        if (
            expected
            and expected[-1][0] == date
            and expected[-1][3] == value
            and expected[-1][2] + DAY == start
        ):
            expected[-1] = (date, expected[-1][1], end, value)
        else:
            expected.append((date, start, end, value))
    assert rows == [(d, s, None if e == OPEN else e, v) for d, s, e, v in expected]


def test_vintages_need_a_key(site):
    with pytest.raises(SourceError, match=r"ALFRED GNPCA: vintages need a key .* variable FRED_API_KEY"):
        fetch("GNPCA", vintages=True)
    assert site.asked == []


def test_an_error_of_the_api_is_told_without_the_key(site, monkeypatch):
    monkeypatch.setenv(fred.KEY, KEY)
    text = f"Bad Request.  The series does not exist. ({KEY})"
    site.plan = [answer({"error_code": 400, "error_message": text}, 400)]
    with pytest.raises(
        SourceError, match=r"the API answered 400: Bad Request.  The series does not exist. \(\*\*\*\)"
    ):
        fetch("NONE")
    site.plan = [Planned(b"<html>", 200)]
    with pytest.raises(SourceError, match="answered 200 with '<html>', expected JSON"):
        fetch("NONE")
    site.plan = [answer({"observations": [{"date": "2020-01-01", "value": "x"}], "count": 1})]
    with pytest.raises(SourceError, match="an observation of another form"):
        fetch("NONE")
    site.plan = [answer({"count": 2, "observations": []})]
    with pytest.raises(SourceError, match="0 of 2 observations came"):
        fetch("NONE")
    site.plan = [Planned(status=503)]
    with pytest.raises(UnreachableError, match="503") as caught:
        fetch("NONE")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "observation_date,SP500\n2020-01-02,3257.85\n2020-01-03,\n2020-01-06,3246.28\n",
        "DATE,SP500\r\n2020-01-02,3257.85\r\n2020-01-03,.\r\n2020-01-06,3246.28\r\n",
    ],
    ids=["now", "before 2025"],
)
def test_the_csv_file_without_a_key(site, text):
    site.plan = [Planned(text.encode(), headers={"Content-Type": "application/csv"})]
    table = fetch("SP500", start=dt.date(2020, 1, 2)).to_pydict()
    assert table["SP500"] == [3257.85, None, 3246.28]
    assert table["date"][0] == dt.date(2020, 1, 2)
    assert site.asked[0].parameters == {"id": "SP500", "cosd": "2020-01-02"}


@pytest.mark.parametrize(
    ("planned", "message"),
    [
        (
            Planned(b"<!DOCTYPE html><title>Error</title>", 404),
            "answered 404 and no CSV file; is SP500 the name",
        ),
        (Planned(b"<!DOCTYPE html><title>Error</title>"), "answered 200 and no CSV file"),
        (Planned(b"observation_date,OTHER\n2020-01-02,1\n"), "has the columns .*expected the date and SP500"),
        (Planned(b"observation_date,SP500\n2020-01-02,1,2\n"), "line 2 of the CSV file is"),
        (Planned(b"observation_date,SP500\n02.01.2020,1\n"), "line 2 of the CSV file is"),
        (Planned(b""), "has the columns"),
    ],
)
def test_a_file_of_another_form_is_refused(site, planned, message):
    site.plan = [planned]
    with pytest.raises(SourceError, match=message):
        fetch("SP500")


def test_series_are_read_as_prices(site, tmp_path):
    days = pd.bdate_range("2020-01-01", periods=60)
    levels = {
        name: 100 * np.exp(np.cumsum(0.01 * np.random.default_rng(n).standard_normal(60)))
        for n, name in enumerate("AB")
    }

    def plan(asked):
        name = asked.parameters["id"]
        rows = "".join(
            f"{day:%Y-%m-%d},{level!r}\n" for day, level in zip(days, levels[name].tolist(), strict=True)
        )
        return Planned(f"observation_date,{name}\n{rows}".encode())

    site.plan = plan
    panel, _ = load_panel("prices", path=FredSeries(("A", "B")), fetch=FetchSettings(cache=tmp_path))
    expected = pd.DataFrame(levels).pct_change().iloc[1:].to_numpy()
    np.testing.assert_allclose(panel.returns, expected, rtol=1e-10)
