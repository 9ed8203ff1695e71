"""Terminal report of an examination: what the file holds, how it was read, and what was found, worst first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from foundation.counts import format_count
from foundation.suggestions import list_names
from market.checks.fixes import IN_MESSAGE
from market.findings import INTERPRETATION, Finding, Severity
from pipeline.file_check.examination import Examination, describe_finding, describe_values

_SHOWN = 3
"""Findings of one check that are printed in full; more are counted."""
_COLOURS: dict[Severity, str] = {"fatal": "bold red", "warning": "yellow", "note": "dim"}
_ENDINGS = {
    0: "ready: nothing stops a run",
    1: "readable: look at the warnings before you trust a result",
    2: "not usable as it is: a run would stop at the first fatal finding",
}


def print_examination(console: Console, done: Examination) -> None:
    """Print an examination, at most a few lines for each check."""
    console.print(_facts(done))
    for severity in _COLOURS:
        found = [f for f in done.findings if f.severity == severity and f.check != INTERPRETATION]
        for check, group in group_by_check(found):
            console.print()
            count = f" ({len(group)})" if len(group) > 1 else ""
            console.print(f"[{_COLOURS[severity]}]{severity}[/]: {escape(check)}{count}", highlight=False)
            _print_group(console, done, group)
    console.print()
    console.print(f"{summarise_severities(done.findings)}: {_ENDINGS[done.exit_code]}", highlight=False)


def group_by_check(findings: Sequence[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """Yield the findings of each check, in the order in which the checks first found something."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.check, []).append(finding)
    yield from groups.items()


def summarise_severities(findings: Sequence[Finding]) -> str:
    """Return the numbers of findings by severity."""
    counts = {severity: sum(f.severity == severity for f in findings) for severity in _COLOURS}
    parts = [f"{counts['fatal']} fatal" if counts["fatal"] else ""]
    parts += [format_count(counts[name], name) if counts[name] else "" for name in ("warning", "note")]
    return ", ".join(filter(None, parts)) or "no finding"


def list_facts(done: Examination) -> list[tuple[str, str]]:
    """Return what the file holds, as pairs of a heading and a text."""
    facts = [("file", done.label)]
    if done.inputs is None:
        return facts
    dates, missing = done.dates, int(np.isnan(done.values).sum())
    facts += [
        ("values", f"{describe_values(done.settings)}{' (inferred)' if done.inferred else ''}"),
        ("frequency", done.frequency or "unknown"),
        ("dates", f"{len(dates):,}, {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}" if len(dates) else "none"),
        ("assets", f"{len(done.assets):,}: {list_names(done.assets, 12)}" if done.assets else "none"),
        ("missing cells", f"{missing:,}" if missing else "none"),
    ]
    read = [shorten_message(done, describe_finding(f)) for f in done.findings if f.check == INTERPRETATION]
    return [*facts, *(("reading", text) for text in read)]


def shorten_message(done: Examination, message: str) -> str:
    """Return a message without the name of the file, which the report has at its top."""
    return message.removeprefix(f"{done.label}: ")


def _facts(done: Examination) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for heading, text in list_facts(done):
        table.add_row(heading, escape(text))
    return table


def _print_group(console: Console, done: Examination, group: Sequence[Finding]) -> None:
    for finding in group[:_SHOWN]:
        message = shorten_message(done, finding.message)
        console.print(f"  {escape(message)}", highlight=False, soft_wrap=True)
    for fix in dict.fromkeys(finding.fix for finding in group[:_SHOWN] if finding.fix != IN_MESSAGE):
        console.print(f"  [bold]what to do:[/] {escape(fix)}", highlight=False, soft_wrap=True)
    if len(group) > _SHOWN:
        console.print(f"  and {len(group) - _SHOWN} more; --json and --html list all", highlight=False)
