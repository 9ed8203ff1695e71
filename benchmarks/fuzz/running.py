"""Run cases one after another: in worker processes that are killed at the time limit, or in this process."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks.fuzz.cases import Case, Fault, describe_traceback, take_ending

TIME_LIMIT = 20.0
"""Seconds after which a case counts as hanging. The slowest cases take a tenth of a second on an idle machine."""
MEMORY_LIMIT = 1_000_000_000
"""Bytes of memory that one case may add to its worker; inputs are small."""
ADDRESS_LIMIT = 8_000_000_000
"""Bytes of address space that a worker may add, most of which libraries only reserve; protects the machine."""
START_LIMIT = 120.0
"""Seconds within which a worker must import its fuzzer."""


@dataclass(frozen=True)
class Result:
    """The result of one case.

    Attributes
    ----------
    seed : int
    description : str
        Description of the case; empty if the worker died before it sent one.
    ending : str
    fault : Fault or None
    files : Path or None
        Folder with the files of the case, if there is a fault.
    peak : int
        Bytes of memory that the worker had at most so far; 0 if it died.
    """

    seed: int
    description: str
    ending: str
    fault: Fault | None = None
    files: Path | None = None
    peak: int = 0


def run_case(fuzzer: ModuleType, seed: int, folder: Path) -> Result:
    """Create one case below a folder, and check it.

    Parameters
    ----------
    fuzzer : module
        Module with `mutate` and `check`.
    seed : int
    folder : Path
        An empty folder, into which the case writes.
    """
    take_ending()
    try:
        case: Case = replace(fuzzer.mutate(np.random.default_rng(seed), folder), seed=seed)
    except Exception as error:  # noqa: BLE001
        fault = replace(describe_traceback(error), kind="broken fuzzer")
        return Result(seed, "", "no case", fault)
    (folder / "case.txt").write_text(case.description + "\n", encoding="utf-8")
    try:
        fault = fuzzer.check(case)
    except Exception as error:  # noqa: BLE001
        fault = describe_traceback(error)
    ending = take_ending()
    return Result(seed, case.description, ending if fault is None else f"fault: {fault.kind}", fault)


def run_cases(
    module: str,
    seeds: Sequence[int],
    *,
    workers: int = 1,
    time_limit: float = TIME_LIMIT,
    output: Path | None = None,
) -> Iterator[Result]:
    """Run cases in worker processes, and yield results as they arrive.

    Parameters
    ----------
    module : str
        Dotted name of the fuzzer's module.
    seeds : sequence of int
    workers : int
    time_limit : float
        Seconds for each case.
    output : Path, optional
        Folder that keeps the files of faults.
    """
    pending = list(reversed(seeds))
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        crew = [_Worker(module, Path(place) / str(n)) for n in range(min(workers, len(seeds)))]
        try:
            while any(worker.seed is not None for worker in crew) or pending:
                for n, worker in enumerate(crew):
                    if worker.seed is None and pending:
                        worker.begin(pending.pop(), time_limit)
                    elif (result := worker.poll()) is not None:
                        yield _keep_files(result, module, worker.folder, output)
                        if not worker.is_alive():
                            crew[n] = _Worker(module, worker.folder)
                wait([worker.pipe for worker in crew if worker.seed is not None], timeout=0.05)
        finally:
            for worker in crew:
                worker.stop()


def run_cases_here(module: str, seeds: Sequence[int], folder: Path, time_limit: float) -> Iterator[Result]:
    """Run cases in this process, which starts faster; a signal interrupts a case that hangs.

    Parameters
    ----------
    module : str
        Dotted name of the fuzzer's module.
    seeds : sequence of int
    folder : Path
        Each case writes into its own subfolder; those of faults are kept.
    time_limit : float
        Seconds for each case.
    """

    def interrupt(*_: object) -> None:
        raise _TimeLimitError(f"not finished after {time_limit:g} s")

    fuzzer = importlib.import_module(module)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for seed in seeds:
            place = folder / str(seed)
            place.mkdir(parents=True)
            signal.setitimer(signal.ITIMER_REAL, time_limit)
            try:
                result = run_case(fuzzer, seed, place)
            except _TimeLimitError as error:
                result = Result(seed, "", "fault: hang", Fault("hang", str(error)))
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if result.fault is None:
                shutil.rmtree(place)
            yield result
    finally:
        signal.signal(signal.SIGALRM, before)


class _TimeLimitError(BaseException):
    """A case took too long. A BaseException, so that no `except Exception` in the tested code catches it."""


class _Worker:
    """A process that runs one case after another, and its end of the pipe."""

    def __init__(self, module: str, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.folder = folder
        self.seed: int | None = None
        self.deadline = 0.0
        self.started = False
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(module, folder, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def begin(self, seed: int, time_limit: float) -> None:
        """Start a case; the first waits for the imports."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)
        if not self.started and not self.pipe.poll(START_LIMIT):
            self.stop()
            raise RuntimeError(f"a worker did not start in {START_LIMIT:g} s")
        if not self.started:
            self.pipe.recv()
            self.started = True
        self.seed, self.deadline = seed, time.monotonic() + time_limit
        self.pipe.send(seed)

    def poll(self) -> Result | None:
        """Return the result of the current case if it has ended, normally or by a kill."""
        if self.seed is None:
            return None
        seed, late = self.seed, time.monotonic() > self.deadline
        if self.pipe.poll():
            self.seed = None
            try:
                return self.pipe.recv()
            except (EOFError, OSError):
                self.process.join()
                text = f"the process ended with exit code {self.process.exitcode}"
                return Result(seed, self._description(), "fault: crash", Fault("crash", text))
        if not late:
            return None
        self.stop()
        self.seed = None
        return Result(seed, self._description(), "fault: hang", Fault("hang", "stopped at the time limit"))

    def _description(self) -> str:
        note = self.folder / "case.txt"
        return note.read_text(encoding="utf-8").strip() if note.exists() else ""

    def is_alive(self) -> bool:
        return self.process.is_alive() and not self.pipe.closed

    def stop(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _work(module: str, folder: Path, pipe: Connection) -> None:
    """Run the cases that arrive through a pipe, until it closes."""
    fuzzer = importlib.import_module(module)
    _limit_memory()
    pipe.send("ready")
    while True:
        try:
            seed = pipe.recv()
        except EOFError:
            return
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result = run_case(fuzzer, seed, folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result, grown = replace(result, peak=1024 * peak), 1024 * (peak - before)
        if grown > MEMORY_LIMIT and result.fault is None:
            result = replace(result, fault=Fault("memory", f"{grown / 1e6:,.0f} MB"), ending="fault: memory")
        pipe.send(result)


def _limit_memory() -> None:
    """Limit the address space, so that an excessive allocation fails before it exhausts the machine."""
    status = Path("/proc/self/statm")
    if status.exists():
        used = int(status.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_LIMIT, resource.RLIM_INFINITY))


def _keep_files(result: Result, module: str, folder: Path, output: Path | None) -> Result:
    """Copy the files of a case with a fault, and return the result with their path."""
    if result.fault is None or output is None:
        return result
    kept = output / f"{module.rpartition('.')[2]}-{result.seed}"
    if kept.exists():
        shutil.rmtree(kept)
    shutil.copytree(folder, kept)
    content = {"seed": result.seed, "description": result.description, "fault": vars(result.fault)}
    (kept / "fault.json").write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
    return replace(result, files=kept)
