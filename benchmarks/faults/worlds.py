"""Worlds: initial states of the output folder for each command, saved as copies and restored before each case.

Everything is tiny: 100 months of four assets, ridge on two features. A command takes about a second.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml
from own_prices import settings, write_prices

MONTHS, NEW = 100, 2
"""Number of months of prices, and of those among them that an update adds."""


@dataclass(frozen=True)
class Command:
    """A command and its initial world.

    Attributes
    ----------
    name : str
    arguments : tuple of str
        "{}" stands for the folder of the world.
    world : {"empty", "champion", "due"}
        An empty database of MLflow; a champion with two months of new prices; the same with a slot that is due.
    """

    name: str
    arguments: tuple[str, ...]
    world: str


COMMANDS = (
    Command("run", ("run",), "empty"),
    Command("update", ("update",), "champion"),
    Command("retrain", ("retrain",), "champion"),
    Command("run-due", ("run-due",), "due"),
    Command(
        "allocate",
        ("allocate", "--output", "{}/runs/trades.csv", "--output", "{}/runs/trades.json"),
        "champion",
    ),
)

SYNC = Command("sync", ("sync",), "due")


class World:
    """A folder with prices, a configuration and an output folder.

    Parameters
    ----------
    place : Path
        Holds the working folder and its copies.
    """

    def __init__(self, place: Path) -> None:
        self.place = place.resolve()
        self.folder = self.place / "world"
        self.output = self.folder / "runs"
        self.config = self.folder / "mine.yaml"

    def build(self) -> None:
        """Build all worlds."""
        self.folder.mkdir(parents=True)
        write_prices(self.folder / "long.csv", n_dates=MONTHS, n_assets=4, seed=2, signal=0.4)
        table = pd.read_csv(self.folder / "long.csv")
        table.iloc[: len(table) - NEW].to_csv(self.folder / "prices.csv", index=False)
        self.config.write_text(yaml.safe_dump(tiny(self.folder), sort_keys=False))
        in_fork(lambda: _make_database(self.output))
        self.keep("empty")
        self.run("retrain")
        shutil.copy(self.folder / "long.csv", self.folder / "prices.csv")
        self.keep("champion")
        self.run("schedule", "request", "--reason", "benchmark")
        self.keep("due")
        self.restore("empty")
        shutil.copy(self.folder / "long.csv", self.folder / "prices.csv")
        self.keep("empty")

    def keep(self, name: str) -> None:
        """Save a copy of the folder under a name."""
        shutil.rmtree(self.place / name, ignore_errors=True)
        shutil.copytree(self.folder, self.place / name, symlinks=True)

    def restore(self, name: str) -> None:
        """Restore the folder from the copy with this name."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.place / name, self.folder, symlinks=True)

    def arguments(self, command: Command) -> list[str]:
        """Return the arguments of a command, including its configuration."""
        return [word.replace("{}", str(self.folder)) for word in command.arguments] + [
            "--config",
            str(self.config),
        ]

    def run(self, *words: str) -> None:
        """Run a command that must succeed."""
        log = self.place / "build.log"
        code = in_fork(lambda: tangency([*words, "--config", str(self.config)]), log)
        if code != 0:
            raise SystemExit(f"{words}: exit code {code}\n{log.read_text()}")


def tiny(folder: Path) -> dict[str, object]:
    """Return the configuration."""
    ridge = {"kind": "ridge", "n_penalties": 4, "inner_splits": 2}
    content = settings(
        folder, 150, audit={"cuts": 1}, features__include=["return_1", "market"], models={"ridge": ridge}
    )
    content["allocation"] |= {"forecast": "ridge", "covariance_window": 24}
    content["regimes"] |= {"min_train": 40}
    content["walk_forward"] = {"first_test": "1995-01-31", "refit_every": 12}
    content["evaluation"] = {"start": "1996-06-30"}
    content["schedule"] = {"cron": "0 6 1 1 *", "lease_seconds": 1, "backoff_seconds": 0.001, "retries": 5}
    return content


def tangency(words: list[str]) -> int:
    """Run the command line in this process, and return its exit code."""
    from operations.cli.main import load_commands
    from pipeline.cli import main as cli

    load_commands()

    sys.argv = ["tangency", *words]
    try:
        cli.main()
    except SystemExit as stopped:
        return stopped.code if isinstance(stopped.code, int) else 0 if stopped.code is None else 1
    return 0


def in_fork(work: Callable[[], int | None], log: Path | None = None, seconds: float = 300.0) -> int:
    """Run `work` in a fork of this process with its output in a file; return the exit code, or minus the signal.

    A fork that exceeds the time limit is killed; its code is then -14 (SIGALRM).
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            if log is not None:
                handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
                os.dup2(handle, 1)
                os.dup2(handle, 2)
            import signal

            signal.setitimer(signal.ITIMER_REAL, seconds)  # SIGALRM is not caught, so it ends the process
            code = work() or 0
        except BaseException:  # noqa: BLE001 (whatever it is: the fork must not go on as its parent)
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _make_database(output: Path) -> int:
    from pipeline.tracking.database import open_experiment

    open_experiment(output, "mine")
    return 0
