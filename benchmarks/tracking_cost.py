"""Cost of tracking: the default configuration from data to report, and then its delivery to MLflow.

Run with `.venv/bin/python benchmarks/tracking_cost.py`. Each run is a separate process with an empty store, compiled
kernels and an existing tracking database, as from the second run in an output folder on. "waits" is the time that the
user waits for MLflow after the report; the MLflow worker imports MLflow earlier, in parallel with the computation.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3


def one(path: str, output: str, how: str) -> None:
    """Run and track one configuration in this process, and print its time."""
    from rich.console import Console

    from pipeline.config import load_config
    from pipeline.export import run_folder
    from pipeline.export.publication import load_or_make_artifacts
    from pipeline.progress import Reporter
    from pipeline.store import Store
    from pipeline.tracking.worker import MlflowWorker

    began = time.perf_counter()
    config = load_config(Path(path)).model_copy(update={"output": Path(output)})
    reporter = Reporter(Console(quiet=True))
    with MlflowWorker() as courier:
        ready = courier.get_ready if how == "courier" else lambda: None
        artifacts = load_or_make_artifacts(
            config, Store(Path(output) / "store", fresh=True), reporter, making=ready
        )
        now = dt.datetime.now(dt.UTC)
        run_id = run_folder.new_run_id(config.name, now, config.digest())
        folder = run_folder.write_run(Path(output), artifacts, run_id, reporter.seconds, [], now=now)
        computed = time.perf_counter()
        courier.deliver(folder)
    print(json.dumps({"run": computed - began, "waits": time.perf_counter() - computed}))


def main() -> None:
    """Measure with the MLflow worker, without it, and without tracking, in turns."""
    path = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "configs" / "industries.yaml")
    seen: dict[str, list[dict[str, float]]] = {"courier": [], "in this process": []}
    with tempfile.TemporaryDirectory() as output:
        for round_ in range(ROUNDS + 1):
            for how, timings in seen.items():
                command = [sys.executable, __file__, "one", path, output, how]
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
                if round_:  # the first round compiles, and creates the database
                    timings.append(json.loads(done.stdout.splitlines()[-1]))
    print("| how | run, s | waits for MLflow, s | share |\n|---|--:|--:|--:|")
    for how, timings in seen.items():
        run, waits = (median(each[key] for each in timings) for key in ("run", "waits"))
        share = median(each["waits"] / (each["run"] + each["waits"]) for each in timings)
        print(f"| {how} | {run:.1f} | {waits:.2f} | {100 * share:.0f} % |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        one(*sys.argv[2:])
    else:
        main()
