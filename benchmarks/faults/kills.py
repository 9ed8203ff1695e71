"""Kill real commands, and the schedule with what it has started, at random moments.

    python benchmarks/faults/kills.py 200 --schedule 40        with --seed for other moments

Commands run as processes that are started as by a user, in worlds of `worlds.py`. With `tangency schedule`, the loop,
one of its children, or all of them are killed; then the schedule is started again and must complete the slot. After
each kill `invariants.py` checks the folder, and the command is run again until it succeeds. The outcome must equal that
of an undisturbed run, and no started process may be left.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT), str(ROOT / "tests" / "contracts")]

import psutil  # noqa: E402
from inject import Bench, _load_everything  # noqa: E402
from invariants import lines  # noqa: E402
from worlds import COMMANDS, Command, World  # noqa: E402

PATIENCE = 240.0
"""Time limit in seconds for an undisturbed command on a busy machine."""


class Kills:
    """Kills in one world.

    Parameters
    ----------
    world : World
    rng : random.Random
    """

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.bench = Bench(world)
        self.faults: list[str] = []
        self.moments: collections.Counter[str] = collections.Counter()

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command as a user does, in a separate session."""
        command = [sys.executable, "-m", "operations", *words]
        with self.bench.log.open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=self.world.folder,
                env=_environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill_command(self, command: Command, seconds: float, reference: object) -> None:
        """Kill a command after a random part of its run time, and run it again to completion."""
        self.world.restore(command.world)
        process = self.start(*self.world.arguments(command))
        _wait(process, self.rng.uniform(0.2, seconds))
        _kill(process)
        self.moments[_last_stage(self.bench.log)] += 1
        self._check(command, reference, f"{command.name} killed")

    def kill_schedule(self, seconds: float, reference: object) -> None:
        """Kill the loop, one of its children or all of them, and let another loop complete the slot."""
        self.world.restore("due")
        command = next(each for each in COMMANDS if each.name == "run-due")
        loop = self.start("schedule", "--config", str(self.world.config))
        time.sleep(self.rng.uniform(0.5, 1.2 * seconds))
        family = [each for each in _family(loop.pid) if each.is_running()]
        who = self.rng.choice(["loop", "child", "all"])
        victims = {"loop": family[:1], "child": self.rng.sample(family[1:], min(1, len(family) - 1))}.get(
            who, family
        )
        for victim in victims or family[:1]:
            _signal(victim, signal.SIGKILL)
        self.moments[f"schedule, {who} of {len(family)}"] += 1
        damaged, _ = self.bench.look()
        self.faults += [f"schedule, {who} killed: {text}" for text in damaged]
        again = (
            self.start("schedule", "--config", str(self.world.config))
            if loop.poll() is not None or who != "child"
            else loop
        )
        end = time.monotonic() + PATIENCE
        while self._states() != ["done"] and time.monotonic() < end:
            time.sleep(0.3)
        if self._states() != ["done"]:
            self.faults.append(f"schedule, {who} killed: the slot is {self._states()}")
        for process in {loop, again}:
            process.terminate()
            _wait(process, 60)
        _gone([each for each in family if each.pid not in (loop.pid, again.pid)], self.faults, who)
        for process in {loop, again}:
            _kill(process)
        self._check(command, reference, f"schedule, {who} killed")

    def _states(self) -> list[str]:
        path = self.world.output / "operations" / "schedule.db"
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            return [row[0] for row in connection.execute("select state from slot")]

    def _check(self, command: Command, reference: object, what: str) -> None:
        damaged, _ = self.bench.look()
        self.faults += [f"{what}: {text}" for text in damaged]
        before = len(lines(self.world.output / "operations/mine/decisions.jsonl"))
        time.sleep(1.05 if command.name == "run-due" else 0)  # until the lease has expired
        if self.bench.run_again(command) != 0:
            self.faults.append(f"{what}: run again: {self.bench.log.read_text()[-400:]}")
            return
        damaged, result = self.bench.look(leftovers=True)
        self.faults += [f"{what}, then run again: {text}" for text in damaged]
        for key in reference:  # type: ignore[attr-defined]
            if result.get(key) != reference[key]:  # type: ignore[index]
                self.faults.append(
                    f"{what}: {key} is {result.get(key)}, before the last run {before} decisions"
                )


def main() -> None:
    """Kill commands the requested number of times, and print the faults."""
    options = _arguments()
    _load_everything()
    began = time.monotonic()
    rng = random.Random(options.seed)
    place = Path(tempfile.mkdtemp(prefix="kills-", dir=options.place))
    world = World(place)
    world.build()
    kills = Kills(world, rng)
    times, references = {}, {}
    for command in COMMANDS:
        _, references[command.name] = kills.bench.undisturbed(command)
        world.restore(command.world)
        start = time.monotonic()
        process = kills.start(*world.arguments(command))
        _wait(process, PATIENCE)
        if process.returncode != 0:
            raise SystemExit(f"{command.name}: {process.returncode}\n{kills.bench.log.read_text()}")
        times[command.name] = time.monotonic() - start
    print({name: round(seconds, 1) for name, seconds in times.items()}, flush=True)
    for number in range(options.kills):
        if number < options.schedule:
            kills.kill_schedule(times["run-due"], references["run-due"])
        else:
            command = COMMANDS[number % len(COMMANDS)]
            kills.kill_command(command, times[command.name], references[command.name])
        print(f"{number + 1} kills, {len(kills.faults)} faults", flush=True)
        for fault in kills.faults:
            print(f"  {fault}", flush=True)
        if len(kills.faults) > 20:
            break
    for moment, count in kills.moments.most_common():
        print(f"{count:>4} after: {moment}")
    print(f"{number + 1} kills, {len(kills.faults)} faults, {(time.monotonic() - began) / 60:.0f} minutes")
    sys.exit(1 if kills.faults else 0)


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "contracts")])
    return {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"} | {"PYTHONPATH": path}


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _gone(processes: list[psutil.Process], faults: list[str], who: str) -> None:
    """Add a fault for each process that is left after the schedule was stopped."""
    _, left = psutil.wait_procs(processes, timeout=60)
    for process in left:
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                faults.append(f"schedule, {who} killed: left running: {' '.join(process.cmdline())[:120]}")
                process.kill()
        except psutil.NoSuchProcess:
            continue


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and wait for it; its children must end by themselves."""
    process.kill()
    process.wait()


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return


def _last_stage(log: Path) -> str:
    words = [line.split()[0] for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return words[-1] if words else "start"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("kills", type=int, nargs="?", default=200)
    parser.add_argument("--schedule", type=int, default=40, help="so many of them are of tangency schedule")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--place", type=Path, default=None, help="folder for the worlds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
