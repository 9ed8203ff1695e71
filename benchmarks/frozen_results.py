"""Compare the results of the shipped configurations before and after a change.

    python benchmarks/frozen_results.py freeze before.json
    ... change the code ...
    python benchmarks/frozen_results.py freeze after.json
    python benchmarks/frozen_results.py compare before.json after.json

Each configuration runs in an empty folder. What is kept are all numbers and texts of its summary except times and
identifiers, and a digest of each column of its forecasts and weights, bit for bit.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ("industries", "stocks", "strategies", "classes")
VARYING = ("run_id", "record", "seconds", "reused")
"""Parts of a summary that differ between two runs of the same results: names, times and hashes of the code."""


def freeze_config(name: str) -> dict[str, Any]:
    """Run one shipped configuration in an empty folder and return its results by path."""
    settings = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as place:
        settings["output"] = f"{place}/runs"
        config = Path(place) / f"{name}.yaml"
        config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        subprocess.run(
            [sys.executable, "-m", "operations", "run", "--config", str(config)],
            check=True,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        folder = (Path(place) / "runs" / "latest").resolve()
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        results = {path: value for path, value in flatten(summary) if path.split("/")[0] not in VARYING}
        for table in (pd.read_parquet(folder / "forecasts.parquet"), pd.read_csv(folder / "weights.csv")):
            results |= {f"column {column}": digest(table[column]) for column in table}
    return results


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each leaf of nested dictionaries and lists with its path."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            yield from flatten(part, f"{path}/{key}" if path else str(key))
    else:
        yield path, value


def digest(column: pd.Series[Any]) -> str:
    """Return the SHA-256 of a column: of its texts, or of the bits of its numbers."""
    values = column.to_numpy()
    content = repr(list(values)).encode() if values.dtype == object else values.tobytes()
    return hashlib.sha256(content).hexdigest()


def compare(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return one line per result that differs, with both values."""
    missing = object()
    paths = sorted({*before, *after})
    pairs = ((path, before.get(path, missing), after.get(path, missing)) for path in paths)
    return [
        f"{path}: {'absent' if old is missing else old!r} -> {'absent' if new is missing else new!r}"
        for path, old, new in pairs
        if old != new
    ]


def main() -> None:
    """Freeze results or compare two files of them; exit with 1 if they differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("freeze", "compare"))
    parser.add_argument("files", nargs="+", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "freeze":
        results = {name: freeze_config(name) for name in CONFIGS}
        arguments.files[0].write_text(json.dumps(results, indent=1), encoding="utf-8")
        return
    before, after = (json.loads(path.read_text(encoding="utf-8")) for path in arguments.files)
    differing = 0
    for name in CONFIGS:
        lines = compare(before[name], after[name])
        differing += len(lines)
        print(f"{name}: {len(lines)} of {len(before[name])} results differ")
        for line in lines:
            print(f"  {line}")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
