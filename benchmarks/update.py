"""What an update by one month costs beside a full run, in one process.

Run with `.venv/bin/python benchmarks/update.py [config first last]...`, by default industries and stocks. The source is
cut at `first`, a run is made and recorded, and the source is updated to `last`; beside it a run from an empty store to
`last`. Prints CPU and wall-clock seconds. Set OMP_NUM_THREADS=1. MLflow is not counted, imports and kernels are warm.
"""

import datetime as dt
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from rich.console import Console

from operations.updating import update
from pipeline.config import RunConfig, load_config
from pipeline.progress import Reporter
from pipeline.publication import published
from pipeline.store import Store

CASES = (
    ("configs/industries.yaml", "2017-02-28", "2017-03-31"),
    ("configs/stocks.yaml", "2022-11-25", "2022-12-27"),
)


def quiet() -> Reporter:
    return Reporter(Console(quiet=True))


def cut(path: str, output: Path, end: str) -> RunConfig:
    config = load_config(Path(path))
    data = config.data.model_copy(update={"end": pd.Timestamp(end).date()})
    return config.model_copy(update={"output": output, "data": data})


def run(config: RunConfig) -> None:
    published(config, Store(config.output / "store"), quiet())


def seconds(function, *arguments, **options) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    function(*arguments, **options)
    return time.process_time() - cpu, time.perf_counter() - wall


def measured(path: str, first: str, last: str, folder: Path) -> None:
    def at(date: str) -> dt.datetime:
        return pd.Timestamp(date).tz_localize("UTC").to_pydatetime()

    before, after = cut(path, folder / "updated", first), cut(path, folder / "updated", last)
    run(before)
    update(before, quiet(), now=at(first))
    whole = seconds(run, cut(path, folder / "full", last))
    told = quiet()
    updated = seconds(update, after, told, now=at(last))
    nothing = seconds(update, after, quiet(), now=at(last))
    print(f"{path}, {first} to {last}")
    for name, (cpu, wall) in (("full run", whole), ("update", updated), ("nothing new", nothing)):
        print(f"  {name:<12} CPU {cpu:6.2f} s, wall {wall:6.2f} s, {cpu / whole[0]:6.1%} of the run's CPU")
    print("  wall by stage: " + ", ".join(f"{stage} {took:.2f}" for stage, took in told.seconds.items()))


if __name__ == "__main__":
    words = sys.argv[1:]
    cases = list(zip(words[::3], words[1::3], words[2::3], strict=True)) or CASES
    for case in cases:
        with tempfile.TemporaryDirectory() as place:
            measured(*case, Path(place))
