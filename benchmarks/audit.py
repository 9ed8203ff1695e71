"""Cost of the leak certificate relative to the certified run, in processor time and wall-clock time.

Run with `.venv/bin/python benchmarks/audit.py`; compile the kernels first.
"""

import tempfile
import time
from itertools import pairwise
from pathlib import Path

from rich.console import Console

from pipeline.audit.audit import audit
from pipeline.config import load_config
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.store import Store

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def main() -> None:
    print(
        f"{'config':<12}{'run, CPU s':>12}{'audit, CPU s':>14}{'ratio':>8}{'run, s':>9}{'audit, s':>10}{'values':>13}"
    )
    for name in ("industries", "stocks"):
        config = load_config(CONFIGS / f"{name}.yaml")
        with tempfile.TemporaryDirectory() as folder:
            pipeline = Pipeline(config, Store(Path(folder)), Reporter(Console(quiet=True)))
            marks = [(time.process_time(), time.perf_counter())]
            done = pipeline.evaluate(pipeline.train(pipeline.prepare()))
            marks.append((time.process_time(), time.perf_counter()))
            certificate = audit(done)
            marks.append((time.process_time(), time.perf_counter()))
        (run, run_wall), (cost, wall) = ((b[0] - a[0], b[1] - a[1]) for a, b in pairwise(marks))
        values = certificate.brief()["compared"]
        print(
            f"{name:<12}{run:>12.1f}{cost:>14.1f}{cost / run:>8.2f}{run_wall:>9.1f}{wall:>10.1f}{values:>13,}"
        )


if __name__ == "__main__":
    main()
