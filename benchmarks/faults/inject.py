"""Let every change of a file that a command makes go wrong, one after another, and look at what is left.

    python benchmarks/faults/inject.py                       all commands; hours
    python benchmarks/faults/inject.py update allocate --modes fail kill_before --step 5

The commands are `run`, `update`, `retrain`, `run-due` and `allocate --output`. For each command and each n:

1. The command runs in a copy of the same world. Its n-th call that changes a file below the output folder fails, writes
   only a part, or its process is killed before or after the call.
2. `invariants.py` checks the output folder.
3. The same command runs again without a fault. The folder must then equal that of an undisturbed run.

Each process is a fork of one that has imported all modules.
"""

from __future__ import annotations

import argparse
import collections
import errno
import importlib
import json
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT), str(ROOT / "tests" / "contracts")]

from shim import Injection, Mode, compile_shim, read_calls  # noqa: E402

ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)
"""Errors of failing calls, used in turn."""
MODES = ("fail", "kill_before", "fail_from", "short", "kill_after")


@dataclass(frozen=True)
class Ending:
    """The ending of one case.

    Attributes
    ----------
    kind : str
        Accepted: "killed", "one message", or "completed" despite the fault. Wrong: "traceback", "hang", "exit 1".
    faults : tuple of str
        Violations that were found afterwards.
    """

    kind: str
    faults: tuple[str, ...]


def main() -> None:
    """Run the requested cases, and print a table."""
    options = _arguments()
    _load_everything()
    from worlds import COMMANDS, World

    names = options.commands or [command.name for command in COMMANDS]
    cases: list[dict[str, Any]] = []
    place = Path(tempfile.mkdtemp(prefix="faults-", dir=options.place))
    try:
        world = World(place)
        world.build()
        bench = Bench(world)
        for command in COMMANDS:
            if command.name in names:
                cases += bench.all_cases(command, options)
                print(table(cases), flush=True)
    finally:
        if options.output is not None:
            options.output.write_text("".join(json.dumps(case) + "\n" for case in cases))
        if not options.keep:
            shutil.rmtree(place, ignore_errors=True)
    wrong = sum(bool(case["faults"]) for case in cases)
    print(f"{len(cases)} cases, {wrong} with something wrong")
    sys.exit(1 if wrong else 0)


class Bench:
    """Cases in one world.

    Parameters
    ----------
    world : World
    """

    def __init__(self, world: Any) -> None:
        self.world = world
        self.log = world.place / "output.log"
        self.calls_log = world.place / "calls.log"

    def all_cases(self, command: Any, asked: argparse.Namespace) -> list[dict[str, Any]]:
        """Return the endings of all cases of a command; with `alternate` each call gets only one kind of fault."""
        calls, reference = self.undisturbed(command)
        print(f"{command.name}: {len(calls)} calls", flush=True)
        cases = []
        for n in range(asked.first, min(asked.last or len(calls), len(calls)) + 1, asked.step):
            if n % 50 == 0:
                print(f"{command.name}: at call {n} of {len(calls)}", flush=True)
            for mode in [asked.modes[n % len(asked.modes)]] if asked.alternate else asked.modes:
                kind = Mode[mode.upper()]
                turn = n // len(asked.modes) if asked.alternate else n
                error = ERRORS[turn % len(ERRORS)] if kind == Mode.FAIL else errno.ENOSPC
                ending = self.case(command, kind, n, error, reference)
                call = calls[n - 1]
                case = {
                    "command": command.name,
                    "mode": mode,
                    "n": n,
                    "call": call.kind,
                    "error": errno.errorcode[error],
                }
                case |= {
                    "path": _plain(call.path, self.world.output),
                    "ending": ending.kind,
                    "faults": ending.faults,
                }
                cases.append(case)
                if ending.faults:
                    print(json.dumps(case), flush=True)
        return cases

    def undisturbed(self, command: Any) -> tuple[list[Any], Any]:
        """Return the calls of a command and its outcome without a fault."""
        self.world.restore(command.world)
        self.calls_log.unlink(missing_ok=True)
        code = self.run(command, Mode.COUNT, log=self.calls_log)
        if code != 0:
            raise SystemExit(f"{command.name} failed undisturbed:\n{self.log.read_text()}")
        faults, reference = self.look()
        if faults:
            raise SystemExit(f"{command.name} is wrong undisturbed: {faults}")
        return read_calls(self.calls_log), reference

    def case(self, command: Any, mode: Mode, n: int, error: int, reference: Any) -> Ending:
        """Run a command with a fault, check the folder, and run it again without a fault."""
        self.world.restore(command.world)
        code = self.run(command, mode, n, error)
        kind, faults = self.ending(code, mode)
        shutil.copy(self.log, self.world.place / "fault.log")
        damaged, _ = self.look()
        faults += [f"after the fault: {text}" for text in damaged]
        if (again := self.run_again(command)) != 0:
            faults.append(f"run again: exit code {again}: {_tail(self.log)}")
            return Ending(kind, tuple(faults))
        damaged, result = self.look(leftovers=True)
        faults += [f"after the next run: {text}" for text in damaged]
        faults += [
            f"not as undisturbed: {key}: {result.get(key)}"
            for key in reference
            if result.get(key) != reference[key]
        ]
        return Ending(kind, tuple(faults))

    def run_again(self, command: Any) -> int:
        """Run a disturbed command again to completion, and return its exit code."""
        from worlds import SYNC

        if command.name != "run-due":
            return self.run(command, None)
        for _ in range(3):
            code = self.run(command, None)
            if self.is_idle():
                break
            time.sleep(1.05)  # until the lease of a killed process has expired
        # A call of run-due with nothing due does not send earlier decisions to MLflow.
        return code or self.run(SYNC, None)

    def is_idle(self) -> bool:
        """Return whether no slot is queued or running."""
        with closing(sqlite3.connect(self.world.output / "operations" / "schedule.db")) as connection:
            waiting = "select count(*) from slot where state in ('queued', 'running')"
            return connection.execute(waiting).fetchone() == (0,)

    def run(
        self, command: Any, mode: Mode | None, n: int = 0, error: int = 0, log: Path | None = None
    ) -> int:
        """Run a command in a fork, and return its exit code."""
        from worlds import in_fork, tangency

        injection = Injection(self.world.output)

        def work() -> int:
            if mode is not None:
                injection.use_here()
                injection.arm(mode, n, error, log)
            return tangency(self.world.arguments(command))

        try:
            return in_fork(work, self.log)
        finally:
            injection.close()

    def ending(self, code: int, mode: Mode) -> tuple[str, list[str]]:
        """Return the ending of a command, and its faults."""
        text = self.log.read_text(errors="replace")
        if "Traceback (most recent call last)" in text:
            return "traceback", [f"traceback: {_tail(self.log)}"]
        if code == -9 and mode in (Mode.KILL_BEFORE, Mode.KILL_AFTER):
            return "killed", []
        if code == 0:
            return "completed", []
        messages = [line for line in text.splitlines() if line.startswith("tangency: ")]
        if code == 2 and len(messages) == 1:
            vague = "input or output" in messages[0]
            return "one message", [f"names no path: {messages[0]}"] if vague else []
        if code == 1 and (" failed: " in text or "the record of slots: " in text):
            return "attempt failed", []
        return ("hang" if code == -14 else f"exit {code}"), [f"exit code {code}: {_tail(self.log)}"]

    def look(self, *, leftovers: bool = False) -> tuple[list[str], Any]:
        """Return the faults and the outcome of a copy of the output folder, computed in a separate process."""
        from worlds import in_fork

        copy, answer = self.world.place / "copy", self.world.place / "answer.json"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.world.output, copy, symlinks=True)

        def work() -> int:
            import invariants

            wrong = invariants.damages(copy)
            left = invariants.leftovers(copy) if leftovers else []
            result = {} if wrong else invariants.outcome(copy)
            wrong += [f"left behind: {name}" for name in left]
            answer.write_text(json.dumps([wrong, result]))
            return 0

        answer.unlink(missing_ok=True)
        code = in_fork(work, self.world.place / "look.log")
        if code != 0:
            return [f"cannot be looked at: {_tail(self.world.place / 'look.log')}"], {}
        wrong, result = json.loads(answer.read_text())
        return wrong, result


def table(cases: list[dict[str, Any]]) -> str:
    """Return a Markdown table of commands, modes, numbers of cases and endings."""
    rows = ["| command | fault | cases | endings | wrong |", "|---|---|---|---|---|"]
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for case in cases:
        groups.setdefault((case["command"], case["mode"]), []).append(case)
    for (command, mode), group in groups.items():
        endings = collections.Counter(case["ending"] for case in group)
        summary = ", ".join(f"{kind} {count}" for kind, count in endings.most_common())
        rows.append(
            f"| {command} | {mode} | {len(group)} | {summary} | {sum(bool(c['faults']) for c in group)} |"
        )
    return "\n".join(rows)


def _plain(path: str, output: Path) -> str:
    """Return a path below the output folder without the parts that differ between runs."""
    text = path.removeprefix(f"{output}/")
    return re.sub(r"[0-9a-f]{16,}", "#", re.sub(r"partial-\w+", "partial-#", text))


def _tail(path: Path) -> str:
    text = path.read_text(errors="replace") if path.exists() else ""
    return " / ".join(text.strip().splitlines()[-3:])[-400:]


def _load_everything() -> None:
    """Import all modules of the commands once, in a process that was started with the library."""
    if "FAULT_LIBRARY" not in os.environ:
        library = compile_shim(Path(tempfile.mkdtemp(prefix="fault-shim-")))
        os.environ |= {"FAULT_LIBRARY": str(library), "LD_PRELOAD": str(library)}
        os.execv(sys.executable, [sys.executable, *sys.argv])
    os.environ.pop("LD_PRELOAD")
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    import mlflow.lightgbm
    import mlflow.pyfunc
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

    for name in (
        "report.charts.run_charts",
        "report.report",
        "report.terminal_tables",
        "runner.pipeline",
        "tracking.payload",
    ):
        importlib.import_module(f"pipeline.{name}")
    from operations.cli import schedule
    from operations.schedule import job

    # Train in the same fork: a separate process would import all modules again for each case.
    schedule._train = job.train


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("commands", nargs="*", help="commands [all]")
    parser.add_argument("--modes", nargs="+", default=["fail", "kill_before"], choices=MODES)
    parser.add_argument("--alternate", action="store_true", help="take one mode for each call, in turns")
    parser.add_argument("--step", type=int, default=1, help="take every so many-th call")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, default=None)
    parser.add_argument("--place", type=Path, default=None, help="folder for the worlds")
    parser.add_argument("--output", type=Path, default=None, help="file for the cases, a JSON line each")
    parser.add_argument("--keep", action="store_true", help="keep the worlds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
