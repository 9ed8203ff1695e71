"""The command line: what it writes, what it reuses, and how it refuses."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from foundation.json_text import to_json
from operations.cli.main import load_commands
from pipeline.cli import main as cli
from pipeline.cli.group import tangency as every_command

pytestmark = pytest.mark.usefixtures("mlflow_here")

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def tangency(monkeypatch, *arguments):
    """Run the command in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["tangency", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as stopped:
        return stopped.code
    return 0


def runs_left(folder: Path):
    """Return whatever looks like a run, a part of one, or a tracking database; the record is there to stay."""
    output = folder / "runs"
    if not output.exists():
        return []
    return [
        p.name
        for p in output.iterdir()
        if p.name != "store" and "ledger" not in p.name and "chain_heads" not in p.name
    ]


def test_the_command_computes_in_one_thread_and_a_users_own_number_stands():
    code = (
        "import sys, pipeline.cli.main as cli; assert 'numpy' not in sys.modules\n"
        "def command(**_):\n"
        "    import numpy, threadpoolctl\n"
        "    print([each['num_threads'] for each in threadpoolctl.threadpool_info()])\n"
        "cli.tangency = command; cli.main()"
    )

    def threads(**variables):
        clean = {name: value for name, value in os.environ.items() if "_THREADS" not in name}
        done = subprocess.run(
            [sys.executable, "-c", code], env=clean | variables, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert threads() == "[1]"
    assert threads(OPENBLAS_NUM_THREADS="2") == f"[{min(2, os.cpu_count())}]"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeed": 1}, "seeed: unknown key; did you mean 'seed'?"),
        ({"data__path": "nowhere/prices.csv"}, "nowhere/prices.csv"),
        ({"data__source": "bloomberg", "data__path": None}, "bloomberg"),
        ({"allocation__maximum": 0.05}, "maximum weight 0.05"),
        ({"allocation__overrides": {"nobody": {"maximum": 0.3}}}, "'nobody'"),
        ({"allocation__groups": {"all": {"assets": ["nobody"], "maximum": 0.3}}}, "'nobody'"),
        ({"features__include": ["asset", "momentun_12_1"]}, "momentum_12_1"),
        ({"regimes__features": ["return_1"]}, "differs between assets"),
        ({"walk_forward__first_test": "1991-01-31"}, "warm only from"),
        (
            {"walk_forward__first_test": "2050-01-31", "evaluation__start": "2050-01-31"},
            "outside of the data",
        ),
        ({"allocation__min_history": 10_000}, "no asset can be held"),
        ({"evaluation__start": "2002-06-30"}, "earns a return before the data ends"),
        ({"target__risk_window": 140}, "the risk window"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_mistake_is_one_message_and_nothing_is_left(mine, tmp_path, monkeypatch, capsys, changes, message):
    assert tangency(monkeypatch, "run", "--config", mine(**changes)) == 2
    captured = capsys.readouterr().err
    assert message in captured
    assert "Traceback" not in captured
    assert len(captured) < 1500
    assert runs_left(tmp_path) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("\n", "\n1995-06-30,abc\n", 1), "abc"),
        (lambda text: text[: text.rindex(",")] + ",lots\n", "lots"),
        (lambda text: text + text.splitlines()[-1] + "\n", "date"),
        (lambda text: "", "empty"),
    ],
    ids=["ragged", "text in a price", "a doubled date", "empty"],
)
def test_a_damaged_file_is_named(mine, tmp_path, monkeypatch, capsys, damage, message):
    path = tmp_path / "prices.csv"
    path.write_text(damage(path.read_text()))
    assert tangency(monkeypatch, "run", "--config", mine()) == 2
    captured = capsys.readouterr().err
    assert "prices.csv" in captured
    assert message in captured
    assert "Traceback" not in captured
    assert runs_left(tmp_path) == []


def test_a_missing_configuration_and_a_wrong_option(monkeypatch, capsys, tmp_path):
    assert tangency(monkeypatch, "run", "--config", tmp_path / "no.yaml") == 2
    assert "cannot read the configuration" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    assert tangency(monkeypatch, "run", "--config", "no.yaml") == 2
    assert "In configs/" not in capsys.readouterr().err, "there is none to name"
    assert tangency(monkeypatch, "run", "--cnofig", "x") == 2
    assert "No such option" in capsys.readouterr().err


@pytest.mark.parametrize("words", [(), ("ledger",)])
def test_a_command_that_is_left_out_shows_the_help_once(monkeypatch, capsys, words):
    load_commands()
    assert tangency(monkeypatch, *words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("Usage:") == 1
    assert "Error:" not in captured.err
    assert "Commands:" in captured.err or "  tangency run " in captured.err


def test_train_evaluate_and_report(mine, tmp_path, monkeypatch, capsys):
    config = mine()
    assert tangency(monkeypatch, "train", "--config", config) == 0
    assert "last fit" in capsys.readouterr().out
    assert tangency(monkeypatch, "evaluate", "--config", config) == 0
    captured = capsys.readouterr().out
    assert "reused" in captured
    assert "model combination" in captured
    assert tangency(monkeypatch, "report", "--config", config) == 0
    page = (tmp_path / "runs" / "mine-report.html").read_text()
    assert page.count("<svg") == 9
    assert page.count("</svg>") == 9, "they are drawn"
    assert "http://" not in page.replace("http://www.w3.org", "").replace(
        "http://creativecommons.org", ""
    ).replace("http://purl.org", "")
    assert runs_left(tmp_path) == ["mine-report.html"], "only run makes run folders"


def test_a_run_of_the_same_makes_no_other_run(mine, tmp_path, monkeypatch, capsys):
    config = mine()
    assert tangency(monkeypatch, "run", "--config", config) == 0
    first = runs_left(tmp_path)
    capsys.readouterr()
    assert tangency(monkeypatch, "run", "--config", config) == 0
    captured = capsys.readouterr().out
    assert "nothing has changed since this run" in captured
    assert "Target weights" in captured
    assert runs_left(tmp_path) == first
    folder = (tmp_path / "runs" / "latest").resolve()
    (folder / "mlflow.json").unlink()
    assert tangency(monkeypatch, "run", "--config", config) == 0
    assert runs_left(tmp_path) == first, "one that was never tracked is tracked, not made again"
    assert (folder / "mlflow.json").exists()
    (folder / "tracking.json").unlink()
    assert tangency(monkeypatch, "run", "--config", config) == 0
    assert len(runs_left(tmp_path)) == len(first) + 1, "one that cannot be tracked is made again"
    assert tangency(monkeypatch, "run", "--config", config, "--fresh") == 0
    assert len(runs_left(tmp_path)) == len(first) + 2


def test_a_run_whose_output_is_closed_is_finished(mine, tmp_path):
    """As `tangency run | head -1` does: the record holds no trial without its run."""
    process = subprocess.Popen(
        [sys.executable, "-m", "operations", "run", "--config", str(mine())],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith("data ")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=120) == 0
    (run,) = [path.parent for path in (tmp_path / "runs").glob("mine-*/summary.json")]
    assert (run / "report.html").exists()


def test_an_interrupted_run_goes_on_where_it_stopped(mine, tmp_path, monkeypatch, capsys):
    from pipeline.stages import compute

    config = mine()
    honest = compute.walk_model

    def interrupted(name, *arguments):
        if name == "lightgbm":
            raise KeyboardInterrupt
        return honest(name, *arguments)

    monkeypatch.setattr(compute, "walk_model", interrupted)
    assert tangency(monkeypatch, "run", "--config", config) == 130
    assert "run the same command to go on" in capsys.readouterr().err
    assert runs_left(tmp_path) == []
    monkeypatch.setattr(compute, "walk_model", honest)
    assert tangency(monkeypatch, "train", "--config", config) == 0
    lines = {line.split("  ")[0].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert "reused" in lines["model ridge"]
    assert "reused" not in lines["model lightgbm"]


def test_a_report_that_fails_leaves_no_run(mine, tmp_path, monkeypatch):
    from pipeline.report import report

    def fail(*arguments):
        raise RuntimeError("planted")

    monkeypatch.setattr(report, "render", fail)
    with pytest.raises(RuntimeError, match="planted"):
        tangency(monkeypatch, "run", "--config", mine())
    assert runs_left(tmp_path) == []


def test_help_names_every_command_and_imports_nothing_heavy():
    code = (
        "import sys; sys.argv=['tangency','--help']\n"
        "from operations.cli.main import main\n"
        "try:\n main()\nexcept SystemExit: pass\n"
        "heavy = {'mlflow','lightgbm','matplotlib','sklearn','piqp','optuna'}\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    load_commands()
    text = done.stdout[: done.stdout.index("Options:")]
    for command in every_command.commands:
        assert len(re.findall(rf"^  tangency {command} ", done.stdout, re.MULTILINE)) == 1
        assert f"  tangency {command} " in text
    assert "\nCommands:" not in done.stdout
    assert "Exit codes: 0 success, 1 warnings" in done.stdout
    assert done.stdout.strip().endswith("[]"), "heavy imports at start"


def test_reading_a_configuration_needs_no_kernel_and_no_solver():
    code = (
        "import sys\n"
        "from pipeline.config import load_config\n"
        f"from pathlib import Path; load_config(Path({str(CONFIGS / 'strategies.yaml')!r}))\n"
        "heavy = {'numba','scipy','mlflow','lightgbm','matplotlib','sklearn','piqp','optuna'}\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_python_m_operations_is_the_same():
    done = subprocess.run(
        [sys.executable, "-m", "operations", "train", "--help"], capture_output=True, text=True, check=True
    )
    assert "--fresh" in done.stdout


def test_summary_is_strict_json(mine, tmp_path, monkeypatch):
    """A panel on which some scores do not exist still gives JSON that any reader takes."""

    text = to_json({"a": float("nan"), "b": [float("inf"), 1.5]})
    assert json.loads(text) == {"a": None, "b": [None, 1.5]}


def test_an_output_that_is_a_file_is_one_message(mine, tmp_path, monkeypatch, capsys):
    (tmp_path / "taken").write_text("x")
    assert tangency(monkeypatch, "run", "--config", mine(output=str(tmp_path / "taken"))) == 2
    captured = capsys.readouterr().err
    assert "taken" in captured
    assert "Traceback" not in captured


def test_a_tracking_server_that_is_away_costs_no_run(mine, tmp_path, monkeypatch, capsys):
    from pipeline.tracking.receipts import pending_runs

    output = tmp_path / "runs"
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        for _ in range(2):
            assert tangency(monkeypatch, "run", "--config", mine()) == 0
            captured = capsys.readouterr().out
            assert (
                "not tracked: MLflow at http://127.0.0.1:9 does not answer; `tangency sync` sends it"
                in captured
            )
            (folder,) = pending_runs(output)
            assert str(folder / "summary.json") in captured
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tangency(monkeypatch, "run", "--config", mine()) == 0, "the same run, told now"
    assert "MLflow: tangency ui --config" in capsys.readouterr().out
    assert pending_runs(output) == []
    assert (folder / "mlflow.json").exists()


def test_a_database_is_made_whole_or_not_at_all(tmp_path, monkeypatch, migrated):
    """A process killed while MLflow migrates leaves nothing that the next one trips over."""
    import mlflow

    from pipeline.tracking import database as tracking

    monkeypatch.setattr(tracking, "make_database", migrated.make)

    def killed(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, "search_experiments", killed)
        with pytest.raises(KeyboardInterrupt):
            tracking.open_experiment(tmp_path, "mine")
    assert not (tmp_path / "mlflow.db").exists()
    (tmp_path / ".mlflow.db-dead").write_bytes(b"half")
    client, experiment = tracking.open_experiment(tmp_path, "mine")
    assert client.get_experiment(experiment).name == "mine"
    assert not list(tmp_path.glob(".mlflow.db-*"))
    client.delete_experiment(experiment)
    assert tracking.open_experiment(tmp_path, "mine")[1] == experiment, "a deleted experiment is taken back"


def look_ahead(monkeypatch):
    """Make the covariance of each decision know the return after it."""
    from pipeline.stages import trading

    honest = trading.covariance_path

    def leaking(excess, positions, **options):
        return honest(np.vstack([excess[1:], excess[-1:]]), positions, **options)

    monkeypatch.setattr(trading, "covariance_path", leaking)


@pytest.mark.parametrize("command", ["run", "train", "audit", "report"])
def test_a_run_that_looks_ahead_is_refused_and_nothing_is_tracked(
    mine, tmp_path, monkeypatch, capsys, command
):
    look_ahead(monkeypatch)
    assert tangency(monkeypatch, command, "--config", mine()) == 2
    captured = capsys.readouterr().err
    assert "something looked ahead" in captured
    assert "covariances: covariance of A0" in captured
    assert runs_left(tmp_path) == ["mine-leak.json"]
    found = json.loads((tmp_path / "runs" / "mine-leak.json").read_text())
    assert found["verdict"] == "leak"
    assert found["leaks"][0]["stage"] == "covariances"


def test_an_audit_says_what_was_compared_and_writes_its_certificate(mine, tmp_path, monkeypatch, capsys):
    place = tmp_path / "certificate.json"
    assert tangency(monkeypatch, "audit", "--config", mine(), "--output", place) == 0
    captured = capsys.readouterr().out
    assert "nothing looked ahead" in captured
    certificate = json.loads(place.read_text())
    assert certificate["verdict"] == "clean"
    assert certificate["digest"][:16] in captured
    assert tangency(monkeypatch, "audit", "--config", mine()) == 0
    assert "reused" in next(line for line in capsys.readouterr().out.splitlines() if line.startswith("audit"))


def test_without_cuts_there_is_no_certificate_and_no_model_to_load(mine, tmp_path, monkeypatch, capsys):
    path = mine(audit={"cuts": 0})
    assert tangency(monkeypatch, "audit", "--config", path) == 2
    assert "audit.cuts is 0" in capsys.readouterr().err
    assert tangency(monkeypatch, "run", "--config", path) == 0
    folder = tmp_path / "runs" / "latest"
    assert json.loads((folder / "summary.json").read_text())["certificate"] is None
    assert not (folder / "certificate.json").exists()
    assert "None: audit.cuts is 0" in (folder / "report.html").read_text()
    assert not list((tmp_path / "runs" / "artifacts").rglob("MLmodel"))
    assert tangency(monkeypatch, "run", "--config", mine()) == 0
    assert list((tmp_path / "runs" / "artifacts").rglob("MLmodel"))
