"""An output folder that is moved or copied: MLflow writes to the new place alone, and finds all that was there."""

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from payloads import folder_of, payload

from pipeline.errors import TrackingError
from pipeline.tracking import database as tracking
from pipeline.tracking.receipts import read_receipt
from pipeline.tracking.relocation import LOCATIONS, find_relocations
from pipeline.tracking.send import deliver
from pipeline.tracking.worker import MlflowWorker


@pytest.fixture(autouse=True)
def local(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")


@pytest.fixture(scope="module")
def first(tmp_path_factory, mlflow_here):
    """An output folder from which one run was sent, and one of its files registered."""
    output = tmp_path_factory.mktemp("first") / "a project" / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        output.mkdir(parents=True)
        deliver(folder_of(output, payload()))
        client, experiment = tracking.open_experiment(output, "mine")
        run = client.search_runs([experiment])[0].info
        client.create_registered_model("mine")
        client.create_model_version("mine", f"{run.artifact_uri}/report.html", run_id=run.run_id)
    return output


@pytest.fixture
def output(first, tmp_path, capsys):
    """A copy of it that a test may move and change; that copying it is right is tested with the first."""
    output = tmp_path / "a project" / "runs"
    shutil.copytree(first, output)
    tracking.follow_move(output)
    capsys.readouterr()
    return output


def files_of(output):
    """Return the content of each artifact that MLflow lists, by run and path."""
    client, experiment = tracking.open_experiment(output, "mine")
    found = {}
    for run in client.search_runs([experiment]):
        pending = client.list_artifacts(run.info.run_id)
        while pending:
            each = pending.pop()
            if each.is_dir:
                pending += client.list_artifacts(run.info.run_id, each.path)
            else:
                place = client.download_artifacts(run.info.run_id, each.path)
                found[run.info.run_name, each.path] = Path(place).read_bytes()
    return found


def another(output):
    """Send a second run."""
    made = replace(payload(), run_id="mine-20260302T120000-abcdef-0002", name="second")
    deliver(folder_of(output, made))


def columns_with(database, text):
    """Return the columns of a database that hold a text anywhere."""
    with sqlite3.connect(database) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            (table, column[1])
            for table in tables
            for column in connection.execute(f"PRAGMA table_info({table})").fetchall()
            if connection.execute(
                f'SELECT 1 FROM {table} WHERE instr(CAST("{column[1]}" AS TEXT), ?)', (text,)
            ).fetchone()
        }


def tree(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_places_that_mlflow_keeps_are_known(first):
    """A newer MLflow that keeps the place in another column fails here."""
    assert columns_with(first / "mlflow.db", first.as_uri()) == set(LOCATIONS)


@pytest.mark.parametrize("copied", [False, True], ids=["moved", "copied"])
def test_after_a_move_old_and_new_runs_have_their_artifacts_and_the_old_place_is_let_be(
    first, output, tmp_path, copied, capsys
):
    output = first if copied else output
    before = files_of(output)
    assert before
    new = tmp_path / "elsewhere" / "runs"
    (shutil.copytree if copied else shutil.move)(output, new)
    left = tree(output.parent)
    another(new)
    captured = capsys.readouterr().err
    assert (
        "the output folder was moved or copied; the artifacts of 4 runs in 1 experiment are now in"
        in captured
    )
    assert f"{new}/artifacts" in captured
    after = files_of(new)
    assert {key: value for key, value in after.items() if key in before} == before
    assert {name for name, _ in after} > {name for name, _ in before}
    assert tree(output.parent) == left, "nothing was written to the old place"
    assert columns_with(new / "mlflow.db", str(output)) == set()
    texts = [path for path in new.rglob("*") if path.is_file() and path.suffix != ".db"]
    assert not [path for path in texts if str(output.parent).encode() in path.read_bytes()]
    assert not [path for path in texts if b"a%20project" in path.read_bytes()]
    client = tracking.open_experiment(new, "mine")[0]
    assert client.get_model_version("mine", "1").source.startswith(new.as_uri())
    assert capsys.readouterr().err == "", "it is told once"


def test_models_load_after_a_move(output, tmp_path):
    import mlflow.pyfunc
    import pandas as pd

    new = tmp_path / "elsewhere" / "runs"
    shutil.move(output, new)
    client, experiment = tracking.open_experiment(new, "mine")
    models = client.search_logged_models([experiment])
    assert len(models) == 2
    rows = pd.DataFrame([[0.1, 0.2, 0.3]], columns=["momentum", "volatility", "value"])
    for model in models:
        assert len(mlflow.pyfunc.load_model(f"models:/{model.model_id}").predict(rows)) == 1


def test_a_run_that_was_sent_before_the_move_is_not_sent_again(output, tmp_path, capsys):
    new = tmp_path / "elsewhere" / "runs"
    shutil.move(output, new)
    folder = new / payload().run_id
    assert str(tmp_path) not in (folder / "mlflow.json").read_text()
    with MlflowWorker() as courier:
        assert courier.deliver(folder) == read_receipt(folder)["page"]
    assert "was moved or copied" in capsys.readouterr().err, "the database follows all the same"
    assert find_relocations(new / "mlflow.db") == []


def test_a_move_that_is_killed_in_the_middle_is_done_by_the_next(output, tmp_path, monkeypatch):
    from pipeline.tracking import relocation

    before = files_of(output)
    new = tmp_path / "elsewhere" / "runs"
    shutil.move(output, new)
    with monkeypatch.context() as patch:
        patch.setattr(relocation, "LOCATIONS", (*LOCATIONS[:2], ("no table", "x")))
        with pytest.raises(TrackingError, match="syntax error"):
            tracking.follow_move(new)
    assert len(find_relocations(new / "mlflow.db")) == 1
    assert files_of(new) == before


def test_a_database_without_its_artifacts_is_not_followed_but_refused(output, tmp_path):
    new = tmp_path / "elsewhere" / "runs"
    new.mkdir(parents=True)
    shutil.copy(output / "mlflow.db", new)
    left = tree(output)
    with pytest.raises(TrackingError, match=r"move or copy that folder to .*elsewhere/runs/artifacts/mine"):
        another(new)
    assert tree(output) == left


def test_one_folder_by_two_paths_was_not_moved(output, tmp_path, capsys):
    link = tmp_path / "link"
    link.symlink_to(output.parent, target_is_directory=True)
    another(link / "runs")
    assert capsys.readouterr().err == ""
    assert find_relocations(link / "runs" / "mlflow.db") == []


def test_experiments_of_others_stay_where_their_users_put_them(output, tmp_path):
    client, _ = tracking.open_experiment(output, "mine")
    own = f"{(tmp_path / 'own' / 'artifacts' / 'theirs').as_uri()}"
    client.create_experiment("theirs", artifact_location=own)
    new = tmp_path / "elsewhere" / "runs"
    shutil.move(output, new)
    client, _ = tracking.open_experiment(new, "mine")
    assert client.get_experiment_by_name("theirs").artifact_location == own


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "mlflow.db").write_text("no database at all, and long enough to be looked at as one")
    with pytest.raises(TrackingError, match=r"mlflow\.db is damaged; move it away"):
        tracking.follow_move(tmp_path)


def test_a_server_keeps_its_own_artifacts(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    (tmp_path / "mlflow.db").write_text("not even looked at")
    tracking.follow_move(tmp_path)
    assert (tmp_path / "mlflow.db").read_text() == "not even looked at"
