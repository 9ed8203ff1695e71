"""Ledger of the board: every variant that was tried, with its results, one JSON object a line.

    python -m benchmarks.skill.ledger      print one row per variant

The pooled p-value is corrected for the number of variants in it (Sidak), so that a line must never be removed.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.skill.pooling import Pooled
from benchmarks.skill.replay import BASELINES, Outcome, Variant
from benchmarks.skill.stage_cache import ROOT
from benchmarks.skill.table import format_ledger

LEDGER = Path(__file__).with_name("ledger.jsonl")
_DIGITS = 6
"""Significant digits that are recorded; results that agree in them are the same."""


class LedgerError(Exception):
    """The ledger cannot be read."""


def make_record(
    variant: Variant, outcomes: Sequence[Outcome], pooled: Mapping[str, Pooled]
) -> dict[str, Any]:
    """Return the line of a variant with one forecast.

    Parameters
    ----------
    variant : Variant
    outcomes : sequence of Outcome
        Of one forecast.
    pooled : mapping of baseline to Pooled
    """
    return {
        "name": variant.name,
        "settings": dict(variant.settings),
        "policy": variant.policy,
        "forecast": outcomes[0].forecast,
        "code": describe_code(),
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
        "panels": {
            each.panel: {"failure": each.failure}
            if each.failure
            else {key: _round(value) for key, value in each.measures.items()}
            for each in outcomes
        },
        "pooled": {
            base: {"z": _round(pooled[base].z), "p": _round(pooled[base].p), "blocks": pooled[base].blocks}
            for base in BASELINES
        },
    }


def read_ledger(path: Path = LEDGER) -> list[dict[str, Any]]:
    """Return the records of a ledger, oldest first; none if there is no file.

    Raises
    ------
    LedgerError
        If a line is no record.
    """
    if not path.exists():
        return []
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            _identify(record), record["panels"].items()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LedgerError(
                f"{path}, line {number}: no record of a variant ({error}). Restore the line from version control: "
                "p-values are corrected for the number of lines"
            ) from error
        records.append(record)
    return records


def add_record(record: Mapping[str, Any], path: Path = LEDGER) -> bool:
    """Append a record unless the same variant is there with the same results; return whether it was appended."""
    records = read_ledger(path)
    if any(_identify(each) == _identify(record) and _contains(each, record) for each in records):
        return False
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, sort_keys=False) + "\n")
    return True


def count_variants(records: Iterable[Mapping[str, Any]]) -> int:
    """Return the number of distinct variants.

    Two lines are one variant if settings, policy and forecast are the same and the panels that both have agree. The
    same variant under changed code, with other results, is another one.
    """
    seen: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for record in records:
        panels = seen[_identify(record)]
        for panel, result in record["panels"].items():
            panels[panel].add(json.dumps(result, sort_keys=True))
    return sum(max(map(len, panels.values()), default=1) for panels in seen.values())


def correct_for_trials(p: float, n: int) -> float:
    """Return the p-value of the best of n independent tests: 1 - (1 - p)^n, Sidak (1967)."""
    return float(1 - (1 - p) ** n)


def describe_code() -> str:
    """Return the commit of the code, with `+` if files that decide results were changed since."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", "*.py", "configs", ":!tests")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _identify(record: Mapping[str, Any]) -> str:
    return json.dumps([record["settings"], record["policy"], record["forecast"]], sort_keys=True)


def _contains(record: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a record has all results of another one."""
    return all(record["panels"].get(panel) == result for panel, result in other["panels"].items())


def _round(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if value == value and abs(value) != float("inf") else None


def main() -> None:
    """Print the ledger."""
    records = read_ledger()
    tried = count_variants(records)
    print(format_ledger(records, tried, correct_for_trials) if records else "no variant was tried")
    print(f"{tried} variants")


if __name__ == "__main__":
    main()
