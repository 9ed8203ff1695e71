"""MLflow's registry agrees with the decisions, whatever interrupts it; what it holds loads and serves anywhere."""

import json
import socket
import subprocess
import sys

import pytest
from desk import Desk, at, quiet

from operations.champion.candidate import Candidate
from operations.champion.forecasting import predict, situation
from operations.champion.manual_promotion import roll_back
from operations.champion.registry import mirror
from operations.cli.main import load_commands
from pipeline.tracking.database import open_experiment


@pytest.fixture(scope="module")
def registered(tmp_path_factory, no_server, trained):
    """A desk whose three decisions MLflow has been told: promoted, kept by the gate, promoted."""
    desk = Desk(tmp_path_factory.mktemp("told"), beside=trained)
    desk.decisions = [
        desk.retrain("2002-03-31"),
        desk.retrain("2002-04-30", gate={"turnover": 1e-6}),
        desk.retrain("2002-05-31"),
    ]
    assert [d.kind for d in desk.decisions] == ["promoted", "kept", "promoted"]
    return desk


def client_of(desk):
    return open_experiment(desk.folder / "runs", "mine")[0]


def versions(desk):
    found = client_of(desk).search_model_versions("name = 'mine'")
    return {version.tags["run_folder"]: version for version in found}


def test_each_run_is_a_version_that_says_what_became_of_it_and_why(registered):
    client, found = client_of(registered), versions(registered)
    assert set(found) == {decision.run for decision in registered.decisions}
    for decision in registered.decisions:
        version = client.get_model_version("mine", found[decision.run].version)
        assert version.tags["decision"] == decision.kind
        assert decision.reason in version.description
        assert version.tags["trained_to"] == decision.data_last
        record = Candidate(registered.folder / "runs" / decision.run).summary["record"]
        assert version.tags["data_hash"] == record["data_hash"]
        assert len(version.tags["certificate"]) == 64
        run = client.get_run(version.run_id)
        assert run.data.tags["folder"] == decision.run
        assert decision.reason in run.data.tags["decision.reason"]


def test_aliases_are_those_of_the_decisions(registered):
    client = client_of(registered)
    assert (
        client.get_model_version_by_alias("mine", "champion").tags["run_folder"]
        == registered.decisions[2].run
    )
    assert "challenger" not in client.get_registered_model("mine").aliases, "the newest was let in"


def test_the_newest_that_was_kept_out_is_challenger_and_a_rollback_moves_the_champion(desk):
    first, second = desk.retrain("2002-03-31"), desk.retrain("2002-04-30")
    third = desk.retrain("2002-05-31", gate={"turnover": 1e-6})

    def alias(name):
        return client_of(desk).get_model_version_by_alias("mine", name).tags["run_folder"]

    assert (alias("champion"), alias("challenger")) == (second.run, third.run)
    roll_back(desk.config(), quiet(), now=at("2002-06-01"), why="strange")
    assert (alias("champion"), alias("challenger")) == (first.run, third.run)
    assert (
        "strange" in client_of(desk).get_model_version("mine", versions(desk)[second.run].version).description
    )


def test_a_mirror_that_was_interrupted_is_caught_up_without_doubles(desk, monkeypatch):
    load_commands()

    def interrupted(*registered):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mirror, "_set_aliases", interrupted)
        with pytest.raises(KeyboardInterrupt):
            desk.retrain("2002-03-31")
    assert len(versions(desk)) == 1
    assert "champion" not in client_of(desk).get_registered_model("mine").aliases
    decision = desk.retrain("2002-03-31")
    assert len(client_of(desk).search_model_versions("name = 'mine'")) == 1
    champion = client_of(desk).get_model_version_by_alias("mine", "champion")
    assert champion.tags["run_folder"] == decision.run


def test_a_registry_that_is_away_delays_nothing(desk, monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    decision = desk.retrain("2002-03-31")
    assert decision.kind == "promoted"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert desk.retrain("2002-03-31") == decision
    assert set(versions(desk)) == {decision.run}


def asked(desk):
    """Return what `tangency predict` says, and the request that asks the same of a served model."""
    found = situation(desk.config(), quiet(), at("2002-05-31").date())
    table = json.loads((found.champion.folder / "inputs.json").read_text())
    return predict(found), {"dataframe_split": table}


def test_what_is_registered_loads_without_this_project_and_says_the_same_bits(registered, tmp_path):
    table, request = asked(registered)
    (tmp_path / "request.json").write_text(json.dumps(request))
    code = (
        "import json, sys, mlflow, pandas as pd\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "model = mlflow.pyfunc.load_model('models:/mine@champion')\n"
        "X = pd.DataFrame(**{k: v for k, v in json.load(open('request.json'))['dataframe_split'].items()})\n"
        "X = X.astype({name: float for name in X.columns if name != 'asset'})\n"
        "told = model.predict(X)\n"
        "assert not {'pipeline', 'models', 'operations'} & set(sys.modules)\n"
        "print(json.dumps({name: told[name].map(float.hex).to_list() for name in ('raw', 'mean')}))"
    )
    uri = f"sqlite:///{registered.folder / 'runs' / 'mlflow.db'}"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, uri], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said == {name: table[name].map(float.hex).to_list() for name in ("raw", "mean")}
