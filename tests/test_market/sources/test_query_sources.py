"""Databases and functions give the panel of the file with the same rows; no message and no file holds a password."""

import re
import sqlite3
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from market.errors import SourceError, UnreachableError
from market.load import load_panel
from market.sources.kinds import DuckdbQuery, Function, SqlQuery
from market.sources.settings import FetchSettings, find_origins

SECRET = "s3cr3t-pw"


@pytest.fixture
def whole(tmp_path, monkeypatch):
    """The panel of wide.csv; a SQLite database and a DuckDB database with its rows are beside it."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    values = (100 * np.exp(np.cumsum(0.01 * rng.standard_normal((60, 3)), axis=0))).round(4)
    days = pd.bdate_range("2020-01-01", periods=60).rename("date")
    frame = pd.DataFrame(values, index=days, columns=["A", "B", "C"])
    frame.to_csv("wide.csv")
    long = frame.rename_axis(columns="asset").stack().rename("price").reset_index()
    with sqlite3.connect("prices.db") as connection:
        long.assign(date=long["date"].dt.strftime("%Y-%m-%d")).to_sql("prices", connection, index=False)
    connection.close()
    return load_panel("prices", path=Path("wide.csv"))[0]


@pytest.fixture
def fetch(tmp_path):
    return FetchSettings(cache=tmp_path / "runs" / "sources", attempts=1)


def load(source, fetch, **options):
    return load_panel("prices", path=source, fetch=fetch, **options)


SQL = SqlQuery("sqlite:///prices.db", "select * from prices")
DUCKDB = DuckdbQuery("select * from 'wide.csv' order by date")


@pytest.mark.parametrize("source", [SQL, DUCKDB], ids=["sql", "duckdb"])
def test_a_query_gives_the_panel_of_the_file(source, fetch, whole):
    panel, findings = load(source, fetch)
    np.testing.assert_array_equal(panel.returns, whole.returns)
    (origin,) = find_origins(findings)
    assert origin.filled_at is not None
    assert not origin.from_cache
    known_by = whole.dates[30]
    cut, _ = load(source, fetch, known_by=known_by)
    np.testing.assert_array_equal(cut.returns, whole.as_of(known_by).returns)


def test_the_cache_is_private(fetch, whole):
    load(SQL, fetch)
    inside = list(fetch.cache.rglob("*"))
    assert {path.suffix for path in inside if path.is_file()} == {".json", ".parquet"}
    assert {path.stat().st_mode & 0o777 for path in [fetch.cache, *inside] if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in inside if path.is_file()} == {0o600}


def test_a_repeated_reading_sees_the_rows_of_the_first(fetch, whole):
    from dataclasses import replace

    load(SQL, fetch)
    with sqlite3.connect("prices.db") as connection:
        connection.execute("update prices set price = 2 * price where asset = 'A' and date >= '2020-02-03'")
    connection.close()
    again, _ = load(SQL, replace(fetch, repeats=True))
    np.testing.assert_array_equal(again.returns, whole.returns)
    fresh, _ = load(SQL, fetch)
    assert not np.array_equal(fresh.returns, whole.returns)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (SqlQuery(SQL.url, "select * from absent"), "the query failed: no such table: absent"),
        (SqlQuery(SQL.url, "drop table prices"), "the query failed: attempt to write a readonly database"),
        (SqlQuery(SQL.url, "update prices set price = 1"), "the query failed: attempt to write a readonly"),
        (SqlQuery(SQL.url, "select * from prices where price < 0"), "the answer has no rows"),
        (SqlQuery("sqlite:///absent.db", "select 1"), "there is no SQLite file absent.db"),
        (SqlQuery("nonsense://x", "select 1"), "expected an address such as postgresql|not installed"),
        (SqlQuery("sqlite:///${TANGENCY_ABSENT}", "select 1"), "variable TANGENCY_ABSENT is not set"),
        (DuckdbQuery("select * from nothing"), "the query failed: Catalog Error"),
        (DuckdbQuery("copy (select 1) to 'out.csv'"), "expected one SELECT, which changes nothing"),
        (DuckdbQuery("select 1; select 2"), "expected one SELECT"),
        (DuckdbQuery("select 1", Path("absent.duckdb")), "there is no database absent.duckdb"),
        (DuckdbQuery("select 1 where false"), "the answer has no rows"),
    ],
)
def test_a_query_that_gives_no_rows_says_why(source, message, fetch, whole):
    with pytest.raises(SourceError, match=message):
        load(source, fetch)
    assert not Path("absent.db").exists()
    assert not Path("out.csv").exists()
    np.testing.assert_array_equal(load(SQL, fetch)[0].returns, whole.returns)


def test_an_answer_that_is_too_large_is_refused(whole):
    with pytest.raises(SourceError, match=r"more than 0 MB, the limit fetch.max_megabytes"):
        load(SQL, FetchSettings(max_bytes=100))
    with pytest.raises(SourceError, match=r"more than fetch.max_megabytes allows"):
        load(DUCKDB, FetchSettings(max_bytes=100))


def test_no_message_and_no_file_holds_the_password(fetch, whole, monkeypatch, tmp_path):
    """A driver that says the whole address in its error, as some do."""
    import sqlalchemy

    monkeypatch.setenv("PRICES_PASSWORD", SECRET)
    source = SqlQuery("sqlite://user:${PRICES_PASSWORD}@/prices.db?token=${PRICES_PASSWORD}", "select 1")

    class Engine:
        dialect = SimpleNamespace(name="sqlite")

        def connect(self):
            orig = OSError(f"cannot connect to sqlite://user:{SECRET}@/x, password={SECRET}")
            raise sqlalchemy.exc.OperationalError("x", {}, orig)

    monkeypatch.setattr(sqlalchemy, "create_engine", lambda *_, **__: Engine())
    monkeypatch.setattr("market.sources.queries.sql._check_sqlite", lambda *_: None)
    with pytest.raises(UnreachableError, match="cannot connect") as caught:
        load(source, fetch)
    assert SECRET not in str(caught.value)
    assert "${PRICES_PASSWORD}" in source.label
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*.json"))
    assert SECRET.encode() not in written


def test_a_database_out_of_reach_gives_the_cached_rows_with_a_warning(fetch, whole, monkeypatch):
    from dataclasses import replace

    from market.sources.queries import sql
    from market.sources.retries import TemporaryError

    load(SQL, fetch)

    def fail(*_):
        raise TemporaryError("no route to host")

    monkeypatch.setattr(sql, "_connect", fail)
    panel, findings = load(SQL, fetch)
    np.testing.assert_array_equal(panel.returns, whole.returns)
    (warning,) = [finding for finding in findings if finding.check == "old data"]
    assert warning.severity == "warning"
    assert re.search(
        r"no route to host \(tried 1 time\); the data are those of the cache, fetched 0 minutes ago",
        warning.message,
    )
    with pytest.raises(UnreachableError, match=r"fetch.when_offline is refuse, so the answer of 20\d\d"):
        load(SQL, replace(fetch, when_offline="refuse"))
    with pytest.raises(UnreachableError, match="there is no earlier answer"):
        load(SqlQuery(SQL.url, "select *  from prices"), fetch)


def test_a_damaged_cache_is_named_and_not_used(fetch, whole, monkeypatch):
    from market.sources.queries import sql
    from market.sources.retries import TemporaryError

    load(SQL, fetch)
    (content,) = fetch.cache.rglob("*.parquet")
    content.write_bytes(content.read_bytes()[:-1])

    def fail(*_):
        raise TemporaryError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(sql, "_connect", fail)
        with pytest.raises(SourceError, match="the cache is damaged; delete the folder"):
            load(SQL, fetch)
    np.testing.assert_array_equal(load(SQL, fetch)[0].returns, whole.returns)
    assert content.exists()


# functions


@pytest.fixture
def module(whole, tmp_path):
    """A module of the user in the working folder, which is no place of modules otherwise."""
    name = f"own_prices_{abs(hash(str(tmp_path)))}"
    Path(f"{name}.py").write_text(
        "import pandas as pd\n"
        "import pyarrow.csv\n"
        "def load():\n    return pd.read_csv('wide.csv', parse_dates=['date'], index_col='date')\n"
        "def nameless():\n    return load().rename_axis(None)\n"
        "def arrow():\n    return pyarrow.csv.read_csv('wide.csv')\n"
        "def fail():\n    return 1 / 0\n"
        "def offline():\n    raise ConnectionError('no network')\n"
        "def levels():\n    return pd.concat({'x': load()}, axis=1)\n"
        "def none():\n    pass\n"
    )
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize("function", ["load", "nameless", "arrow"])
def test_a_function_gives_the_panel_of_the_file(module, function, fetch, whole):
    path = list(sys.path)
    panel, _ = load(Function(f"{module}:{function}"), fetch)
    np.testing.assert_array_equal(panel.returns, whole.returns)
    assert sys.path == path


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (
            "fail",
            SourceError,
            r"fail\(\): failed: ZeroDivisionError: division by zero \(own_prices_\d+.py, line 10\)",
        ),
        ("offline", UnreachableError, r"cannot be reached: ConnectionError: no network"),
        ("levels", SourceError, r"its columns have 2 levels"),
        ("none", SourceError, r"expected a pandas DataFrame .*, got NoneType"),
        ("lod", SourceError, r"has no function 'lod'; did you mean 'load'"),
    ],
)
def test_a_function_that_gives_no_table_says_why(module, function, error, message, fetch):
    with pytest.raises(error, match=message):
        load(Function(f"{module}:{function}"), fetch)


def test_a_module_that_is_missing(fetch, whole):
    with pytest.raises(SourceError, match="there is no module 'absent_module' in"):
        load(Function("absent_module:load"), fetch)


def test_types_of_cells_survive(fetch, whole):
    import datetime as dt
    from decimal import Decimal

    from market.sources.arrow_tables import make_column

    day, stamp = dt.date(2020, 1, 2), dt.datetime(2020, 1, 3, 5)
    assert make_column([1, 2.5, None]).to_pylist() == [1.0, 2.5, None]
    assert make_column([day, None]).type == pa.date32()
    assert make_column([day, stamp]).to_pylist() == [dt.datetime(2020, 1, 2), stamp]
    assert make_column([Decimal("1.10"), Decimal("2.345")]).cast(pa.float64()).to_pylist() == [1.1, 2.345]
    assert make_column([1.5, "x", None]).to_pylist() == ["1.5", "x", None]
    assert make_column([10**30, 1]).to_pylist() == [str(10**30), "1"]
