"""Fuzzer of configuration files: each is read correctly, or refused with one short message.

The files are shipped ones and random ones from the search over settings. They are mutated as text (bytes, lines, tokens
of YAML) and as values (types, sizes, keys, nesting). The result is compared with PyYAML's reading of all values as
text: no key may be dropped, and no value misread.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.fuzz.cases import Case, Fault, check_message, record_ending, shorten_message
from benchmarks.fuzz.config_files.comparison import find_differences
from benchmarks.fuzz.config_files.sources import ROOT, load_sources
from benchmarks.fuzz.config_files.texts import TEXT_CHANGES, change_bytes
from benchmarks.fuzz.config_files.values import VALUE_CHANGES
from pipeline.config import read_config_file
from pipeline.defaults.completion import Completion
from pipeline.errors import USER_ERRORS

SLOWEST = 5.0
"""Seconds within which a configuration must be read."""
LINES = 30
"""Largest number of lines of a message; each mistake is one line."""
IN_PROCESS = 200
"""One of this number of refused files is also run through the command line in a separate process."""


def mutate(rng: np.random.Generator, folder: Path) -> Case:
    """Write a configuration file with one to three changes."""
    pick = random.Random(int(rng.integers(2**63)))
    name, text = pick.choice(load_sources())
    changes = []
    while len(changes) < pick.choice([1, 1, 2, 3]):
        change = pick.choice(VALUE_CHANGES if pick.random() < 0.5 and not changes else TEXT_CHANGES)
        text = change(pick, text)
        changes.append(change.__name__.strip("_"))
    path = folder / "case.yaml"
    raw = text.encode("utf-8", "surrogatepass")
    if pick.random() < 0.1:
        changes.append("bytes")
        raw = change_bytes(pick, raw)
    path.write_bytes(raw)
    return Case("configs", f"{name}: {', '.join(changes)}", path)


def check(case: Case) -> Fault | None:
    """Read a configuration, and compare the result with an independent reading."""
    assert case.path is not None
    began = time.process_time()
    try:
        completed = read_config_file(case.path)
        config = completed.config
        completion = completed.completion
    except USER_ERRORS as error:
        message = str(error)
        first = message.strip().rpartition("\n")[2].strip().partition("; known")[0]
        record_ending(f"refused: {shorten_message(first.partition(': ')[2] or first, str(case.path))}")
        slow = time.process_time() - began > SLOWEST
        fault = Fault("slow", f"{time.process_time() - began:.1f} s") if slow else None
        fault = fault or check_message(message, lines=LINES)
        if fault is None and "case.yaml" not in message:
            fault = Fault("vague message", message[:300])
        return fault or (_check_command(case.path) if case.seed % IN_PROCESS == 0 else None)
    record_ending("read")
    raw: Any = yaml.load(case.path.read_bytes(), Loader=yaml.CBaseLoader)
    if completion is not None:
        _fill_in(raw, completion)
    differences = list(find_differences(config, raw))
    return Fault("silent difference", "; ".join(differences[:5])) if differences else None


def _fill_in(raw: dict[str, Any], completion: Completion) -> None:
    """Add the settings that were left to the data, as texts; one that the file gives stays, and would differ."""
    for choice in completion.choices:
        section, _, key = choice.key.rpartition(".")
        place = raw.setdefault(section, {}) if section else raw
        place.setdefault(key, yaml.load(yaml.safe_dump(choice.value), Loader=yaml.CBaseLoader))


def _check_command(path: Path) -> Fault | None:
    """Return a fault if the command line does not refuse the configuration correctly."""
    command = [sys.executable, "-m", "operations", "run", "--config", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, errors="replace")
    if done.returncode != 2:
        return Fault("exit code", f"{done.returncode}, expected 2: {done.stderr[-300:]}")
    return check_message(done.stderr, lines=LINES)
