"""What a user sees in MLflow, in a real browser: docs/tracking.md tells how to look oneself."""

import os
import re
import shutil
import subprocess

import pytest
from mlflow_server import Server
from payloads import another, folder_of

from pipeline.tracking.database import run_of
from pipeline.tracking.experiment_view import GAP, P_VALUE
from pipeline.tracking.send import deliver

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium to look with: apt-get install chromium")


@pytest.fixture
def shown(tmp_path, monkeypatch, migrated):
    """Track three runs on a server, and return client, experiment and a function that reads a page of the UI."""
    from dataclasses import replace

    import mlflow

    migrated.copy(tmp_path / "server.db")
    server = Server(tmp_path)
    server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    try:
        folders = []
        for number, gap in enumerate((0.1, 0.3, -0.2)):
            made = another(number)
            metrics = ((GAP, gap, 0), (P_VALUE, 0.04321 + number, 0), *made.tracked.metrics)
            result = replace(
                made.tracked,
                tags=made.tracked.tags | {"traded": "ridge"},
                metrics=metrics,
                children={"zero": made.tracked.children["zero"]},
            )
            folders.append(
                folder_of(tmp_path / "runs", replace(made, name=f"ridge {gap:+.2f}", tracked=result))
            )
            page = server.wait(lambda: deliver(folders[-1]))
        client = mlflow.MlflowClient(server.uri)
        experiment = client.get_experiment_by_name("mine").experiment_id
        yield client, experiment, folders, page, lambda address: _text(server, address, tmp_path)
    finally:
        server.kill()


def _text(server, address, folder):
    """Return the document of a page once its scripts have run."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]
    flags += [
        f"--user-data-dir={folder / 'browser'}",
        "--window-size=2400,1200",
        "--virtual-time-budget=15000",
    ]
    done = subprocess.run(
        [BROWSER, *flags, f"{server.uri}/{address}"],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"HOME": str(folder)},
    )
    return done.stdout


def _row(seen, name):
    """Return in which row of the table a run is shown."""
    assert f">{name}<" in seen, f"{name} is not shown"
    before = seen[: seen.index(f">{name}<")]
    return int(re.findall(r'row-index="(\d+)"', before)[-1])


def test_the_link_lands_on_the_runs_the_best_first_with_what_matters(shown):
    client, experiment, folders, page, text = shown
    assert f"/experiments/{experiment}/runs" in page
    seen = text(page)
    at = [_row(seen, name) for name in ("ridge +0.30", "ridge +0.10", "ridge -0.20")]
    assert at == [0, 1, 2], "the best is first"
    for heading in ("verdict", GAP, P_VALUE, "answer/net sharpe", "traded"):
        assert heading in seen, f"no column {heading}"
    assert "no evidence of skill" in seen
    assert "0.043" in seen, "the p-value is shown"
    assert ">zero<" not in seen, "models are below their runs, not among them"

    run = run_of(client, experiment, folders[0].name)
    seen = text(f"#/experiments/{experiment}/runs/{run}")
    assert "what was found" in seen, "the description"
    assert "answer/net sharpe" in seen
    seen = text(f"#/experiments/{experiment}/runs/{run}/artifacts")
    for name in ("report.html", "summary.json", "plots"):
        assert name in seen, f"no artifact {name}"
