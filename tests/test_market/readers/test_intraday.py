"""Intraday rows and stamps of a time zone: sessions against exchange_calendars and pandas."""

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from market.errors import DataError, SourceError
from market.load import load_panel
from market.readers.prices import FileSettings, load_file

XNYS = exchange_calendars.get_calendar("XNYS", start="2018-01-01", end="2019-12-31")
FIRST, LAST = "2018-11-01", "2018-12-31"
"""With the change of clocks on 4 November, and half days on 23 November and 24 December."""


def minutes(step=30, *, extended=False):
    """Return the starts of bars in UTC from the opens to the closes, or from 4 to 20 o'clock in New York."""
    out = []
    for session in XNYS.sessions_in_range(FIRST, LAST):
        begin, end = XNYS.session_open(session), XNYS.session_close(session)
        if extended:
            day = session.tz_localize("America/New_York")
            begin, end = day + pd.Timedelta(hours=4), day + pd.Timedelta(hours=20)
        out += list(pd.date_range(begin, end, freq=f"{step}min", inclusive="left").tz_convert("UTC"))
    return pd.DatetimeIndex(out)


def prices(stamps, seed=0):
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.002, (len(stamps), 2))
    table = pd.DataFrame(50 * np.cumprod(1 + steps, axis=0), columns=["A", "B"], index=stamps)
    table.loc[rng.random(len(table)) < 0.1, "B"] = np.nan
    return table


def write(tmp_path, table, stamp=None):
    out = table.copy()
    out.index = [stamp(at) for at in table.index] if stamp else table.index
    path = tmp_path / "bars.csv"
    out.rename_axis("date").to_csv(path)
    return path


STAMPS = {
    "UTC": lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "offset": lambda at: at.tz_convert("America/New_York").isoformat(),
    "Tokyo": lambda at: at.tz_convert("Asia/Tokyo").isoformat(),
    "local": lambda at: at.tz_convert("America/New_York").strftime("%Y-%m-%d %H:%M"),
    "epoch": lambda at: str(at.value // 10**6),
}


def expected_closes(table):
    """Return the last price of each session by a plain walk."""
    rows = {}
    for session in XNYS.sessions_in_range(FIRST, LAST):
        begin, end = XNYS.session_open(session), XNYS.session_close(session)
        inside = table[(table.index >= begin) & (table.index < end)]
        rows[session] = inside.ffill().iloc[-1]
    return pd.DataFrame(rows).T


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("name", STAMPS)
def test_bars_become_sessions_whatever_the_zone_of_their_stamps(tmp_path, name, extended):
    table = prices(minutes(extended=extended))
    panel, findings = load_file(write(tmp_path, table, STAMPS[name]), FileSettings(sessions="XNYS"))
    closes = expected_closes(table)
    assert list(panel.dates) == list(closes.index[1:])
    np.testing.assert_allclose(panel.returns, closes.pct_change().to_numpy()[1:], rtol=1e-12)
    notes = [finding.message for finding in findings if finding.check == "interpretation"]
    assert any("a stamp is the start of its bar" in note for note in notes)
    assert any("outside of sessions left out" in note for note in notes) == extended


def test_stamps_at_the_ends_of_bars_are_recognised(tmp_path):
    starts = minutes()
    table = prices(starts)
    ends = table.set_axis(starts + pd.Timedelta(minutes=30))
    panel, findings = load_file(write(tmp_path, ends, STAMPS["UTC"]), FileSettings(sessions="XNYS"))
    closes = expected_closes(table)
    np.testing.assert_allclose(panel.returns, closes.pct_change().to_numpy()[1:], rtol=1e-12)
    assert any("a stamp is the end of its bar" in finding.message for finding in findings)


def test_days_of_a_zone_are_its_sessions(tmp_path):
    hours = pd.date_range("2021-03-01", "2021-04-15 23:00", freq="h", tz="UTC")  # with a change of clocks
    table = prices(hours)
    for zone in ("UTC", "Europe/Zurich", "Asia/Tokyo"):
        panel, _ = load_file(write(tmp_path, table, STAMPS["UTC"]), FileSettings(sessions=zone))
        closes = table.groupby(hours.tz_convert(zone).tz_localize(None).normalize()).last()
        closes = closes if zone == "UTC" else closes.iloc[:-1]  # the last day has not ended elsewhere
        assert list(panel.dates) == list(closes.index[1:])
        np.testing.assert_allclose(panel.returns, closes.pct_change().to_numpy()[1:], rtol=1e-12)


def test_bars_cover_the_session(tmp_path):
    stamps = minutes()
    rng = np.random.default_rng(1)
    close = 30 * np.cumprod(1 + rng.normal(0, 0.002, len(stamps)))
    table = pd.DataFrame(
        {
            "date": [STAMPS["offset"](at) for at in stamps],
            "open": close * 0.999,
            "high": close * (1.001 + 0.002 * rng.random(len(stamps))),
            "low": close * (0.998 - 0.002 * rng.random(len(stamps))),
            "close": close,
            "volume": rng.integers(1, 99, len(stamps)).astype(float),
        }
    )
    path = tmp_path / "KO.csv"
    table.to_csv(path, index=False)
    panel, _ = load_file(path, FileSettings(sessions="XNYS"))
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    days = stamps.tz_convert("America/New_York").tz_localize(None).normalize()
    expected = table.groupby(days).agg(how).iloc[1:]
    for bar in how:
        np.testing.assert_allclose(getattr(panel, bar)[:, 0], expected[bar].to_numpy(), rtol=1e-12)


def test_a_session_that_is_not_over_is_left_out(tmp_path):
    table = prices(minutes())
    whole, _ = load_file(write(tmp_path, table, STAMPS["UTC"]), FileSettings(sessions="XNYS"))
    part = write(tmp_path, table.iloc[:-3], STAMPS["UTC"])
    panel, findings = load_file(part, FileSettings(sessions="XNYS"))
    assert list(panel.dates) == list(whole.dates[:-1])
    np.testing.assert_array_equal(panel.returns, whole.returns[:-1])
    assert any(finding.check == "running period" for finding in findings)
    kept, _ = load_file(part, FileSettings(sessions="XNYS", running_period="keep"))
    assert list(kept.dates) == list(whole.dates)


def test_a_file_as_of_a_date_has_the_sessions_up_to_it(tmp_path):
    path = write(tmp_path, prices(minutes(extended=True)), STAMPS["Tokyo"])
    read = FileSettings(sessions="XNYS")
    whole, _ = load_panel("prices", path=path, settings=read)
    for date in whole.dates[3::5]:
        part, _ = load_panel("prices", path=path, settings=read, known_by=date)
        n = int(whole.dates.searchsorted(date, side="right"))
        assert list(part.dates) == list(whole.dates[:n])
        np.testing.assert_array_equal(part.returns, whole.returns[:n])


@pytest.mark.parametrize(
    "stamp",
    [
        lambda day: f"{day:%Y-%m-%d}T00:00:00Z",  # the day itself
        lambda day: day.tz_localize("America/New_York").tz_convert("UTC").isoformat(),  # midnight in New York
        lambda day: XNYS.session_close(day).tz_convert("Asia/Tokyo").isoformat(),  # the close, a day later
    ],
)
def test_stamps_of_days_become_the_dates_of_sessions(tmp_path, stamp):
    sessions = XNYS.sessions_in_range(FIRST, LAST)
    table = prices(sessions)
    panel, findings = load_file(write(tmp_path, table, stamp), FileSettings(sessions="XNYS", calendar="XNYS"))
    assert list(panel.dates) == list(sessions[1:])
    assert "missing session" not in {finding.check for finding in findings}


def test_times_of_a_day_are_refused_with_the_setting(tmp_path):
    path = write(tmp_path, prices(minutes()), STAMPS["local"])
    with pytest.raises(
        DataError, match=r"occurs more than once.*set data\.sessions to the exchange \(XNYS\)"
    ):
        load_file(path)


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("Mars/Base", "data.sessions is 'Mars/Base', expected an exchange such as XNYS"),
        ("Asia/Tokyo", None),
    ],
)
def test_names_that_are_neither(tmp_path, zone, message):
    path = write(tmp_path, prices(minutes()), STAMPS["UTC"])
    if message is None:
        load_file(path, FileSettings(sessions=zone))
        return
    with pytest.raises(SourceError, match=message):
        load_file(path, FileSettings(sessions=zone))


def test_no_row_in_a_session_is_refused(tmp_path):
    nights = minutes() + pd.Timedelta(hours=12)
    with pytest.raises(SourceError, match="no row falls into a session"):
        load_file(write(tmp_path, prices(nights), STAMPS["UTC"]), FileSettings(sessions="XNYS"))


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text("date,a\n")
    for name in ("XNYS", "UTC"):
        with pytest.raises(SourceError, match="the file has no row"):
            load_file(path, FileSettings(sessions=name))
