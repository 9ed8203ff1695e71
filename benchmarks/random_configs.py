"""Run random configurations on three small panels, and report those that end incorrectly.

Each key of each section gets usual, extreme and wrong values. A run must end with finite, plausible numbers, or with
one message, which must come before any fit if the mistake is detectable by then. Run with

    .venv/bin/python benchmarks/random_configs.py [runs] [seed]

It prints the endings of the runs, the messages by frequency, and each fault with its configuration. The exit code is 1
if there is a fault.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "contracts"))

from random_settings import configurations
from search_panels import PANELS, write_panel
from whole_runs import Outcome, faults, run_whole


def search(name: str, runs: int, start: int) -> list[tuple[dict[str, Any], Outcome]]:
    """Run random configurations on one panel, and return each with its outcome."""
    ended: list[tuple[dict[str, Any], Outcome]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        panel = write_panel(name, folder)

        @seed(start)
        @settings(
            max_examples=runs,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(content=configurations(panel))
        def run(content: dict[str, Any]) -> None:
            ended.append((content, run_whole(content, folder)))

        run()
    return ended


def main(runs: int = 500, start: int = 0) -> int:
    """Search all panels, print the results, and return the number of faults."""
    began, n_faults = time.perf_counter(), 0
    for place, name in enumerate(PANELS):
        ended = search(name, -(-runs // len(PANELS)), len(PANELS) * start + place)
        counts = Counter("finished" if o.summary else "refused" if o.message else "crashed" for _, o in ended)
        late = sum(bool(o.message) and o.fitted for _, o in ended)
        print(f"{name}: {len(ended)} runs, {dict(counts)}, {late} refused after fitting", flush=True)
        kinds = Counter(_kind(o.message) for _, o in ended if o.message)
        for kind, count in kinds.most_common():
            print(f"  {count:4d}  {kind}")
        for content, outcome in ended:
            wrong = faults(outcome)
            if wrong:
                n_faults += 1
                print(f"\nFAULT on {name}:", *wrong, yaml.safe_dump(content, sort_keys=False), sep="\n")
    print(f"\n{n_faults} faults in {time.perf_counter() - began:.0f} s")
    return n_faults


def _kind(message: str) -> str:
    """Return the first line of a message without numbers, dates and paths, as a key for counting."""
    lines = message.splitlines()
    head = lines[1] if len(lines) > 1 and "mistake" in lines[0] else lines[0]
    return re.sub(r"\S*/\S+|[\d.]+(-\d\d)*", "#", head.strip())[:110]


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:]))))
