"""What is wrong with MLflow's database is one plain line, whatever the libraries say."""

import shutil
import sqlite3
import time
from contextlib import closing

import pytest

from pipeline.errors import TrackingError
from pipeline.tracking import database as tracking

pytestmark = pytest.mark.usefixtures("mlflow_here")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a database that MLflow has made."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        tracking.open_experiment(folder, "other")
    return folder / "mlflow.db"


def search(output):
    """Ask a database, as a command does."""
    tracking.follow_move(output)
    with tracking.name_tracking_errors(tracking.tracking_uri(output)):
        client, experiment = tracking.open_experiment(output, "mine")
        client.search_runs([experiment], "tags.folder = 'x'")


def execute(path, statement):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def overwrite(path, content):
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: overwrite(path, b"no database" * 1000), "is damaged; move it away"),
        (lambda path: overwrite(path, path.read_bytes()[:40_000]), "is damaged; move it away"),
        (
            lambda path: execute(path, "update alembic_version set version_num = 'abc'"),
            "another version of MLflow",
        ),
        (
            lambda path: execute(path, "drop table experiment_tags"),
            "is not a database of this version of MLflow",
        ),
    ],
    ids=["other content", "cut", "schema", "table"],
)
def test_a_damaged_database_is_named_with_what_to_do(whole, tmp_path, monkeypatch, damage, message):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "runs").mkdir()
    # MLflow remembers in a process what it has opened under a name: the damaged one is opened first as it is.
    database = shutil.copy(whole, tmp_path / "runs" / "mlflow.db")
    damage(database)
    with pytest.raises(TrackingError) as error:
        search(database.parent)
    said = str(error.value)
    assert said.startswith(f"MLflow's database {database} ")
    assert message in said
    assert "\n" not in said
    assert not any(word in said for word in ("sqlalche", "SELECT", "alembic", "sqlite3", "http"))


def test_a_locked_database_is_named(tmp_path, monkeypatch):
    import sqlalchemy.exc

    error = sqlalchemy.exc.OperationalError(
        "INSERT INTO runs", {}, sqlite3.OperationalError("database is locked")
    )
    with (
        pytest.raises(
            TrackingError, match=r"/a b/mlflow\.db is in use by another process; wait until it has ended"
        ),
        tracking.name_tracking_errors("sqlite:////a b/mlflow.db"),
    ):
        raise error
    with (
        pytest.raises(
            TrackingError, match=r"^MLflow at http://x says: .sqlite3.OperationalError. database is locked$"
        ),
        tracking.name_tracking_errors("http://x"),
    ):
        raise error


def test_a_driver_that_is_missing_is_one_line_without_a_password():
    with (
        pytest.raises(TrackingError) as raised,
        tracking.name_tracking_errors("postgresql://me:secret@db.example/x"),
    ):
        raise ModuleNotFoundError("No module named 'psycopg2'")
    assert str(raised.value) == "MLflow at postgresql://db.example/x says: No module named 'psycopg2'"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "/proc/x.db",
            r"/proc/x\.db cannot be opened: .*No such file or directory.*a folder that you may write to",
        ),
        ("/proc/a/b/x.db", r"/proc/a/b/x\.db cannot be opened"),
        ("/dev/null/x.db", r"/dev/null/x\.db cannot be opened: .*Not a directory"),
        ("/dev/zero", r"/dev/zero: it is a device, expected a regular file"),
        ("/dev", r"/dev: it is a folder, expected a regular file"),
    ],
)
@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
def test_a_database_that_can_never_be_opened_is_named_at_once(scheme, name, message):
    began = time.monotonic()
    with (
        pytest.raises(TrackingError, match=message) as raised,
        tracking.name_tracking_errors(f"{scheme}:///{name}"),
    ):
        pytest.fail("MLflow would try for two minutes")
    assert "\n" not in str(raised.value)
    assert time.monotonic() - began < 5


def test_other_content_is_named_at_once(tmp_path):
    path = tmp_path / "x.db"
    path.write_bytes(b"no database" * 1000)
    with (
        pytest.raises(TrackingError, match=r"x\.db is damaged"),
        tracking.name_tracking_errors(f"sqlite:///{path}"),
    ):
        pytest.fail("MLflow would try for two minutes")


def test_a_database_that_can_be_opened_or_made_is_left_as_it_is(tmp_path):
    busy = tmp_path / "busy.db"
    execute(busy, "create table t (x)")
    before = busy.read_bytes()
    with closing(sqlite3.connect(busy)) as connection:
        connection.execute("begin exclusive")
        for address in (
            busy,
            tmp_path / "new.db",
            tmp_path / "new" / "folder" / "new.db",
            ":memory:",
            "x.db",
        ):
            with tracking.name_tracking_errors(f"sqlite:///{address}"):
                pass
    assert busy.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["busy.db"], "nothing is made"
    for address in ("sqlite://", "http://x", "postgresql://x/y", "sqlite:///file:x?mode=memory&uri=true"):
        with tracking.name_tracking_errors(address):
            pass
