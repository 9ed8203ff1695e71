"""`tangency sync` sends what waits, and says what still does."""

from pathlib import Path

import pytest
from payloads import another, folder_of, known

from pipeline.cli import main as cli
from pipeline.tracking import database as tracking
from pipeline.tracking.pending_runs import RECORD
from pipeline.tracking.receipts import pending_runs

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "industries.yaml"


@pytest.fixture
def sync(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command and returns its exit code, output and errors."""
    import sys

    path = tmp_path / "industries.yaml"
    text = CONFIG.read_text().replace("\noutput: runs\n", f"\noutput: {tmp_path / 'runs'}\n")
    assert str(tmp_path) in text
    path.write_text(text)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(sys, "argv", ["tangency", "sync", "--config", str(path)])

    def call():
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = stopped.code
        return code, *capsys.readouterr()

    return call


def test_what_waits_is_sent_once_when_the_server_is_back(sync, tmp_path, monkeypatch):
    here = tmp_path / "runs"
    folders = [folder_of(here, another(number)) for number in (1, 2, 3)]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    code, out, err = sync()
    assert (code, out) == (2, "")
    assert f"3 wait, {folders[0].name} first: MLflow at http://127.0.0.1:9 does not answer" in err
    assert "Traceback" not in err
    assert pending_runs(here) == folders
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert sync() == (0, "".join(f"sent {folder.name}\n" for folder in folders), "")
    client, experiment = tracking.open_experiment(here, "mine")
    first = known(client, experiment)
    assert len(first) == 3 * 4 + 1
    assert sync() == (0, "nothing waits to be sent\n", "")
    assert known(client, experiment) == first


def test_one_damaged_record_holds_up_no_other_run(sync, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    here = tmp_path / "runs"
    folders = [folder_of(here, another(number)) for number in (1, 2)]
    (folders[0] / RECORD).write_text("{")
    code, out, err = sync()
    assert (code, out) == (2, f"sent {folders[1].name}\n")
    assert str(folders[0] / RECORD) in err
    assert pending_runs(here) == [folders[0]]


def test_without_runs_there_is_nothing_to_send(sync):
    assert sync() == (0, "nothing waits to be sent\n", "")
