"""A run is told to MLflow once, whatever happens in the middle."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow_server import Server
from payloads import FEATURES, another, booster, folder_of, known, linear, payload

from pipeline.errors import RecordError, TrackingError
from pipeline.tracking import database as tracking
from pipeline.tracking import send
from pipeline.tracking.models import linear_pyfunc
from pipeline.tracking.models.logged_models import signature, write_model
from pipeline.tracking.pending_runs import RECORD, TrackingPayload
from pipeline.tracking.receipts import RECEIPT, pending_runs, read_receipt
from pipeline.tracking.send import deliver
from pipeline.tracking.worker import MlflowWorker

CALLS = (
    "create_run",
    "log_batch",
    "log_artifact",
    "log_text",
    "log_dict",
    "create_logged_model",
    "log_outputs",
    "log_model_artifacts",
    "finalize_logged_model",
    "set_terminated",
    "set_experiment_tag",
)
"""What changes something at the server."""


class Killed(BaseException):
    """The process is no more."""


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Track in a database of this test."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path / "runs"


def recorded(output, name="mine"):
    return known(*tracking.open_experiment(output, name))


def dying(monkeypatch, at):
    """Let the process die when the server has done the `at`-th call that changes something."""
    import mlflow

    count = 0

    def fatal(honest):
        def call(*arguments, **options):
            nonlocal count
            count += 1
            mine = count  # one call may make another
            result = honest(*arguments, **options)
            if mine == at:
                raise Killed
            return result

        return call

    for name in CALLS:
        monkeypatch.setattr(mlflow.MlflowClient, name, fatal(getattr(mlflow.MlflowClient, name)))


def test_what_is_to_be_told_survives_json_to_the_last_bit(tmp_path):
    made = payload()
    folder = folder_of(tmp_path, made)
    assert TrackingPayload.read(folder) == made
    assert made.tracked.children["ridge"].model["coefficients"][1] == -(2**0.5)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:-10], "not the record"),
        (lambda text: text.replace('"tags"', '"tag"', 1), "not the record"),
        (lambda text: text.replace('"schema": 1', '"schema": 99'), "its schema is 99"),
        (lambda text: "[]", "not the record"),
        (
            lambda text: re.sub(
                r'"metrics": \[\[("[^"]*"), [^,]*', rf'"metrics": [[\1, {10**400}', text, count=1
            ),
            "not the record",
        ),
    ],
)
def test_a_damaged_record_is_named(tmp_path, damage, message):
    folder = folder_of(tmp_path, payload())
    (folder / RECORD).write_text(damage((folder / RECORD).read_text()))
    with pytest.raises(RecordError, match=message) as raised:
        TrackingPayload.read(folder)
    assert str(folder / RECORD) in str(raised.value)


def test_a_sender_killed_after_any_call_is_completed_and_tells_nothing_twice(here, monkeypatch):
    """Die after each call in turn; what the server knows in the end is what one try would have told."""

    def run(name, end):
        made = payload(name)
        children = {key: made.tracked.children[key] for key in ("ridge", "zero")}
        return replace(made, run_id=f"{made.run_id}{end}", tracked=replace(made.tracked, children=children))

    deliver(folder_of(here, run("whole", "")))
    whole = recorded(here, "whole")
    for at in range(1, 100):
        name = f"killed-{at}"
        folder = folder_of(here, run(name, f"-{at}"))
        with monkeypatch.context() as patch:
            dying(patch, at)
            try:
                deliver(folder)
                break
            except Killed:
                assert read_receipt(folder) == {}
        deliver(folder)
        found = json.dumps(recorded(here, name), sort_keys=True).replace(f"abcdef-0001-{at}", "abcdef-0001")
        assert found == json.dumps(whole, sort_keys=True), f"killed after call {at}"
        assert read_receipt(folder)["tracking_uri"] == tracking.tracking_name(here)
    assert at > 15, "the calls that matter are counted"


def test_what_has_arrived_is_not_told_again_even_if_the_receipt_is_lost(here):
    folder = folder_of(here, payload())
    page = deliver(folder)
    first = recorded(here)
    assert pending_runs(here) == []
    (folder / RECEIPT).unlink()
    assert pending_runs(here) == [folder]
    assert deliver(folder) == page
    assert recorded(here) == first
    client, _ = tracking.open_experiment(here, "mine")
    folder.joinpath(RECEIPT).write_text(json.dumps({"tracking_uri": "http://elsewhere", "page": "x"}))
    deliver(folder)
    assert recorded(here) == first, "another server is told too; this one knows it already"
    assert tracking.run_of(client, client.get_experiment_by_name("mine").experiment_id, folder.name)
    with pytest.raises(TrackingError, match="not known to MLflow"):
        tracking.run_of(client, client.get_experiment_by_name("mine").experiment_id, "mine-other")


def test_runs_wait_in_the_order_in_which_they_were_made(here):
    folders = [folder_of(here, another(number)) for number in (2, 1)]
    os.utime(folders[0], ns=(1, 1))
    (here / ".partial-x").mkdir()
    (here / ".partial-x" / RECORD).write_text("{}")
    (here / "latest").symlink_to(folders[1].name)
    assert pending_runs(here) == folders


def test_logged_models_are_those_that_mlflow_would_write(tmp_path):
    """The same files and the same description, but for what names the place, and they predict the same."""
    import lightgbm as lgb
    import mlflow
    import yaml

    options = {"pip_requirements": tracking.requirements(), "signature": signature(FEATURES)}
    trees = lgb.Booster(model_str=booster())
    mlflow.lightgbm.save_model(trees, tmp_path / "trees-theirs", **options)
    write_model({"features": FEATURES, "booster": booster()}, tmp_path / "trees-ours")
    (tmp_path / "spec.json").write_text(json.dumps(linear()))
    mlflow.pyfunc.save_model(
        tmp_path / "linear-theirs",
        python_model=linear_pyfunc.__file__,
        artifacts={"spec": str(tmp_path / "spec.json")},
        **options,
    )
    write_model(linear(), tmp_path / "linear-ours")
    X = pd.DataFrame(np.random.default_rng(3).normal(size=(6, 3)), columns=FEATURES)
    for kind in ("trees", "linear"):
        ours, theirs = tmp_path / f"{kind}-ours", tmp_path / f"{kind}-theirs"
        files = [
            sorted(str(p.relative_to(at)) for p in at.rglob("*") if p.is_file()) for at in (ours, theirs)
        ]
        assert files[0] == files[1]
        assert (ours / "requirements.txt").read_text() == (theirs / "requirements.txt").read_text()
        conda = [yaml.safe_load((at / "conda.yaml").read_text()) for at in (ours, theirs)]
        assert conda[0].keys() == conda[1].keys()
        python, _, pip = conda[1]["dependencies"]  # between them how new pip may be
        assert [conda[0]["dependencies"][0], conda[0]["dependencies"][2]] == [python, pip]
        about = [yaml.safe_load((at / "MLmodel").read_text()) for at in (ours, theirs)]
        for text in about:
            for key in ("utc_time_created", "model_uuid", "model_size_bytes"):
                text.pop(key)
            for key in ("cloudpickle_version", "code"):  # nothing is pickled, and no code is beside it
                text["flavors"]["python_function"].pop(key, None)
            for key in ("serialization_format", "skops_trusted_types"):  # of other classes than Booster
                text["flavors"].get("lightgbm", {}).pop(key, None)
            served = text["flavors"]["python_function"]
            served["model_code_path"] = Path(served.get("model_code_path", "")).name
            for spec in served.get("artifacts", {}).values():
                assert spec.pop("uri")
        assert about[0] == about[1]
        actual = [np.asarray(mlflow.pyfunc.load_model(str(at)).predict(X)) for at in (ours, theirs)]
        np.testing.assert_array_equal(*actual)


@pytest.fixture
def courier(monkeypatch):
    """Return a courier of a process that has not loaded MLflow."""
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "mlflow", raising=False)
        with MlflowWorker() as found:
            found.get_ready()
            patch.undo()
            yield found


def test_a_courier_tells_of_a_run_in_a_process_of_its_own(here, courier, monkeypatch):
    folder = folder_of(here, payload())
    with monkeypatch.context() as patch:
        patch.setattr(send, "deliver", lambda folder: pytest.fail("it is not done here"))
        page = courier.deliver(folder)
    assert page == read_receipt(folder)["page"]
    assert len(recorded(here)) == 4 + 1


def test_a_courier_says_what_went_wrong(here, courier):
    folder = folder_of(here, payload())
    (folder / RECORD).write_text("{}")
    with pytest.raises(TrackingError, match="not the record that was written"):
        courier.deliver(folder)


@pytest.mark.parametrize("answer", ["", "print('what?')", "import sys; sys.exit(3)"])
def test_what_a_courier_fails_to_do_is_done_here(here, answer):
    folder = folder_of(here, payload())
    with MlflowWorker() as courier:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        courier._process = subprocess.Popen([sys.executable, "-c", answer], **pipes)
        assert courier.deliver(folder) == read_receipt(folder)["page"]


def test_a_run_that_comes_to_nothing_leaves_no_courier_behind(monkeypatch):
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "mlflow", raising=False)
        with MlflowWorker() as courier:
            courier.get_ready()
            process = courier._process
    assert process.poll() is not None


def test_what_has_arrived_needs_no_mlflow(here):
    """A run in which nothing changed is told of in half a second."""
    folder = folder_of(here, payload())
    page = deliver(folder)
    code = (
        "import sys; from pathlib import Path; from pipeline.tracking.worker import MlflowWorker\n"
        "with MlflowWorker() as courier: print(courier.deliver(Path(sys.argv[1])), 'mlflow' in sys.modules)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == f"{page} False\n"


@pytest.fixture
def server(tmp_path, monkeypatch, migrated):
    migrated.copy(tmp_path / "server.db")
    found = Server(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", found.uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    yield found
    found.kill()


def test_a_server_that_dies_and_a_sender_that_is_killed_lose_nothing_and_double_nothing(
    server, tmp_path, monkeypatch
):
    """One server, away, there, and killed; one sender, killed with -9 when half is told."""
    here, name = tmp_path / "runs", "mine"
    folders = [folder_of(here, another(number, steps=100)) for number in (1, 2)]
    with pytest.raises(TrackingError, match=server.uri):
        deliver(folders[0])
    assert pending_runs(here) == folders
    server.start()
    sender = subprocess.Popen(
        [sys.executable, "-m", "pipeline.tracking.worker"], stdin=subprocess.PIPE, text=True
    )
    sender.stdin.write(f"{folders[0]}\n")
    sender.stdin.flush()
    client = server.wait(lambda: _client(here, name))
    experiment = client.get_experiment_by_name(name).experiment_id
    while len(client.search_runs([experiment])) < 2:
        assert sender.poll() is None, "it ended before it could be killed"
    sender.kill()
    sender.communicate()
    half = client.search_runs([experiment])
    assert {run.info.status for run in half} >= {"RUNNING"}
    server.kill()
    with pytest.raises(TrackingError, match=server.uri):
        deliver(folders[0])
    server.start()
    for folder in folders:
        server.wait(lambda folder=folder: deliver(folder))
    assert pending_runs(here) == []
    found = known(client, experiment)
    assert {run.info.run_id for run in half} <= {run.info.run_id for run in client.search_runs([experiment])}
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    for number in (1, 2):
        deliver(folder_of(tmp_path / "plain", another(number, steps=100)))
    assert found == recorded(tmp_path / "plain", name), "what one try would have told"


def _client(output, name):
    import mlflow

    client = mlflow.MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
    if client.get_experiment_by_name(name) is None:
        raise OSError("not yet")
    return client


def test_a_link_in_a_run_folder_is_not_followed(here, tmp_path):
    folder = folder_of(here, payload())
    (tmp_path / "private.txt").write_text("nobody else's business")
    (folder / "notes.txt").symlink_to(tmp_path / "private.txt")
    (folder / "own.txt").write_text("sent")
    deliver(folder)
    sent = {path.name for path in (here / "artifacts").rglob("*.txt")}
    assert "own.txt" in sent
    assert "notes.txt" not in sent
