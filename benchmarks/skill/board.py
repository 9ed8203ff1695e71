"""Run one policy variant on all panels, print what it gains, and record it in the ledger.

    python -m benchmarks.skill.board default
    python -m benchmarks.skill.board cap-3 --set allocation.maximum=3/N --forecast combination lightgbm
    python -m benchmarks.skill.board mine --policy package.module:function

A variant is a set of settings that differ from each panel's own, or a function (see `replay.MakePolicy`). Forecasts are
taken from the board's store; only decisions and simulations are made again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.skill.ledger import (
    LEDGER,
    LedgerError,
    add_record,
    correct_for_trials,
    count_variants,
    make_record,
    read_ledger,
)
from benchmarks.skill.pooling import pool_gains
from benchmarks.skill.replay import BASELINES, Outcome, Variant, replay_panel
from benchmarks.skill.sources import panel_names
from benchmarks.skill.stage_cache import RESULTS
from benchmarks.skill.table import format_summary, format_table

SLOW_FIRST = ("ten-industries-daily", "nyse-o", "stocks", "ragged", "nyse-n", "tse")
"""Panels to begin with, so that the last process is not left with the longest."""


def run_variant(
    variant: Variant,
    forecasts: tuple[str, ...],
    panels: Sequence[str],
    *,
    processes: int = 2,
    folder: Path = RESULTS,
) -> tuple[dict[str, list[Outcome]], dict[str, str]]:
    """Return the outcomes by forecast, panels in the given order, and the skipped panels with the reason."""
    order = sorted(panels, key=lambda name: SLOW_FIRST.index(name) if name in SLOW_FIRST else len(SLOW_FIRST))
    replay = partial(replay_panel, variant=variant, forecasts=forecasts, folder=folder)
    if processes == 1:
        found = dict(zip(order, map(replay, order), strict=True))
    else:
        with ProcessPoolExecutor(processes) as pool:
            found = dict(zip(order, pool.map(replay, order), strict=True))
    skipped = {name: reason for name in panels if isinstance(reason := found[name], str)}
    outcomes: dict[str, list[Outcome]] = {name: [] for name in forecasts}
    for name in panels:
        if name not in skipped:
            for outcome in found[name]:
                assert isinstance(outcome, Outcome)
                outcomes[outcome.forecast].append(outcome)
    return outcomes, skipped


def record_variant(variant: Variant, outcomes: Sequence[Outcome], path: Path = LEDGER) -> str:
    """Record the outcomes with one forecast, and return the text about all panels.

    What failed on every panel showed no result, and is not recorded: it is a mistake in the variant.
    """
    done = [each for each in outcomes if not each.failure]
    pooled = {base: pool_gains({each.panel: each.influence[base] for each in done}) for base in BASELINES}
    table = format_table(outcomes, pooled)
    if not done:
        return f"{table}\nfailed on every panel, and not recorded"
    add_record(make_record(variant, outcomes, pooled), path)
    tried = count_variants(read_ledger(path))
    corrected = {base: correct_for_trials(pooled[base].p, tried) for base in BASELINES}
    return f"{table}\n{format_summary(done, pooled, corrected, tried)}"


def parse_settings(texts: Sequence[str]) -> dict[str, Any]:
    """Return the settings of `key=value` texts; values are YAML.

    Raises
    ------
    ValueError
        If a text has no `=`.
    """
    settings = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ValueError(f"{text!r}: expected key=value, such as allocation.maximum=0.25")
        settings[key.strip()] = yaml.safe_load(value)
    return settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the board as the command line asks.

    Returns
    -------
    int
        0; 1 if some panels failed; 2 if all did with some forecast.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="of the variant, for people")
    parser.add_argument("--set", action="extend", nargs="+", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--policy", metavar="MODULE:FUNCTION")
    parser.add_argument("--forecast", nargs="+", default=["combination"], metavar="MODEL")
    parser.add_argument("--panels", nargs="+", default=panel_names(), metavar="PANEL")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.panels) - set(panel_names())):
        parser.error(f"no panel {', '.join(unknown)}; there are {', '.join(panel_names())}")
    try:
        variant = Variant(options.name, parse_settings(options.settings), options.policy)
    except (ValueError, yaml.YAMLError) as error:
        parser.error(f"--set: {error}")
    try:
        read_ledger()
    except LedgerError as error:
        parser.error(str(error))
    outcomes, skipped = run_variant(
        variant, tuple(options.forecast), options.panels, processes=options.processes
    )
    for panel, reason in skipped.items():
        print(f"{panel}: skipped, {reason}")
    failed = 0
    for forecast, found in outcomes.items():
        print(f"\n{variant.name}, {forecast}")
        print(record_variant(variant, found) if found else "no panel")
        failures = sum(bool(each.failure) for each in found)
        failed = max(failed, 2 if 0 < failures == len(found) else min(failures, 1))
    return failed


if __name__ == "__main__":
    sys.exit(main())
