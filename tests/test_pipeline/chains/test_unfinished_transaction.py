"""A database whose writer was killed is read as if the unfinished transaction had never begun."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from pipeline.chains.database import query_database
from pipeline.errors import TrackingError
from pipeline.tracking.sqlite_file import check_sqlite

KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("pragma cache_size = 1")  # changed pages are written before the transaction ends
connection.execute("begin immediate")
connection.execute("update runs set status = 'RUNNING'")
os._exit(9)
"""


@pytest.fixture
def killed(tmp_path):
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table runs (name text, status text)")
        connection.executemany("insert into runs values (?, 'FINISHED')", [("x" * 3000,)] * 50)
    subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert path.with_name("mlflow.db-journal").stat().st_size > 0
    return path


def test_the_transaction_is_undone_before_reading(killed):
    assert query_database(killed, "select distinct status from runs") == [("FINISHED",)]


def test_mlflow_may_open_it(killed):
    check_sqlite(f"sqlite:///{killed}")
    with closing(sqlite3.connect(f"file:{killed}?mode=ro", uri=True)) as connection:
        assert connection.execute("select count(*) from runs where status = 'FINISHED'").fetchone() == (50,)


def test_a_file_that_is_no_database_is_still_refused(tmp_path):
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(TrackingError, match="cannot be read as MLflow's database"):
        query_database(path, "select 1 from runs")
