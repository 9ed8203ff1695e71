"""Retrain a configuration month by month, with the clock set to each month's end, twice; and compare the decisions.

    python benchmarks/ten_years.py                                     120 months of configs/industries.yaml to 2017-12
    python benchmarks/ten_years.py --config configs/stocks.yaml --months 12

Each month must give one decision, the chain must verify, and the second time must decide the same with the same words.
Charts are not drawn: they take a third of the time and decide nothing.
"""

from __future__ import annotations

import argparse
import collections
import datetime as dt
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import pandas as pd  # noqa: E402
from rich.console import Console  # noqa: E402

from operations.champion.decisions import Decision, Decisions  # noqa: E402
from operations.champion.retraining import retrain  # noqa: E402
from pipeline.config import RunConfig, load_config  # noqa: E402
from pipeline.progress import Reporter  # noqa: E402
from pipeline.stages.loading import load_data  # noqa: E402


def evenings(config: RunConfig, months: int) -> list[dt.datetime]:
    """Return the evenings of the last dates of the last months of the data."""
    dates = load_data(config, Reporter(Console(quiet=True)))[0].dates
    last = pd.Series(dates, index=dates).groupby(dates.to_period("M")).last()
    return [dt.datetime.combine(date, dt.time(22), dt.UTC) for date in last.iloc[-months:].dt.date]


def simulate(config: RunConfig, months: int) -> tuple[list[Decision], float]:
    """Retrain at each evening; return the decisions and the seconds."""
    began = time.monotonic()
    for evening in evenings(config, months):
        decision = retrain(config, Reporter(Console(quiet=True)), now=evening)
        print(f"{evening:%Y-%m} {decision.kind}: {decision.reason}", flush=True)
    return Decisions(config).all(), time.monotonic() - began


def describe_decision(config: RunConfig, decision: Decision, decisions: list[Decision]) -> tuple[object, ...]:
    """Return a decision without the parts that differ between simulations; runs are named by their last month."""
    month = {d.run: d.data_last for d in decisions}
    champion, replaced = (month.get(run or "") for run in (decision.champion, decision.replaced))
    return (
        decision.at,
        decision.kind,
        decision.data_last,
        champion,
        replaced,
        decision.reason,
        decision.identity,
    )


def main() -> None:
    """Simulate twice in parallel, and compare the decisions."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "industries.yaml")
    parser.add_argument("--months", type=int, default=120)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, ProcessPoolExecutor(2) as pool:
        given = load_config(options.config)
        configs = [given.model_copy(update={"output": Path(place) / name}) for name in ("once", "again")]
        answers = list(pool.map(simulate, configs, [options.months] * 2))
        (once, seconds), (again, _) = answers
        assert len(once) == options.months, f"{len(once)} decisions in {options.months} months"
        first, second = ([describe_decision(given, d, ds) for d in ds] for ds in (once, again))
        differing = [a for a, b in zip(first, second, strict=True) if a != b]
        assert not differing, f"{len(differing)} decisions differ, the first: {differing[0]}"
    kinds = collections.Counter(decision.kind for decision in once)
    print(f"{len(once)} months, one decision each: {dict(kinds)}; the chain verifies")
    print(f"champion at the end: that of {first[-1][3]}, both times; {seconds / len(once):.1f} s a month")


if __name__ == "__main__":
    main()
