"""Run mutated cases of one kind, each with a time limit, and print how they ended.

    python -m benchmarks.fuzz.driver prices 20000 0          kind, number of cases, first seed
    python -m benchmarks.fuzz.driver prices --replay 1234    one case again, in this process

Case n depends only on the seed first + n. Worker processes run the cases; a worker that exceeds the time limit is
killed. The files of a fault are kept in benchmarks/results/fuzz/. The exit code is 1 if there is a fault.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fuzz.running import TIME_LIMIT, run_case, run_cases

KINDS = {
    name: f"benchmarks.fuzz.{name}"
    for name in ("prices", "vendors", "series", "commands", "scores", "configs", "holdings", "requests")
}
RESULTS = Path(__file__).resolve().parent.parent / "results" / "fuzz"


def format_table(endings: Counter[str]) -> str:
    """Return the endings by frequency."""
    return "\n".join(f"{count:>7}  {ending}" for ending, count in endings.most_common())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases given on the command line, and return the number of faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("number", type=int, nargs="?", default=1000)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--time-limit", type=float, default=TIME_LIMIT)
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--replay", type=int, metavar="SEED")
    options = parser.parse_args(arguments)
    if options.replay is not None:
        return _replay(options.kind, options.replay, options.output)
    began = time.perf_counter()
    endings: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    seeds = range(options.seed, options.seed + options.number)
    settings = {name: getattr(options, name) for name in ("workers", "time_limit", "output")}
    peak = 0
    for result in run_cases(KINDS[options.kind], seeds, **settings):
        endings[result.ending] += 1
        peak = max(peak, result.peak)
        if result.fault is not None:
            faults[result.fault.kind] += 1
            print(f"FAULT seed {result.seed}: {result.fault.kind}: {result.fault.text}", flush=True)
            print(f"    {result.description}\n    {result.files}", flush=True)
    print(f"\n{options.kind}: {endings.total()} cases from seed {options.seed}")
    print(format_table(endings))
    print(f"{faults.total()} faults {dict(faults) or ''} in {time.perf_counter() - began:.0f} s")
    print(f"peak memory of a worker, libraries included: {peak / 1e6:,.0f} MB")
    return faults.total()


def _replay(kind: str, seed: int, output: Path) -> int:
    """Run one case in this process, keep its files, and print its description and ending."""
    folder = output / f"replay-{kind}-{seed}"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    result = run_case(importlib.import_module(KINDS[kind]), seed, folder)
    print(f"{result.description}\nfiles: {folder}\nending: {result.ending}")
    if result.fault is not None:
        print(f"FAULT {result.fault.kind}: {result.fault.text}")
    return int(result.fault is not None)


if __name__ == "__main__":
    sys.exit(bool(main()))
