"""Downloads: asked again where that helps, refused where the answer is no data, and kept for days without network."""

import datetime as dt
import gzip
import io
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from web_server import Planned

from market.errors import SourceError, UnreachableError
from market.load import load_panel
from market.sources import retries
from market.sources.kinds import Download
from market.sources.settings import FetchSettings, find_origins

SECRET = "k3y-0f-mine"


def make_frame(rows=60):
    rng = np.random.default_rng(2)
    values = (100 * np.exp(np.cumsum(0.01 * rng.standard_normal((rows, 2)), axis=0))).round(4)
    return pd.DataFrame(
        values, index=pd.bdate_range("2020-01-01", periods=rows, name="date"), columns=["A", "B"]
    )


CSV = make_frame().to_csv().encode()


@pytest.fixture
def fetch(tmp_path):
    return FetchSettings(cache=tmp_path / "sources", timeout_seconds=5, attempts=3)


@pytest.fixture
def whole(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_bytes(CSV)
    return load_panel("prices", path=path)[0]


def load(server, fetch, path="/data/prices.csv"):
    return load_panel("prices", path=Download(server.url + path), fetch=fetch)


def make_book():
    book = openpyxl.Workbook()
    book.active.append(["date", "A", "B"])
    for day, values in make_frame().iterrows():
        book.active.append([day.to_pydatetime(), *map(float, values)])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def make_parquet():
    stream = io.BytesIO()
    make_frame().reset_index().to_parquet(stream, index=False)
    return stream.getvalue()


@pytest.mark.parametrize(
    "body", [CSV, gzip.compress(CSV), make_parquet(), make_book()], ids=["csv", "gzip", "parquet", "excel"]
)
def test_a_file_is_read_by_its_content(server, fetch, whole, body):
    server.plan = [Planned(body)]
    panel, findings = load(server, fetch, "/data?id=7")
    np.testing.assert_array_equal(panel.returns, whole.returns)
    (origin,) = find_origins(findings)
    assert (dt.datetime.now(dt.UTC) - origin.filled_at).total_seconds() < 60


@pytest.mark.parametrize(
    "trouble",
    [
        Planned(status=500),
        Planned(status=429),
        Planned(status=503, headers={"Retry-After": "0"}),
        Planned(CSV, cut=100),
    ],
    ids=["500", "429", "503", "truncated"],
)
def test_what_may_pass_is_tried_again(server, fetch, whole, trouble):
    server.plan = [trouble, trouble, Planned(CSV)]
    panel, _ = load(server, fetch)
    np.testing.assert_array_equal(panel.returns, whole.returns)
    assert len(server.asked) == 3


def test_the_time_that_a_server_names_is_waited(server, fetch, monkeypatch):
    waits = []
    server.plan = [Planned(status=429, headers={"Retry-After": "7"}), Planned(CSV)]
    monkeypatch.setattr(retries.retry, "__defaults__", (waits.append,))
    load(server, fetch)
    assert waits == [7.0]
    later = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=20), usegmt=True)
    server.plan = [Planned(status=503, headers={"Retry-After": later}), Planned(CSV)]
    load(server, fetch)
    assert 15 < waits[1] <= 20
    server.plan = [Planned(status=429, headers={"Retry-After": "86400"}), Planned(CSV)]
    with pytest.raises(
        UnreachableError, match=r"429 Too Many Requests \(tried 1 time; it asks to wait for 86400 s\)"
    ):
        load(server, replace(fetch, when_offline="refuse"))
    assert len(waits) == 2


def test_waits_grow(monkeypatch):
    waits = []

    def fail():
        raise retries.TemporaryError("no")

    with pytest.raises(UnreachableError, match=r"x: cannot be reached: no \(tried 5 times\)"):
        retries.retry("x", 5, fail, waits.append)
    assert len(waits) == 4
    for n, wait in enumerate(waits):
        assert 0.75 * 0.5 * 2**n <= wait <= 1.25 * 0.5 * 2**n


@pytest.mark.parametrize(
    ("planned", "message"),
    [
        (Planned(status=404), "the server answered 404; expected a CSV"),
        (Planned(status=403, body=b"no"), "the server answered 403"),
        (Planned(b"<!DOCTYPE html><html><title>Please log in</title>"), r"a web page \('Please log in'\)"),
        (Planned(b"\n<html><body>", headers={"Content-Type": "text/html"}), "a web page .without a title"),
        (Planned(b'{"error": "x"}'), "answered with JSON"),
        (Planned(b""), "an empty file"),
        (Planned(b"date,A\n2020-01-01,x\n2020-01-02,2\n"), r"prices.csv: column 'A', data row 1 .*found 'x'"),
    ],
)
def test_an_answer_that_is_no_data_is_refused_at_once(server, fetch, planned, message):
    server.plan = [planned]
    with pytest.raises(Exception, match=message) as caught:
        load(server, fetch)
    assert not isinstance(caught.value, UnreachableError)
    assert str(caught.value).startswith(f"{server.url}/data/prices.csv")
    assert len(server.asked) == 1


def test_a_page_of_an_error_does_not_replace_the_cache(server, fetch, whole):
    server.plan = [Planned(CSV), Planned(b"<html>sorry"), Planned(status=500)]
    load(server, fetch)
    with pytest.raises(SourceError, match="a web page"):
        load(server, fetch)
    panel, findings = load(server, replace(fetch, attempts=1))
    np.testing.assert_array_equal(panel.returns, whole.returns)
    assert find_origins(findings)[0].from_cache


def test_an_unchanged_file_is_not_sent_again(server, fetch, whole):
    def plan(asked):
        if asked.headers.get("if-none-match") == '"v1"':
            return Planned(status=304)
        return Planned(CSV, headers={"ETag": '"v1"', "Last-Modified": "Mon, 02 Mar 2020 00:00:00 GMT"})

    server.plan = plan
    for _ in range(2):
        panel, findings = load(server, fetch)
        np.testing.assert_array_equal(panel.returns, whole.returns)
        assert not find_origins(findings)[0].from_cache
    assert server.asked[1].headers["if-modified-since"] == "Mon, 02 Mar 2020 00:00:00 GMT"


def test_a_slow_server_is_not_waited_for(server, fetch):
    server.plan = [Planned(CSV, slow=2.0)]
    hurried = replace(fetch, timeout_seconds=0.2, attempts=2)
    with pytest.raises(UnreachableError, match=r"did not answer in time|not complete"):
        load(server, hurried)
    assert len(server.asked) == 2


def test_a_large_answer_is_refused_while_it_comes(server, fetch):
    server.plan = [Planned(CSV * 1000)]
    with pytest.raises(SourceError, match=r"more than 1 MB, the limit fetch\.max_megabytes"):
        load(server, replace(fetch, max_bytes=1_000_000))


def test_without_network_the_cache_is_used_with_its_age(server, fetch, whole, tmp_path):
    server.plan = [Planned(CSV)]
    load(server, fetch)
    (entry,) = fetch.cache.rglob("entry.json")
    filled = dt.datetime.now(dt.UTC) - dt.timedelta(days=3)
    text = entry.read_text()
    import json

    entry.write_text(json.dumps(json.loads(text) | {"filled_at": filled.isoformat(timespec="seconds")}))
    server.plan = [Planned(status=502)]
    panel, findings = load(server, fetch)
    np.testing.assert_array_equal(panel.returns, whole.returns)
    (warning,) = [each for each in findings if each.check == "old data"]
    assert (
        f"502 Bad Gateway (tried 3 times); the data are those of the cache, fetched 3 days ago ({filled:%Y-%m-%d}"
        in (warning.message)
    )
    with pytest.raises(UnreachableError, match=r"fetch\.when_offline is refuse"):
        load(server, replace(fetch, when_offline="refuse"))


def test_nothing_at_an_address(fetch):
    source = Download("http://127.0.0.1:1/prices.csv")
    with pytest.raises(
        UnreachableError, match=r"nothing answers at 127.0.0.1:1 .*no earlier answer in the cache"
    ):
        load_panel("prices", path=source, fetch=replace(fetch, attempts=1))


def test_a_key_is_sent_and_neither_shown_nor_stored(server, fetch, monkeypatch, tmp_path):
    monkeypatch.setenv("PRICES_KEY", SECRET)
    source = Download(server.url + "/prices.csv?api_key=${PRICES_KEY}")
    server.plan = [Planned(CSV), Planned(status=500), Planned(status=404)]
    _, findings = load_panel("prices", path=source, fetch=fetch)
    assert server.asked[0].parameters == {"api_key": SECRET}
    texts = [finding.message for finding in findings]
    _, findings = load_panel("prices", path=source, fetch=replace(fetch, attempts=1))
    texts += [finding.message for finding in findings]
    with pytest.raises(SourceError) as caught:
        load_panel("prices", path=source, fetch=fetch)
    assert SECRET not in "".join([*texts, str(caught.value)])
    for path in Path(tmp_path).rglob("*"):
        assert SECRET not in str(path)
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes()


def test_pauses_between_requests_to_a_host(monkeypatch):
    from market.sources.web import client

    now, waits = [100.0], []
    monkeypatch.setattr(client.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(client.time, "sleep", waits.append)
    for host in ("a", "b", "a"):
        client._pause(host)
        now[0] += 0.125
    assert waits == [0.25]
