"""Names that look alike, stamps of other time zones, prices that are not adjusted, and paths that are no files."""

import os
import socket
import stat

import numpy as np
import pandas as pd
import pytest

from market.errors import DataError, IntegrityError, SourceError
from market.load import load_panel
from market.readers.prices import FileSettings
from market.readers.scores import load_scores
from market.text.headers import read_header
from market.text.names import clean_name

DAYS = pd.bdate_range("2021-01-04", periods=40)


def wide(path, names=("AAA", "BBB"), stamp="{:%Y-%m-%d}".format, days=DAYS):
    rows = (f"{stamp(day)},{50 + np.sin(n)},{60 + np.cos(n)}" for n, day in enumerate(days))
    path.write_text("\n".join([f"date,{','.join(names)}", *rows, ""]), encoding="utf-8")
    return path


def long(path, names=("AAA", "BBB"), value="close", others=()):
    rows = (
        f"{day:%Y-%m-%d},{name},{50 + np.sin(n)}{',7' * len(others)}"
        for n, day in enumerate(DAYS)
        for name in names
    )
    path.write_text("\n".join([",".join(["date", "asset", value, *others]), *rows, ""]), encoding="utf-8")
    return path


def messages(findings, check):
    return [finding.message for finding in findings if finding.check == check]


# names

ALIKE = [
    ("aapl", "AAPL"),
    ("caf\u00e9", "cafe\u0301"),
    ("AAPL\u200b", "AAPL"),
    ("AAPL", "\u202aAAPL\u202c"),
    ("AA\u00a0PL", "AA PL"),
    (" AAPL", "AAPL"),
    ("AAPL\x07", "AAPL"),
    ("AAPL\ufeff", "AAPL"),
    ("\uff21\uff21", "AA"),
    ("No\u2019Dur", 'NoDur"'),
]


@pytest.mark.parametrize("names", ALIKE)
@pytest.mark.parametrize("write", [wide, long])
def test_names_that_look_alike_are_refused_with_both(tmp_path, write, names):
    with pytest.raises(DataError, match="differ only in") as refusal:
        load_panel("prices", path=write(tmp_path / "x.csv", names))
    for name in names:
        assert f"{name!a}" in str(refusal.value) or f"{name!r}" in str(refusal.value)


@pytest.mark.parametrize("names", ALIKE)
def test_columns_of_cash_and_market_may_not_look_like_an_asset(tmp_path, names):
    path = wide(tmp_path / "x.csv", names)
    for role in ({"cash": {"column": names[1], "values": "prices"}}, {"market": names[0]}):
        with pytest.raises(DataError, match="differ only in"):
            load_panel("prices", path=path, settings=FileSettings(**role))


@pytest.mark.parametrize("write", [wide, long])
def test_names_are_cleaned_with_a_notice(tmp_path, write):
    plain = load_panel("prices", path=write(tmp_path / "x.csv", ("Caf\u00e9 A", "B")))[0]
    panel, findings = load_panel("prices", path=write(tmp_path / "x.csv", ("\u200eCafe\u0301\u00a0A ", "B")))
    assert panel.digest() == plain.digest()
    (notice,) = messages(findings, "names read otherwise")
    assert r"'\u200eCafe\u0301\xa0A" in notice
    assert "as 'Café A'" in notice


def test_a_name_in_the_configuration_is_cleaned_too(tmp_path):
    path = wide(tmp_path / "x.csv", ("AAA", "Caf\u00e9"))
    panel, _ = load_panel(
        "prices",
        path=path,
        settings=FileSettings(market="Cafe\u0301 ", calendar=" AAA", date_column="date\u200b"),
    )
    assert panel.assets == ("AAA",)


def test_scores_of_a_name_that_looks_like_an_asset_are_refused(tmp_path):
    for text in ("date,asset,score\n2020-12-31,aapl,5\n2020-12-31,B,1\n", "date,aapl,B\n2020-12-31,5,1\n"):
        (tmp_path / "s.csv").write_text(text)
        with pytest.raises(
            IntegrityError, match="'aapl' differs from the asset 'AAPL' only in capital letters"
        ):
            load_scores(tmp_path / "s.csv", ("AAPL", "B"), max_age_days=400, lag_days=90)
    (tmp_path / "s.csv").write_text(
        "date,asset,score\n2020-12-31,AAPL\u200b,5\n2020-12-31,B,1", encoding="utf-8"
    )
    table, warnings = load_scores(tmp_path / "s.csv", ("AAPL", "B"), max_age_days=400, lag_days=90)
    assert table.value.tolist() == [5.0, 1.0]
    assert [warning.check for warning in warnings] == ["names read otherwise", "no line end"]


@pytest.mark.parametrize("name", ["=SUM(A1)", "+A", "-A", "@A", "\t=A", "\r-A"])
def test_names_like_formulas_are_noted(tmp_path, name):
    path = tmp_path / "x.parquet"
    pd.DataFrame({"date": DAYS, name: 50 + np.sin(np.arange(40)), "B": 60.0 + np.arange(40)}).to_parquet(path)
    panel, findings = load_panel("prices", path=path)
    assert panel.assets == (name.strip(), "B")
    assert f"such as {name.strip()!r}" in messages(findings, "asset name like a formula")[0]


def test_cleaning_twice_changes_nothing():
    rng = np.random.default_rng(0)
    marks = [
        chr(code)
        for code in (*range(1, 700), *range(0x1100, 0x1200), *range(0x2000, 0x2070), 0xFEFF, 0x1F600)
    ]
    for _ in range(500):
        name = clean_name("".join(rng.choice(marks, size=6)))
        assert clean_name(name) == name == name.strip()
        assert name.isprintable()


@pytest.mark.parametrize("write", [wide, long])
def test_a_name_that_is_swallowed_text_is_refused_in_a_short_message(tmp_path, write):
    with pytest.raises(DataError, match="has 3000 characters; expected 200 at most") as no:
        load_panel("prices", path=write(tmp_path / "x.csv", ("A" * 3000, "B")))
    assert len(str(no.value)) < 500


# stamps


@pytest.mark.parametrize(
    "zone, hours",
    [("Asia/Tokyo", 0), ("Asia/Tokyo", 15), ("America/New_York", 0), ("America/New_York", 16), ("UTC", 0)],
)
def test_stamps_have_the_day_that_they_name(tmp_path, zone, hours):
    local = (DAYS + pd.Timedelta(hours=hours)).tz_localize(zone)
    plain = load_panel("prices", path=wide(tmp_path / "x.csv"))[0]
    for stamp in (str, pd.Timestamp.isoformat):
        panel, findings = load_panel("prices", path=wide(tmp_path / "x.csv", stamp=stamp, days=local))
        assert panel.digest() == plain.digest()
        assert "is 2021-01-04" in messages(findings, "dates with a time zone")[0]
    values = {"AAA": 50 + np.sin(np.arange(40)), "BBB": 60 + np.cos(np.arange(40))}
    pd.DataFrame({"date": local, **values}).to_parquet(tmp_path / "x.parquet")
    assert (load_panel("prices", path=tmp_path / "x.parquet")[0].dates == plain.dates).all()


@pytest.mark.parametrize(
    "session, written", [("Asia/Tokyo", "UTC"), ("Europe/Berlin", "UTC"), ("UTC", "America/Chicago")]
)
def test_midnights_of_another_time_zone_are_refused_not_dated_a_day_early(tmp_path, session, written):
    moved = DAYS.tz_localize(session).tz_convert(written)
    for path in (tmp_path / "x.csv", tmp_path / "x.parquet"):
        if path.suffix == ".csv":
            wide(path, stamp=str, days=moved)
        else:
            pd.DataFrame({"date": moved, "A": 50 + np.sin(np.arange(40))}).to_parquet(path)
        with pytest.raises(
            SourceError, match=r"fall on Sundays and none on Fridays: .* dated a day too early"
        ):
            load_panel("prices", path=path)


@pytest.mark.parametrize("close, written", [("America/New_York", "Asia/Tokyo"), ("Pacific/Honolulu", "UTC")])
def test_closes_of_another_time_zone_are_refused_not_dated_a_day_late(tmp_path, close, written):
    moved = (DAYS + pd.Timedelta(hours=16)).tz_localize(close).tz_convert(written)
    with pytest.raises(SourceError, match=r"fall on Saturdays and none on Mondays: .* dated a day too late"):
        load_panel("prices", path=wide(tmp_path / "x.csv", stamp=str, days=moved))


def test_milliseconds_of_midnights_in_tokyo_are_refused(tmp_path):
    stamps = DAYS.tz_localize("Asia/Tokyo")
    path = wide(tmp_path / "x.csv", stamp=lambda day: int(day.timestamp() * 1000), days=stamps)
    with pytest.raises(SourceError, match="dated a day too early"):
        load_panel("prices", path=path)


def test_markets_that_are_open_on_sundays_are_fine(tmp_path):
    every_day = pd.date_range("2021-01-04 23:59:59", periods=40, tz="UTC")
    gaps = every_day.delete([13, 14, 27, 28])  # days that a source lost
    sunday_to_thursday = pd.date_range("2021-01-03 17:25", periods=60, tz="Asia/Jerusalem")
    week = sunday_to_thursday[~sunday_to_thursday.day_of_week.isin([4, 5])][:40]
    for days in (every_day, gaps, week):
        panel, findings = load_panel("prices", path=wide(tmp_path / "x.csv", stamp=str, days=days))
        assert (panel.dates == days[1:].tz_localize(None).normalize()).all()
        assert messages(findings, "dates with a time zone")


def test_a_shorter_file_is_dated_like_the_whole(tmp_path):
    path = wide(tmp_path / "x.csv", stamp=str, days=DAYS.tz_localize("America/New_York"))
    whole, part = load_panel("prices", path=path)[0], load_panel("prices", path=path, known_by=DAYS[20])[0]
    assert part.digest() == whole.as_of(DAYS[20]).digest()


@pytest.mark.parametrize("year", ["0000", "0001", "1677", "2262", "9999"])
def test_impossible_years_are_named(tmp_path, year):
    path = tmp_path / "x.csv"
    for form in ("{}-01-31", "{}0131", "{}-01", "31.01.{}"):
        path.write_text(f"date,A\n{form.format(year)},1\n")
        with pytest.raises(IntegrityError, match=rf"data row 1: '.*{year}.*' (lies outside|is not a date)"):
            load_panel("prices", path=path)


# prices that are not adjusted

USED = [
    "adjClose",
    "adjclose",
    "Adj. Close",
    "close_adj",
    "Adj Close*",
    "Adj Close**",
    "adjusted_close",
    "Close (adj)",
]
REFUSED = [
    "adjusted",
    "adj",
    "px_last_adj",
    "price_adjusted",
    "adj_last",
    "Div Adj Close",
    "Adj Close (USD)",
    "TRI",
]


@pytest.mark.parametrize("name", [*USED, *REFUSED])
def test_an_adjusted_price_is_used_or_named(tmp_path, name):
    path = long(tmp_path / "x.csv", value="close", others=[name, "exchange"])
    if name in USED:
        _, findings = load_panel("prices", path=path)
        (notice,) = messages(findings, "ignored column")
        assert notice.endswith(f"column 'exchange' is not used; prices are those of {name!r}")
    else:
        with pytest.raises(
            IntegrityError, match=r"'close' would be the price, but .* looks like an adjusted one"
        ) as no:
            load_panel("prices", path=path)
        assert repr(name) in str(no.value)
    with pytest.raises(IntegrityError, match="'price' would be the price"):
        load_panel("prices", path=long(path, value="price", others=[name]))


@pytest.mark.parametrize("name", [*USED, *REFUSED])
def test_bars_of_one_asset_use_or_name_an_adjusted_price(tmp_path, name):
    path = tmp_path / "KO.csv"
    rows = (f"{day:%Y-%m-%d},50,60,40,{50 + np.sin(n)},{45 + np.sin(n)}" for n, day in enumerate(DAYS))
    path.write_text("\n".join([f"date,open,high,low,close,{name}", *rows, ""]))
    if name in USED:
        assert f"its price is {name!r}" in load_panel("prices", path=path)[1][0].message
    elif name != "TRI":  # a column of that name may be an asset
        with pytest.raises(IntegrityError, match="'close' would be the price, but"):
            load_panel("prices", path=path)


@pytest.mark.parametrize(
    "name", ["closeunadj", "Unadjusted Close", "adj_open", "adj_volume", "adj_factor", "dividend"]
)
def test_columns_that_are_no_adjusted_close_are_named_as_not_used(tmp_path, name):
    _, findings = load_panel("prices", path=long(tmp_path / "x.csv", others=[name]))
    assert repr(name) in messages(findings, "ignored column")[0]


def test_adjusted_prices_do_not_matter_beside_returns(tmp_path):
    path = tmp_path / "x.csv"
    rows = (
        f"{day:%Y-%m-%d},{name},{0.01 * np.sin(n):.6f},{50 + n}"
        for n, day in enumerate(DAYS)
        for name in "AB"
    )
    path.write_text("\n".join(["date,asset,ret,adj_close", *rows, ""]))
    _, findings = load_panel("prices", path=path, settings=FileSettings(values="returns"))
    assert (
        "'adj_close' is not used and looks adjusted; returns are those of 'ret'"
        in messages(findings, "ignored column")[0]
    )


# paths


@pytest.mark.parametrize("name", ["a\0.csv", "x" * 5000 + ".csv", "loop.csv", "none/x.csv", "none.csv"])
def test_paths_that_lead_nowhere(tmp_path, name):
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    with pytest.raises(
        SourceError, match=r"(no file has this path|does not exist).*; expected a CSV or"
    ) as no:
        read_header(tmp_path / name)
    assert len(str(no.value)) < 500
    assert "\0" not in str(no.value)


def test_what_is_no_ordinary_file_is_refused_without_waiting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.csv")
    (tmp_path / "null.csv").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.csv")
        for name, what in (
            ("pipe", "a named pipe"),
            ("null", "a device"),
            ("socket", "a socket"),
        ):
            with pytest.raises(SourceError, match=f"{name}.csv: is {what}; expected a CSV or Parquet file"):
                load_panel("prices", path=tmp_path / f"{name}.csv")
    assert stat.S_ISFIFO((tmp_path / "pipe.csv").stat().st_mode)
