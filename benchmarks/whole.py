"""Whole runs: time by stage, growth with the size of the panel and the number of refits, and memory.

Run with `.venv/bin/python benchmarks/harness.py whole`. Each run is a separate process with an empty store but compiled
kernels, timed from data to report, without MLflow. The growing panels are synthetic: a base, and the same with two and
four times the dates, the assets and the refits. The ratio is that of processor time to the base.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import yaml
from harness import Row

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3
BASE = {"dates": 480, "assets": 20, "refit_every": 24}
GROWN = {
    "made up": {},
    "dates x2": {"dates": 960},
    "dates x4": {"dates": 1920},
    "assets x2": {"assets": 40},
    "assets x4": {"assets": 80},
    "refits x2": {"refit_every": 12},
    "refits x4": {"refit_every": 6},
}


def one(path: str, output: str) -> None:
    """Run one configuration in this process, and print its time and memory."""
    from rich.console import Console

    from pipeline.config import load_config
    from pipeline.export.publication import load_or_make_artifacts
    from pipeline.progress import Reporter
    from pipeline.store import Store

    reporter = Reporter(Console(quiet=True))
    # A separate folder: a measurement must not count as a trial of the user.
    config = load_config(Path(path)).model_copy(update={"output": Path(output)})
    load_or_make_artifacts(config, Store(Path(output) / "store"), reporter)
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = used.ru_maxrss / 1024
    print(json.dumps({"seconds": reporter.seconds, "cpu": used.ru_utime + used.ru_stime, "peak": peak}))


def run(path: Path) -> dict[str, Any]:
    """Run one configuration in a separate process, with an empty store."""
    with tempfile.TemporaryDirectory() as output:
        done = subprocess.run(
            [sys.executable, str(ROOT / "benchmarks" / "whole.py"), "one", str(path), output],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT / "benchmarks")},
            capture_output=True,
            text=True,
            check=True,
        )
    return json.loads(done.stdout.splitlines()[-1])


def made_up(folder: Path, dates: int, assets: int, refit_every: int) -> Path:
    """Write synthetic prices and a configuration, and return the path of the configuration."""
    rng = np.random.default_rng(0)
    index = pd.date_range("1950-01-31", periods=dates, freq="ME")
    returns = 0.006 + 0.04 * (rng.normal(size=(dates, 1)) + rng.normal(size=(dates, assets)))
    prices = pd.DataFrame(100 * np.cumprod(1 + returns, axis=0), index, [f"A{i}" for i in range(assets)])
    prices.rename_axis("date").to_csv(folder / "prices.csv")
    content = yaml.safe_load((ROOT / "configs" / "industries.yaml").read_text(encoding="utf-8"))
    content["name"] = "made-up"
    content["data"] = {"source": "prices", "path": str(folder / "prices.csv")}
    content["features"] = {"include": ["asset", "market", "cross_section"]}
    content["walk_forward"] |= {"first_test": index[dates // 4].date(), "refit_every": refit_every}
    content["evaluation"]["start"] = index[dates // 3].date()
    content["regimes"]["min_train"] = dates // 8
    path = folder / "made-up.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def stage_of(name: str) -> str:
    """Return the heading under which a stage is summed."""
    return "portfolios" if name.startswith("portfolio") else name


def rows() -> list[Row]:
    """Measure the embedded data sets by stage, then how the whole grows."""
    table_rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        paths = {config: ROOT / "configs" / f"{config}.yaml" for config in ("industries", "stocks")}
        for size, change in GROWN.items():
            folder = Path(name) / size.replace(" ", "-")
            folder.mkdir()
            paths[size] = made_up(folder, **BASE | change)
        runs: dict[str, list[dict[str, Any]]] = {size: [] for size in paths}
        run(paths["industries"])  # compiles
        for _ in range(ROUNDS):
            for size, path in paths.items():
                runs[size].append(run(path))
    base = median(r["cpu"] for r in runs["made up"])
    for size, seen in runs.items():
        stages: dict[str, list[float]] = {}
        for done in seen:
            sums: dict[str, float] = {}
            for stage, seconds in done["seconds"].items():
                sums[stage_of(stage)] = sums.get(stage_of(stage), 0.0) + seconds
            for stage, seconds in sums.items():
                stages.setdefault(stage, []).append(seconds)
        wall = median(sum(done["seconds"].values()) for done in seen)
        cpu = median(done["cpu"] for done in seen)
        peak = max(done["peak"] for done in seen)
        table_rows.append(Row("whole", size, "data to report", wall, cpu, cpu / base, ROUNDS, peak))
        if size not in GROWN:
            for stage, seconds in stages.items():
                share = median(seconds)
                table_rows.append(Row("whole", size, f"- {stage}", share, None, share / wall, ROUNDS))
    return table_rows


if __name__ == "__main__":
    if sys.argv[1:2] != ["one"]:
        sys.exit("run it with: python benchmarks/harness.py whole")
    one(*sys.argv[2:])
