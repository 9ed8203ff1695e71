"""Kill retrainings with SIGKILL at random moments, and check that the state is that before or after the retraining.

    python benchmarks/kills.py 200      with --seed for other moments

Each month is retrained in separate processes, of which up to four are killed before one may finish.

- After each kill, the chain of decisions verifies, there is at most one new decision, every past champion can be read,
  and the registry shows the champion from before or after the retraining.
- After each completed retraining, there is one decision for the month, one version and one finished MLflow run for each
  run folder, and the registry has the same champion as the ledger.

Each process is a fork of one that has imported all modules, so that kills hit the work and not the imports.
"""

from __future__ import annotations

import argparse
import collections
import datetime as dt
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "contracts")]

import mlflow.pyfunc  # noqa: E402
import mlflow.store.tracking.sqlalchemy_store  # noqa: E402, F401
import pandas as pd  # noqa: E402
from desk import quick  # noqa: E402
from own_prices import write_prices  # noqa: E402
from rich.console import Console  # noqa: E402

from operations.champion.candidate import Candidate  # noqa: E402
from operations.champion.decisions import Decision, Decisions  # noqa: E402
from operations.champion.retraining import retrain  # noqa: E402
from pipeline.config import RunConfig, load_config  # noqa: E402
from pipeline.progress import Reporter  # noqa: E402
from pipeline.tracking.database import open_experiment  # noqa: E402

FORK = multiprocessing.get_context("fork")
FIRST, MONTHS, PATIENCE = 130, 360, 4


def main(kills: int, seed: int) -> None:
    """Kill this number of retrainings, check each state, and print the results."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        panel = write_prices(folder / "prices.csv", n_dates=MONTHS, n_assets=8, seed=2, signal=0.4)
        path = folder / "mine.yaml"
        path.write_text(yaml.safe_dump(quick(folder), sort_keys=False))
        config = load_config(path)
        phases: collections.Counter[str] = collections.Counter()
        done, seconds = 0, 0.0
        for month, date in enumerate(panel.dates[FIRST:]):
            before = Decisions(config).all()
            # The first two months measure how long an undisturbed retraining takes.
            for _ in range(PATIENCE if month > 1 else 0):
                survived, phase = attempt(config, date, rng.uniform(0.05, seconds))
                if survived or done >= kills:
                    break
                done += 1
                phases[phase] += 1
                apart(check_killed, config, before)
            began = time.monotonic()
            attempt(config, date, None)
            seconds = time.monotonic() - began if month <= 1 else seconds
            apart(check_survived, config, before, date)
            print(f"{done} kills, {month + 1} months", file=sys.stderr, flush=True)
            if done >= kills:
                break
        print(f"{done} kills, {len(Decisions(config).all())} months decided")
        for phase, count in phases.most_common():
            print(f"  {count:>4} during or after: {phase}")
        print("corrupt states 0, champions lost 0, double promotions 0")


def attempt(config: RunConfig, date: pd.Timestamp, after: float | None) -> tuple[bool, str]:
    """Retrain as of a date, and kill it after some seconds; return whether it survived, and its last message."""
    message_file = config.output.parent / "told.txt"
    process = FORK.Process(target=work, args=(config, date, message_file))
    message_file.write_text("")
    process.start()
    process.join(after)
    if process.exitcode is None:
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    lines = message_file.read_text().splitlines()
    if process.exitcode not in (0, -signal.SIGKILL):
        raise SystemExit("a retraining failed:\n" + "\n".join(lines))
    return process.exitcode == 0, lines[-1].split()[0] if lines else "start"


def work(config: RunConfig, date: pd.Timestamp, result: Path) -> None:
    """Retrain; runs in a separate process."""
    with result.open("w", buffering=1) as file:
        reporter = Reporter(Console(file=file, width=200))
        retrain(config, reporter, now=dt.datetime.combine(date.date(), dt.time(22), dt.UTC))


def apart(check: Callable[..., None], *arguments: object) -> None:
    """Run a check in a separate process, so that the process that is forked later has no open files."""
    process = FORK.Process(target=check, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit("the state is wrong: see above")


def check_killed(config: RunConfig, before: list[Decision]) -> None:
    """Raise if the state is neither that before the retraining nor that after it."""
    now = Decisions(config).all()  # verifies the chain
    assert now[: len(before)] == before, "a decision was lost or changed"
    assert len(now) <= len(before) + 1, "more than one decision"
    for decision in now[-2:]:
        if decision.champion is not None:
            whole(Candidate(config.output / decision.champion))
    if before and before[-1].champion is not None:
        client, _ = open_experiment(config.output, config.name)
        champion = client.get_model_version_by_alias(config.name, "champion").tags["run_folder"]
        assert champion in {before[-1].champion, now[-1].champion}, "the registry shows a stranger"
    for path in config.output.glob(f"{config.name}-*"):
        whole(Candidate(path))


def check_survived(config: RunConfig, before: list[Decision], date: pd.Timestamp) -> None:
    """Raise unless there is one decision for the month, and MLflow agrees with it."""
    now = Decisions(config).all()
    assert len(now) == len(before) + 1, f"{len(now) - len(before)} decisions for one month"
    assert now[-1].data_last == f"{date:%Y-%m-%d}"
    client, experiment = open_experiment(config.output, config.name)
    versions = [v.tags["run_folder"] for v in client.search_model_versions(f"name = '{config.name}'")]
    assert len(versions) == len(set(versions)), "two versions of one run"
    assert set(versions) == {decision.run for decision in now}
    champion = client.get_model_version_by_alias(config.name, "champion").tags["run_folder"]
    assert champion == now[-1].champion
    runs = client.search_runs([experiment], max_results=10_000)
    folders = [run.data.tags["folder"] for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(folders) == len(set(folders)), "a run was told twice"
    assert {run.info.status for run in runs} == {"FINISHED"}


def whole(candidate: Candidate) -> None:
    """Raise unless the whole run folder can be read."""
    assert candidate.summary["run_id"] == candidate.run
    assert candidate.config.name in candidate.run
    table = pd.read_parquet(candidate.folder / "forecasts.parquet")
    assert len(table)
    assert candidate.frozen.assets
    assert (candidate.folder / "report.html").stat().st_size > 1000


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kills", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    began = dt.datetime.now(dt.UTC)
    main(asked.kills, asked.seed)
    print(f"{(dt.datetime.now(dt.UTC) - began).total_seconds() / 60:.0f} minutes")
