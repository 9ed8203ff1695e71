"""All writers of an output folder in one short sequence, run with a fault at each of their calls.

    LD_PRELOAD=shim.so python benchmarks/faults/writers.py FOLDER [STEP] [FIRST] [TURN]     prints the cases as JSON

Used by the tests; it trains nothing. It writes a stored result, a version of the data, a run folder with its link, a
decision, a slot that is claimed and completed, and a line of the log.
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import shutil
import sys
from pathlib import Path

import invariants
from scheduled import scheduled
from shim import Injection, Mode
from synthetic import make_panel
from worlds import in_fork

from market.panel import Panel
from operations.champion.decisions import Decision, Decisions
from operations.data.updating import versions_of
from operations.schedule.run_due import request, run_due
from operations.slots.records import record_path
from operations.slots.slots import Slots
from pipeline.audit.certificate import Certificate
from pipeline.config import RunConfig
from pipeline.files import replace_link, write_folder
from pipeline.store import Store

FAULTS = (
    (Mode.FAIL, errno.ENOSPC),
    (Mode.KILL_BEFORE, 0),
    (Mode.FAIL, errno.EIO),
    (Mode.KILL_AFTER, 0),
    (Mode.FAIL_FROM, errno.ENOSPC),
    (Mode.SHORT, 0),
    (Mode.FAIL, errno.EROFS),
)
"""Their number is prime, so that each kind of call meets each fault."""
NOW = dt.datetime(2026, 5, 1, 6, tzinfo=dt.UTC)


def write_all(config: RunConfig, panel: Panel, now: dt.datetime) -> None:
    """Write each kind of file once; a second call later changes nothing."""
    import pandas as pd

    output = config.output
    Store(output / "store").get("audit", "0" * 64, lambda: Certificate({}, 7, (), (), ()))
    versions_of(config).record(panel, {"source": "test"}, now=now, known_by=pd.Timestamp("2026-05-01"))
    run = output / "mine-20260501"
    if not run.exists():
        write_folder(run, dict.fromkeys(sorted(invariants.RUN_FILES - {"forecasts.parquet"}), b"{}"))
    replace_link(output / "latest", run.name)
    decisions = Decisions(config)
    if not (known := decisions.all()):
        decision = Decision(
            "promoted", NOW, run.name, run.name, None, "identity", "2026-04-30", "it is the first"
        )
        decisions.record(decision, known)
    request(config, "drift", "", now)
    run_due([config], lambda config, now: "trained", clock=lambda: now, log=lambda text: None)


def result(config: RunConfig) -> dict[str, object]:
    """Return the results that must be equal after every case."""
    output = config.output
    with Slots(record_path(config)) as slots:
        rows = [tuple(row) for row in slots.connection.execute("select reason, state from slot")]
    return {
        "decisions": [
            (line["kind"], line["run"])
            for line in invariants.lines(output / "operations/mine/decisions.jsonl")
        ],
        "versions": [
            line["sha256"] for line in invariants.lines(output / "operations/mine/data/versions.jsonl")
        ],
        "panel": versions_of(config).read().digest(),
        "stored": repr(Store(output / "store").peek("audit", "0" * 64)),
        "slots": rows,
        "latest": str((output / "latest").readlink()),
        "damages": [text for text in invariants.damages(output) if "forecasts.parquet" not in text],
        "left": invariants.leftovers(output),
    }


def attempt(config: RunConfig, panel: Panel, mode: Mode, n: int, error: int) -> tuple[str, int]:
    """Write all files with a fault at the n-th call; return the ending and the number of calls.

    Without a fault the clock is one hour later, so that the lease of a killed process has expired.
    """
    now = NOW if n else NOW + dt.timedelta(hours=1)
    injection = Injection(config.output)

    def work() -> int:
        injection.use_here()
        injection.arm(mode, n, error)
        try:
            write_all(config, panel, now)
        except Exception as caught:
            if _is_explained(caught):
                return 3
            raise
        return 0

    code = in_fork(work, config.output.parent / "log")
    calls = injection.calls
    injection.close()
    return {0: "done", 3: "error", -9: "killed"}.get(code, f"exit {code}"), calls


def _is_explained(error: Exception) -> bool:
    """Return whether the command line shows this error as one message."""
    from pipeline.errors import USER_ERRORS

    return isinstance(error, (*USER_ERRORS, OSError))


def main(folder: Path, step: int = 1, first: int = 1, turn: int = 0) -> None:
    """Run every `step`-th call with the faults in turn, and print the cases.

    Over the turns 0 to 6 each call meets each fault.
    """
    config = scheduled(folder / "runs", lease_seconds=1, backoff_seconds=0.001)
    panel = make_panel("monthly", macro=False, n_dates=30, n_assets=3, seed=1)
    _, count = attempt(config, panel, Mode.COUNT, 0, 0)
    answer = folder / "answer.json"

    def look() -> int:
        answer.write_text(json.dumps(result(config)))
        return 0

    in_fork(look, folder / "log")
    expected = json.loads(answer.read_text())
    cases = []
    for n in range(first, count + 1, step):
        mode, error = FAULTS[(n + turn) % len(FAULTS)]
        shutil.rmtree(config.output)
        ending, _ = attempt(config, panel, mode, n, error)
        faults = [f"{ending}: {_tail(folder)}"] if ending.startswith("exit") else []
        again, _ = attempt(config, panel, Mode.COUNT, 0, 0)
        answer.unlink(missing_ok=True)
        if again != "done" or in_fork(look, folder / "log"):
            faults.append(f"the next try: {again}: {_tail(folder)}")
        else:
            actual = json.loads(answer.read_text())
            faults += [f"{key}: {actual[key]}" for key in expected if actual[key] != expected[key]]
        cases.append({"n": n, "mode": mode.name.lower(), "error": error, "ending": ending, "faults": faults})
    print(json.dumps(cases))


def _tail(folder: Path) -> str:
    return (folder / "log").read_text()[-500:]


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
