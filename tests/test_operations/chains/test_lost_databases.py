"""A database of MLflow that was deleted, or is an older copy, is noticed, and what it lacks is sent again."""

import json
import shutil
import sqlite3

import pytest
from desk import Desk
from payloads import another, folder_of, known

from operations.champion.registry.mark import MARK, marked_decisions
from operations.champion.registry.mirror import mirror
from pipeline.chains.database import DATABASE
from pipeline.cli import main as cli
from pipeline.errors import TrackingError
from pipeline.tracking import database as tracking
from pipeline.tracking.receipts import RECEIPT, pending_notice, pending_runs, write_receipt
from pipeline.tracking.send import deliver, missing_runs


@pytest.fixture(scope="module")
def registered(tmp_path_factory, no_server, trained):
    """A desk whose three decisions are in the registry, not to be changed by a test."""
    folder = tmp_path_factory.mktemp("registered")
    shutil.copytree(
        trained.folder / "runs", folder / "runs", symlinks=True, ignore=shutil.ignore_patterns("store")
    )
    desk = Desk(folder)
    assert mirror(desk.config()) == 3
    return desk


@pytest.fixture
def sent(tmp_path, registered):
    """A copy of it for one test."""
    shutil.copytree(registered.folder / "runs", tmp_path / "runs", symlinks=True)
    desk = Desk(tmp_path)
    tracking.follow_move(tmp_path / "runs")
    return desk


def registry(desk):
    """Return the run folders of the versions, and the champion's."""
    client, _ = tracking.open_experiment(desk.folder / "runs", "mine")
    versions = client.search_model_versions("name = 'mine'")
    champion = client.get_model_version_by_alias("mine", "champion")
    return {version.tags["run_folder"] for version in versions}, champion.tags["run_folder"]


def tangency(desk, monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["tangency", *words, "-c", str(desk.path())])
    try:
        cli.main()
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    return code, *capsys.readouterr()


def test_a_deleted_database_and_an_older_copy_are_sent_what_they_lack(sent, monkeypatch, capsys):
    output = sent.folder / "runs"
    before = registry(sent)
    database = output / DATABASE
    assert tangency(sent, monkeypatch, capsys, "sync")[:2] == (0, "nothing waits to be sent\n")
    assert pending_notice(output) == ""

    shutil.copyfile(database, sent.folder / "whole.db")
    with sqlite3.connect(database) as connection:  # a copy from before the last run
        last = sorted(before[0])[-1]
        runs = connection.execute("SELECT run_uuid FROM tags WHERE key = 'folder' AND value = ?", (last,))
        (run,) = runs.fetchone()
        for table, column in (("tags", "run_uuid"), ("latest_metrics", "run_uuid"), ("metrics", "run_uuid")):
            connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (run,))
        connection.execute("DELETE FROM params WHERE run_uuid = ?", (run,))
        connection.execute("DELETE FROM runs WHERE run_uuid = ?", (run,))
        connection.execute("DELETE FROM registered_model_aliases")
        connection.execute("DELETE FROM model_version_tags WHERE version = 3")
        connection.execute("DELETE FROM model_versions WHERE version = 3")
    connection.close()
    assert [folder.name for folder in pending_runs(output)] == [last]
    assert "1 run of this output folder is not in" in pending_notice(output)
    code, out, _ = tangency(sent, monkeypatch, capsys, "sync")
    assert code == 0
    assert "1 run was sent before, but not found in the MLflow that is in use, and sent again" in out
    assert f"\nsent {last}\n" in out
    assert out.count("sent mine-") == 1
    assert registry(sent) == before

    database.unlink()
    assert len(pending_runs(output)) == 3
    code, out, _ = tangency(sent, monkeypatch, capsys, "sync")
    assert code == 0
    assert out.count("\nsent ") == 3
    assert "the registry received 3 decisions" in out
    assert registry(sent) == before


def test_a_file_that_is_no_database_ends_with_one_message(sent, monkeypatch, capsys):
    database = sent.folder / "runs" / DATABASE
    database.write_bytes(b"no database" * 500)
    code, _, err = tangency(sent, monkeypatch, capsys, "sync")
    assert code == 2
    assert f"{database} cannot be read as MLflow's database" in err
    assert "Traceback" not in err


def test_damaged_marks_are_made_again(sent):
    output, config = sent.folder / "runs", sent.config()
    mark = output / "operations" / "mine" / MARK
    good, before = json.loads(mark.read_text()), registry(sent)
    (folder, *_) = (each for each in output.glob("mine-*") if each.is_dir())
    for text in ("", "{", "[]", "null", '{"tracking_uri": "sqlite:///mlflow.db"}', "7", '{"decisions": "x"}'):
        mark.write_text(text)
        assert marked_decisions(config, tracking.tracking_name(output)) == 0
        (folder / RECEIPT).write_text(text)
        assert pending_runs(output) == [folder]
    assert mirror(config) == 3
    assert json.loads(mark.read_text()) == good
    deliver(folder)
    assert pending_runs(output) == []
    assert registry(sent) == before


def test_a_run_folder_that_was_deleted_does_not_hold_up_a_new_database(sent):
    output = sent.folder / "runs"
    before = registry(sent)
    first = sorted(before[0])[0]
    shutil.rmtree(output / first)
    (output / DATABASE).unlink()
    assert mirror(sent.config()) == 3
    assert registry(sent) == (before[0] - {first}, before[1])


def test_a_server_that_lost_an_experiment_is_sent_its_runs_again(tmp_path, monkeypatch, migrated):
    """The server is a database elsewhere: what is asked of it is asked through MLflow."""
    server = tmp_path / "server" / "any.db"
    server.parent.mkdir()
    migrated.copy(server)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{server}")
    folders = [folder_of(tmp_path / "runs", another(number)) for number in (1, 2)]
    for folder in folders:
        deliver(folder)
    client, experiment = tracking.open_experiment(tmp_path / "runs", "mine")
    first = known(client, experiment)
    assert missing_runs(folders) == []
    client.delete_experiment(experiment)
    assert missing_runs(folders) == folders
    deliver(folders[0])
    assert missing_runs(folders) == [], "the experiment is back, with all its runs"
    run = tracking.run_of(client, experiment, folders[1].name)
    client.delete_run(run)
    assert missing_runs(folders) == [], "a run that somebody deleted is not sent again"
    client.restore_run(run)

    tracking.close_connections(server)
    server.unlink()
    migrated.copy(server)  # the server starts anew
    assert missing_runs(folders) == folders
    for folder in folders:
        deliver(folder)
    assert missing_runs(folders) == []
    assert known(*tracking.open_experiment(tmp_path / "runs", "mine")) == first


def test_a_server_that_is_away_is_believed_to_hold_what_it_was_sent(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    folder = folder_of(tmp_path / "runs", another(1))
    write_receipt(folder, "http://127.0.0.1:9", "#/experiments/1/runs")
    with pytest.raises(TrackingError, match="does not answer"):
        missing_runs([folder])
    assert deliver(folder) == "#/experiments/1/runs"
