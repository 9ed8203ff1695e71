"""`tangency ui` refuses web pages of other origins and names of other hosts."""

import sys

import pytest
from served import ask

from pipeline.tracking import database as tracking


@pytest.fixture(scope="module")
def app(tmp_path_factory, mlflow_here):
    """The application that `mlflow server` runs, with the settings that it has by default."""
    folder = tmp_path_factory.mktemp("ui")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_MLFLOW_SERVER_FILE_STORE", f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(folder))
        from mlflow.server.fastapi_app import app

        yield app


def test_the_command_changes_nothing_about_who_may_ask(tmp_path, monkeypatch, migrated):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    command = tracking.serve_ui(tmp_path, "mine", 5000)
    assert command[:4] == [sys.executable, "-m", "mlflow", "server"]
    options = [word for word in command if word.startswith("--")]
    assert options == ["--backend-store-uri", "--host", "--port", "--workers"]
    assert command[command.index("--host") + 1] == "127.0.0.1"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),
        ({"origin": "http://localhost:5001"}, 404),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "evil.example"}, 403),
    ],
)
def test_a_foreign_page_is_refused_before_anything_is_looked_up(app, headers, status):
    answer = ask(app, "/api/2.0/mlflow/there-is-no-such-thing", body={}, headers=headers)
    assert answer.status == status
