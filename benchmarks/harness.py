"""Measure benchmarks side by side, print one table, and write the results together with a description of the machine.

Run with `make bench`, or `.venv/bin/python benchmarks/harness.py whole regimes` for some modules. A benchmark is a
module beside this one with

    SIZES = ("819x12", "819x100")                    any values; their text names the size
    def cases(size) -> dict[str, Callable]           Tangency first, then the others; prepared, ready to be timed

or, if it does its own timing, `def rows() -> list[Row]`. A module that raises `ModuleNotFoundError` for a library that
is not installed (`benchmarks/requirements.txt`) is skipped with a message. Any other script prints its own table; it
runs in a separate process, and its output is kept.
"""

from __future__ import annotations

import datetime as dt
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

# Set before numpy is imported: one thread per contender, otherwise ratios depend on the number of free cores.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
ROUNDS = 5
LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "lightgbm", "numba", "mlflow", "piqp")


@dataclass(frozen=True)
class Row:
    """One contender at one size: median seconds over rounds, and the ratio of processor time to the first contender.

    A stage of a run has no processor time of its own; its ratio is its share of the run's wall-clock time.

    `peak` is the largest resident memory in MB of a contender that ran in a separate process.
    """

    benchmark: str
    size: str
    contender: str
    wall: float
    cpu: float | None
    ratio: float
    rounds: int
    peak: float | None = None


def interleaved(
    benchmark: str, size: str, contenders: dict[str, Callable[[], object]], rounds: int = ROUNDS
) -> list[Row]:
    """Time the contenders in turns, so that other load on the machine affects all of them."""
    for run in contenders.values():
        run()  # compiles, fills caches
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    first = next(iter(contenders))
    rows = []
    for name, seen in times.items():
        # The median of the ratios within each round: rounds differ more than contenders.
        ratio = median(mine[1] / max(base[1], 1e-9) for mine, base in zip(seen, times[first], strict=True))
        wall, cpu = (median(values) for values in zip(*seen, strict=True))
        rows.append(Row(benchmark, size, name, wall, cpu, ratio, rounds))
    return rows


def measured(name: str) -> tuple[list[Row], str]:
    """Return the rows of one benchmark, and its output if it prints its own table."""
    source = (HERE / f"{name}.py").read_text(encoding="utf-8")
    if not any(line.startswith(("def rows(", "def cases(")) for line in source.splitlines()):
        return [], printed(name)
    try:
        module = importlib.import_module(name)
        if hasattr(module, "rows"):
            return module.rows(), ""
        return [row for size in module.SIZES for row in interleaved(name, str(size), module.cases(size))], ""
    except ModuleNotFoundError as error:
        print(f"{name}: left out, {error.name} is not installed (benchmarks/requirements.txt)")
        return [], ""


def printed(name: str) -> str:
    """Run a script, show its output line by line, and return it."""
    print(f"\n## {name}", flush=True)
    lines = []
    command = [sys.executable, str(HERE / f"{name}.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    return "".join(lines)


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| Benchmark | Size | What | wall, s | CPU, s | ratio | peak, MB |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        cpu, peak = ("" if value is None else f"{value:.3g}" for value in (row.cpu, row.peak))
        lines.append(
            f"| {row.benchmark} | {row.size} | {row.contender} | {row.wall:.2g} | {cpu} | {row.ratio:.2f} | {peak} |"
        )
    return "\n".join(lines)


def machine() -> dict[str, object]:
    """Return a description of the machine and the software."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        )
        if Path("/proc/cpuinfo").exists()
        else (),
        platform.processor(),
    )
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", "benchmarks/harness.py", *sys.argv[1:]]),
        "processor": model,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def plot(rows: list[Row], path: Path) -> None:
    """Draw the wall-clock time of each contender."""
    import numpy as np

    from pipeline.report.charts.colours import OTHER
    from pipeline.report.charts.layout import Chart
    from pipeline.report.charts.planes import Plane
    from pipeline.report.charts.scales import ratios, reach

    wall = np.array([row.wall for row in rows[::-1]])
    names = [f"{row.benchmark} {row.size}: {row.contender}" for row in rows[::-1]]
    plane = Plane(22 * len(rows), rows=names)
    at = np.arange(len(rows))
    plane.boxes((-np.inf, wall), (at - 0.4, at + 0.4), OTHER)
    limits = reach([wall], 0.05, log=True)
    chart = Chart([plane], ratios, "seconds, median", limits, log=True)
    path.write_text(chart.svg(), encoding="utf-8")


def main() -> None:
    """Run the named benchmarks, or all."""
    sys.path.insert(0, str(HERE))
    here = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "harness")
    unknown = sorted(set(sys.argv[1:]) - set(here))
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(here)}")
    about = machine()
    # Benchmarks import this module as `harness`; they must get this instance, not a second copy.
    sys.modules["harness"] = sys.modules["__main__"]
    rows: list[Row] = []
    texts: dict[str, str] = {}
    for name in sys.argv[1:] or here:
        more, text = measured(name)
        rows += more
        texts |= {name: text} if text else {}
    if rows:
        print(table(rows))
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}"
    content = json.dumps(
        {"machine": about, "rows": [asdict(row) for row in rows], "printed": texts}, indent=2
    )
    stem.with_suffix(".json").write_text(content + "\n", encoding="utf-8")
    parts = [table(rows)] * bool(rows) + [f"## {name}\n\n```\n{text}```" for name, text in texts.items()]
    stem.with_suffix(".md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    if rows:
        plot(rows, stem.with_suffix(".svg"))
    print(f"{stem.relative_to(HERE.parent)}.json, .md{' and .svg' if rows else ''}")


if __name__ == "__main__":
    main()
