"""Series and tables give the same records from every source, and messages name the source."""

import datetime as dt
import json
import sqlite3
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from web_server import Planned

from market.errors import IntegrityError, SourceError
from market.readers.dated.series import load_series
from market.readers.dated.settings import DatedSettings
from market.readers.dated.tables import load_tables
from market.sources.kinds import Download, DuckdbQuery, Files, FredSeries, Function, SqlQuery
from market.sources.settings import FetchSettings, find_origins
from market.sources.web import fred

MONTHLY = DatedSettings(column="value", lag="1 month")
ASSETS = ("AA", "BB", "CC")
FILED = DatedSettings(column="score", known_at="filed", max_age="9 months")


@pytest.fixture
def rows():
    stamps = pd.date_range("2015-01-01", periods=60, freq="MS")
    return pd.DataFrame({"date": stamps, "value": (np.arange(60.0) ** 1.5).round(4)})


@pytest.fixture
def filings():
    rng = np.random.default_rng(0)
    ends = pd.date_range("2015-03-31", periods=12, freq="QE")
    cells = [
        {
            "date": end,
            "asset": asset,
            "score": round(rng.normal(), 4),
            "filed": end + pd.Timedelta(days=int(rng.integers(20, 90))),
        }
        for end in ends
        for asset in ASSETS
    ]
    return pd.DataFrame(cells)


@pytest.fixture
def fetch(tmp_path):
    return FetchSettings(cache=tmp_path / "cache", attempts=1, timeout_seconds=5)


def records(series):
    return {
        name: (each.values.tolist(), list(each.observed_at), list(each.known_at), each.max_age_days)
        for name, each in series.items()
    }


def cells(tables):
    return {
        name: (each.value.tolist(), each.asset.tolist(), list(each.observed_at), list(each.known_at))
        for name, each in tables.items()
    }


def make_sources(frame, folder, server, monkeypatch):
    """Return the rows of a frame as each kind of source."""
    frame.to_csv(folder / "one.csv", index=False)
    frame.to_excel(folder / "one.xlsx", index=False)
    with sqlite3.connect(folder / "one.db") as connection:
        text = frame.assign(**{c: frame[c].astype(str) for c in frame.columns if c in ("date", "filed")})
        text.to_sql("rows", connection, index=False)
    connection.close()
    (folder / "parts").mkdir()
    for place in range(3):
        frame.iloc[place::3].to_csv(folder / "parts" / f"part{place}.csv", index=False)
    server.plan = [
        Planned((folder / "one.csv").read_bytes(), headers={"Content-Type": "text/csv; charset=utf-8"})
    ]
    monkeypatch.setitem(sys.modules, "my_rows", SimpleNamespace(load=lambda: frame))
    parts = folder / "parts"
    return {
        "excel": Files((folder / "one.xlsx",)),
        "sql": SqlQuery(f"sqlite:///{folder}/one.db", "select * from rows"),
        "duckdb": DuckdbQuery(f"select * from '{folder}/one.csv'"),
        "folder": Files((parts,)),
        "pattern": Files((parts / "part*.csv",)),
        "list": Files((parts / "part2.csv", parts / "part0.csv", parts / "part1.csv")),
        "address": Download(f"{server.url}/one.csv"),
        "function": Function("my_rows:load"),
    }


def test_a_series_is_the_same_from_every_source(rows, tmp_path, server, monkeypatch, fetch):
    sources = make_sources(rows, tmp_path, server, monkeypatch)
    wanted = records(load_series(tmp_path / "one.csv", "x", MONTHLY)[0])
    assert wanted["x"][1][0] == pd.Timestamp("2015-01-31")
    for kind, source in sources.items():
        made, findings = load_series(source, "x", MONTHLY, fetch=fetch)
        assert records(made) == wanted, kind
        assert any("stamps are first days of a month" in each.message for each in findings), kind
        assert not any("/tangency-" in each.message for each in findings), kind
        assert kind == "excel" or len(find_origins(findings)) == 1, kind


def test_a_table_is_the_same_from_every_source(filings, tmp_path, server, monkeypatch, fetch):
    sources = make_sources(filings, tmp_path, server, monkeypatch)
    wanted = cells(load_tables(tmp_path / "one.csv", "x", FILED, ASSETS)[0])
    assert len(wanted["x"][0]) == 36
    for kind, source in sources.items():
        assert cells(load_tables(source, "x", FILED, ASSETS, fetch=fetch)[0]) == wanted, kind


def test_files_with_one_series_or_one_asset_each(rows, tmp_path):
    folder = tmp_path / "fred"
    folder.mkdir()
    for name, factor in (("CPI", 1.0), ("GDP", -2.0)):
        rows.rename(columns={"date": "DATE", "value": name}).assign(**{name: factor * rows["value"]}).to_csv(
            folder / f"{name}.csv", index=False
        )
    every = DatedSettings(columns="all", lag="1 month")
    made, _ = load_series(Files((folder,)), "m", every)
    assert list(made) == ["m_CPI", "m_GDP"]
    alone, _ = load_series(folder / "GDP.csv", "m_GDP", DatedSettings(lag="1 month"))
    assert records({"m_GDP": made["m_GDP"]}) == records(alone)
    with pytest.raises(SourceError, match="different columns of values, 'CPI', 'GDP'; say columns: all"):
        load_series(Files((folder,)), "m", DatedSettings(lag="1 month"))

    mood = tmp_path / "mood"
    mood.mkdir()
    for asset, factor in (("AA", 1.0), ("BB", 3.0)):
        rows.assign(value=factor * rows["value"]).to_csv(mood / f"{asset}.csv", index=False)
    slow = DatedSettings(lag="0 days", max_age="3 months")
    tables, _ = load_tables(Files((mood,)), "mood", slow, ASSETS)
    wide = pd.DataFrame({"date": rows["date"], "AA": rows["value"], "BB": 3.0 * rows["value"]})
    wide.to_csv(tmp_path / "wide.csv", index=False)
    expected, _ = load_tables(tmp_path / "wide.csv", "mood", slow, ASSETS)
    on = pd.date_range("2015-01-01", "2020-06-01", freq="W")
    np.testing.assert_array_equal(tables["mood"].at(on), expected["mood"].at(on))
    assert np.isfinite(tables["mood"].at(on)).sum() > 400


def test_a_bad_row_is_named_in_its_own_file(rows, tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    rows.iloc[:30].to_csv(first, index=False)
    text = rows.iloc[30:].to_csv(index=False).replace("2018-01-01", "2018-13-01")
    second.write_text(text)
    with pytest.raises(IntegrityError, match=r"b\.csv: column 'date', data row 7: '2018-13-01'"):
        load_series(Files((first, second)), "x", MONTHLY)
    second.write_text(rows.iloc[29:].to_csv(index=False))
    with pytest.raises(IntegrityError, match="two values of 2017-06-30 are known from 2017-07-31 on"):
        load_series(Files((first, second)), "x", MONTHLY)


def test_messages_name_the_workbook_and_not_its_copy(rows, tmp_path):
    rows.to_excel(tmp_path / "rows.xlsx", index=False)
    with pytest.raises(SourceError, match=r"data\.series\.x: .*rows\.xlsx: column: no column 'v'") as caught:
        load_series(Files((tmp_path / "rows.xlsx",)), "x", DatedSettings(column="v", lag="1 month"))
    assert "tangency-" not in str(caught.value)
    with pytest.raises(SourceError, match=r"rows\.xlsx: skip_rows is about the lines of a text file"):
        load_series(Files((tmp_path / "rows.xlsx",)), "x", DatedSettings(lag="1 month", skip_rows=1))


@pytest.mark.parametrize(
    ("text", "settings", "values"),
    [
        (
            "Source: bank\n\ndate;v\n2020-01-31;1.234,5\n2020-02-29;2,5\n2020-03-31;3,5\n",
            {},
            [1234.5, 2.5, 3.5],
        ),
        ("x\ny,z\ndate,v\n2020-01-31,1\n2020-02-29,2\n2020-03-31,3\n", {"skip_rows": 2}, [1, 2, 3]),
        ("date;v\n2020-01-31;1,500\n2020-02-29;2,500\n2020-03-31;3,5\n", {"decimal": ","}, [1.5, 2.5, 3.5]),
        ("date,v\n31.01.20,1\n29.02.20,2\n31.03.20,3\n", {"date_format": "%d.%m.%y"}, [1, 2, 3]),
        ("date,v\n2020-01-31,1.5%\n2020-02-29,2.5%\n2020-03-31,-3%\n", {}, [0.015, 0.025, -0.03]),
        ("date,v\n2020-01-31,1\n2020-02-29,-99.99\n2020-03-31,3\n", {"na_values": (-99.99,)}, [1, 3]),
        ("date,v\n2020-01-31,1\n2020-02-29,unknown\n2020-03-31,3\n", {"na_values": ("unknown",)}, [1, 3]),
        ('date,v\n2020-01-31,"1,234,567"\n2020-02-29,2\n2020-03-31,3\n', {}, [1234567, 2, 3]),
    ],
)
def test_texts_are_read_as_in_files_of_prices(tmp_path, text, settings, values):
    path = tmp_path / "x.csv"
    path.write_text(text)
    made, _ = load_series(path, "x", DatedSettings(lag="1 month", max_age="3 months", **settings))
    np.testing.assert_allclose(made["x"].values, values, rtol=1e-15)
    assert made["x"].observed_at[0] == pd.Timestamp("2020-01-31")


def test_a_date_format_goes_with_iso_dates_of_publication(tmp_path):
    path = tmp_path / "x.csv"
    for released in ("15.02.20", "2020-02-15"):
        path.write_text(f"date,v,released\n31.01.20,1,{released}\n")
        settings = DatedSettings(column="v", known_at="released", date_format="%d.%m.%y", max_age="1 year")
        made, _ = load_series(path, "x", settings)
        assert list(made["x"].known_at) == [pd.Timestamp("2020-02-15")]


def test_a_monthly_column_of_a_daily_file_is_no_daily_one(tmp_path):
    days = pd.date_range("2018-01-01", "2020-12-31", freq="D")
    frame = pd.DataFrame({"date": days, "rate": np.arange(len(days)), "cpi": np.nan})
    frame.loc[days.day == 1, "cpi"] = np.arange(36.0)
    frame.to_csv(tmp_path / "x.csv", index=False)
    made, _ = load_series(tmp_path / "x.csv", "x", DatedSettings(column="cpi", lag="0 days"))
    assert list(made["x"].observed_at[:2]) == [pd.Timestamp("2018-01-31"), pd.Timestamp("2018-02-28")]
    with pytest.raises(
        SourceError, match=r"column 'cpi' has values every month .*, and other columns every day"
    ):
        load_series(tmp_path / "x.csv", "x", DatedSettings(columns="all", lag="0 days"))
    ends = frame.assign(cpi=np.nan)
    ends.loc[days.is_month_end, "cpi"] = np.arange(36.0)
    ends.to_csv(tmp_path / "x.csv", index=False)
    both, _ = load_series(tmp_path / "x.csv", "x", DatedSettings(columns="all", lag="0 days"))
    assert both["x_cpi"].observed_at[0] == pd.Timestamp("2018-01-31")


def test_a_quarterly_column_of_a_monthly_file(tmp_path):
    months = pd.date_range("2015-01-01", periods=48, freq="MS")
    frame = pd.DataFrame({"date": months, "rate": np.arange(48.0), "q": np.nan})
    frame.loc[months.month % 3 == 1, "q"] = np.arange(16.0)
    every = DatedSettings(columns="all", lag="0 days")
    frame.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(SourceError, match="column 'q' has values every quarter"):
        load_series(tmp_path / "x.csv", "x", every)
    made, _ = load_series(tmp_path / "x.csv", "x", DatedSettings(column="q", lag="0 days"))
    assert made["x"].observed_at[0] == pd.Timestamp("2015-03-31")
    frame["q"] = np.where(months.month % 3 == 2, 1.0 * np.arange(48), np.nan)  # a survey of every February
    frame.to_csv(tmp_path / "x.csv", index=False)
    assert load_series(tmp_path / "x.csv", "x", every)[0]["x_q"].observed_at[0] == pd.Timestamp("2015-02-28")


@pytest.fixture
def alfred(server, monkeypatch):
    """Serve vintages of a monthly series in the form of the API; return its rows."""
    rng = np.random.default_rng(3)
    rows = []
    for month in pd.date_range("2018-01-01", periods=30, freq="MS"):
        start = month + pd.offsets.MonthEnd(0) + pd.Timedelta(days=int(rng.integers(5, 20)))
        for _ in range(int(rng.integers(1, 4))):
            rows.append([month, start, None, round(float(rng.normal()), 3)])
            if len(rows) > 1 and rows[-2][0] == month:
                rows[-2][2] = start - pd.Timedelta(days=1)
            start += pd.Timedelta(days=int(rng.integers(20, 70)))

    def plan(asked):
        if asked.path.endswith("vintagedates"):
            days = sorted({f"{row[1]:%Y-%m-%d}" for row in rows})
            body = {"count": len(days), "offset": 0, "vintage_dates": days}
        else:
            found = [
                {
                    "date": f"{date:%Y-%m-%d}",
                    "realtime_start": f"{start:%Y-%m-%d}",
                    "realtime_end": "9999-12-31" if stop is None else f"{stop:%Y-%m-%d}",
                    "value": str(value),
                }
                for date, start, stop, value in rows
            ]
            body = {"count": len(found), "offset": 0, "observations": found}
        return Planned(json.dumps(body).encode(), headers={"Content-Type": "application/json"})

    server.plan = plan
    monkeypatch.setattr(fred, "_API", f"{server.url}/fred")
    monkeypatch.setenv(fred.KEY, "k" * 32)
    return rows


def test_vintages_of_alfred_are_known_from_their_publication(alfred, fetch):
    settings = DatedSettings(column="CPI", known_at="realtime_start")
    made, findings = load_series(FredSeries(("CPI",), vintages=True), "cpi", settings, fetch=fetch)
    (series,) = made.values()
    frame = pd.DataFrame(alfred, columns=["date", "start", "stop", "value"])
    for date in pd.date_range("2018-01-01", "2021-06-30", freq="11D"):
        known = frame[frame["start"] <= date].sort_values(["date", "start"])
        wanted = known["value"].iloc[-1] if len(known) else np.nan
        if (
            len(known)
            and (date - (known["date"].iloc[-1] + pd.offsets.MonthEnd(0))).days > series.max_age_days
        ):
            wanted = np.nan
        np.testing.assert_equal(series.at(pd.DatetimeIndex([date]))[0], wanted)
    assert any(each.message.startswith("ALFRED CPI: fetched") for each in findings)
    assert any("known from 'realtime_start' on" in each.message for each in findings)
    again, _ = load_series(FredSeries(("CPI",), vintages=True), "cpi", settings, fetch=fetch)
    assert records(again) == records(made)


def test_daily_and_monthly_series_of_fred_need_an_entry_each(server, monkeypatch, fetch):
    monkeypatch.setattr(fred, "_GRAPH", f"{server.url}/graph/fredgraph.csv")
    monkeypatch.delenv(fred.KEY, raising=False)

    def plan(asked):
        name = asked.parameters["id"]
        days = pd.date_range("2019-01-01", "2020-12-31", freq={"DGS10": "B", "CPI": "MS"}[name])
        lines = [f"{day:%Y-%m-%d},{1 + place}" for place, day in enumerate(days)]
        body = "\n".join([f"observation_date,{name}", *lines, ""])
        return Planned(body.encode(), headers={"Content-Type": "application/csv"})

    server.plan = plan
    every = DatedSettings(columns="all", lag="1 month")
    with pytest.raises(SourceError, match="column 'CPI' has values every month"):
        load_series(FredSeries(("DGS10", "CPI")), "us", every, fetch=fetch)
    made, _ = load_series(FredSeries(("CPI",)), "cpi", DatedSettings(lag="1 month"), fetch=fetch)
    assert made["cpi"].known_at[0] == pd.Timestamp("2019-02-28")
    assert made["cpi"].observed_at[0] == pd.Timestamp(dt.date(2019, 1, 31))


def test_a_source_that_is_missing(tmp_path):
    for source in (Path(tmp_path / "none.csv"), Files((tmp_path / "no*.csv",))):
        with pytest.raises(SourceError, match=r"data\.series\.x: .*(none\.csv: does not exist|no file)"):
            load_series(source, "x", MONTHLY)
