"""Places of data in the configuration: one each, no secret in the file, and nothing asked when it is read."""

import socket

import pytest
import yaml
from own_prices import settings

from market.sources.kinds import Download, DuckdbQuery, Files, FredSeries, Function, SqlQuery, YahooPrices
from pipeline.config import load_config
from pipeline.errors import ConfigError

SECRET = "s3cr3t-pw"


def load(tmp_path, **data):
    content = settings(tmp_path, 200)
    content["data"] = {"source": "prices", **data}
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump(content))
    return load_config(file)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"path": "a.csv"}, Files),
        ({"path": ["a.csv", "b/*.parquet"]}, Files),
        ({"path": "a.xlsx", "sheet": "S"}, Files),
        ({"sql": {"url": "postgresql://u:${PASSWORD}@h/d", "query": "select 1"}}, SqlQuery),
        ({"duckdb": {"query": "select 1"}}, DuckdbQuery),
        ({"load": "my.module:load"}, Function),
        ({"url": "https://host/prices.csv?token=${TOKEN}"}, Download),
        ({"fred": {"series": ["SP500"]}}, FredSeries),
        ({"yfinance": {"tickers": ["SPY", "^GSPC", "EURUSD=X"]}}, YahooPrices),
    ],
)
def test_each_key_names_a_place_and_is_not_asked(tmp_path, data, kind, monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("the network was asked"))
    assert isinstance(load(tmp_path, **data).data.place(), kind)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, r"data: source 'prices' needs a path to a CSV, Parquet or Excel file, or one of sql, duckdb"),
        ({"path": "a.csv", "load": "a:b"}, "data: expected one of path, sql, .*, not path and load"),
        ({"path": []}, "data.path: expected one entry at least"),
        ({"path": ["a.csv", ""]}, "expected a path such as"),
        ({"load": "a.b"}, "data.load: expected module:function"),
        ({"load": "a:b", "sheet": "S"}, "data.sheet: only Excel files have sheets"),
        ({"url": "ftp://host/x.csv"}, "data.url: expected an address that begins with https"),
        ({"path": "https://host/x.csv"}, "begins with https:// belongs to url"),
        (
            {"sql": {"url": "prices.db", "query": "x"}},
            "data.sql.url: expected an address such as sqlite:///prices.db",
        ),
        ({"sql": {"url": "sqlite:///p.db"}}, "data.sql.query: missing"),
        ({"sql": {"url": "sqlite:///p.db", "query": "x", "user": "u"}}, "data.sql.user: unknown key"),
        ({"fred": {"series": ["A", "B"], "vintages": True}}, "vintages: true needs exactly one series"),
        ({"fred": {"series": ["A B"]}}, "expected a symbol of letters"),
        ({"yfinance": {"tickers": []}}, "data.yfinance.tickers: expected one entry at least"),
        ({"path": "a.csv", "fetch": {"attempts": 0}}, "data.fetch.attempts: "),
        (
            {"path": "a.csv", "fetch": {"when_offline": "guess"}},
            "data.fetch.when_offline: .*'use_cache' or 'refuse'",
        ),
    ],
)
def test_mistakes_are_named(tmp_path, data, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, **data)


@pytest.mark.parametrize(
    "data",
    [
        {"sql": {"url": f"postgresql://u:{SECRET}@h/d", "query": "select 1"}},
        {"sql": {"url": f"postgresql://h/d?user=u&password={SECRET}", "query": "select 1"}},
        {"sql": f"postgresql://u:{SECRET}@h/d"},
        {"sql": [f"postgresql://u:{SECRET}@h/d"]},
        {"url": f"https://u:{SECRET}@h/x.csv"},
        {"url": f"https://h/x.csv?api_key={SECRET}"},
        {"url": [f"https://h/x.csv?api_key={SECRET}"]},
        {"path": f"postgresql://u:{SECRET}@h/d"},
        {"path": ["a.csv", f"postgresql://u:{SECRET}@h/d"]},
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_shown(tmp_path, data):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, **data)
    assert SECRET not in str(caught.value)


def test_places_do_not_make_another_trial(tmp_path, monkeypatch):
    from synthetic import make_panel

    from pipeline.stages.record import trial_id

    panel = make_panel("monthly", macro=False)
    one = load(tmp_path, path="a.csv")
    other = load(tmp_path, load="a:b", fetch={"attempts": 2})
    assert trial_id(one, panel) == trial_id(other, panel)
    assert one.digest() != other.digest()
