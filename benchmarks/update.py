"""Cost of an update by one month compared with a full run, in one process.

Run with `.venv/bin/python benchmarks/update.py [config first last]...`, by default industries and stocks. The source is
cut at `first`, run and recorded, and then updated to `last`; for comparison, a run to `last` starts from an empty
store. It prints CPU and wall-clock seconds, medians of three rounds. Set OMP_NUM_THREADS=1. MLflow is excluded; imports
and kernels are warm.
"""

import datetime as dt
import statistics
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from rich.console import Console

from operations.data.updating import update
from pipeline.config import RunConfig, load_config
from pipeline.export.publication import load_or_make_artifacts
from pipeline.progress import Reporter
from pipeline.store import Store

CASES = (
    ("configs/industries.yaml", "2017-02-28", "2017-03-31"),
    ("configs/stocks.yaml", "2022-11-25", "2022-12-27"),
)
ROUNDS = 3


def quiet() -> Reporter:
    return Reporter(Console(quiet=True))


def cut(path: str, output: Path, end: str) -> RunConfig:
    config = load_config(Path(path))
    data = config.data.model_copy(update={"end": pd.Timestamp(end).date()})
    return config.model_copy(update={"output": output, "data": data})


def run(config: RunConfig) -> None:
    load_or_make_artifacts(config, Store(config.output / "store"), quiet())


def seconds(function, *arguments, **options) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    function(*arguments, **options)
    return time.process_time() - cpu, time.perf_counter() - wall


def one_round(
    path: str, first: str, last: str, folder: Path
) -> tuple[dict[str, tuple[float, float]], Reporter]:
    def at(date: str) -> dt.datetime:
        return pd.Timestamp(date).tz_localize("UTC").to_pydatetime()

    before, after = cut(path, folder / "updated", first), cut(path, folder / "updated", last)
    run(before)
    update(before, quiet(), now=at(first))
    reporter = quiet()
    return {
        "full run": seconds(run, cut(path, folder / "full", last)),
        "update": seconds(update, after, reporter, now=at(last)),
        "nothing new": seconds(update, after, quiet(), now=at(last)),
    }, reporter


def measured(path: str, first: str, last: str) -> None:
    rounds = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as place:
            took, reporter = one_round(path, first, last, Path(place))
        rounds.append(took)
        print(f"  one round: {took['update'][0] / took['full run'][0]:.1%}", flush=True)
    print(f"{path}, {first} to {last}, medians of {ROUNDS} rounds")
    for name in rounds[0]:
        cpu, wall = (statistics.median(took[name][k] for took in rounds) for k in range(2))
        share = statistics.median(took[name][0] / took["full run"][0] for took in rounds)
        print(f"  {name:<12} CPU {cpu:6.2f} s, wall {wall:6.2f} s, {share:6.1%} of the run's CPU")
    print("  wall by stage: " + ", ".join(f"{stage} {took:.2f}" for stage, took in reporter.seconds.items()))


if __name__ == "__main__":
    words = sys.argv[1:]
    for case in list(zip(words[::3], words[1::3], words[2::3], strict=True)) or CASES:
        measured(*case)
