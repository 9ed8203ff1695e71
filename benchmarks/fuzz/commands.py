"""Fuzzer of the command line: `tangency update` on mutated price files, each in a separate process.

The command must end as `market.load.load_panel` does: with exit code 0 and printed findings, or with exit code 2 and
one message. A case takes two seconds, so run only samples.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "contracts"))

from own_prices import settings

from benchmarks.fuzz import prices
from benchmarks.fuzz.cases import Case, Fault, check_message, record_ending, shorten_message
from benchmarks.fuzz.price_files.corpus import Rng
from market.errors import DataError
from market.load import load_panel
from market.readers.prices import FileSettings
from pipeline.stages.run_warnings import finding_warnings

COMMAND = Path(sys.executable).parent / "tangency"


def mutate(rng: Rng, folder: Path) -> Case:
    """Create a mutated price file and the configuration of a run on it."""
    case = prices.mutate(rng, folder)
    assert case.path is not None
    config = settings(folder, 150)
    config["data"] = {"source": "prices", "path": str(case.path), **case.payload.options}
    (folder / "mine.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return replace(case, kind="commands")


def check(case: Case) -> Fault | None:
    """Run `tangency update`, and compare its ending with that of `load_panel`."""
    assert case.path is not None
    environment = {**os.environ, "COLUMNS": "100000", "NO_COLOR": "1"}
    done = subprocess.run(
        [COMMAND, "update", "--config", "mine.yaml"],
        cwd=case.path.parent,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    shown = f"{done.stdout}\n{done.stderr}".strip()
    record_ending(f"exit code {done.returncode}: {shorten_message(done.stderr, str(case.path))}")
    if "Traceback" in shown:
        return Fault("traceback", shown[-600:])
    if done.returncode not in (0, 2):
        return Fault("exit code", f"{done.returncode}: {shown[-300:]}")
    try:
        _, findings = load_panel("prices", path=case.path, settings=FileSettings(**case.payload.options))
    except DataError as error:
        if done.returncode != 2:
            return Fault("exit code", f"{done.returncode}, expected 2: {error}")
        return check_message(done.stderr)
    if done.returncode != 0:
        return Fault("exit code", f"2, expected 0: {done.stderr[:300]}")
    return _find_missing(finding_warnings(findings), shown)


def _find_missing(messages: list[str], shown: str) -> Fault | None:
    """Return the first message that the command did not print; blanks and control characters may differ."""
    plain = "".join(c for c in shown if c.isprintable() and not c.isspace())
    for message in messages:
        if "".join(c for c in message if c.isprintable() and not c.isspace()) not in plain:
            return Fault("not printed", f"{message[:300]!r} is not in {shown[:600]!r}")
    return None
