"""Gate: whether a challenger may replace the champion, and why not, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from operations.comparison import Comparison
from operations.decisions import Check
from pipeline.gate_config import GateSection


def judge(
    gate: GateSection, summary: Mapping[str, Any], comparison: Comparison | None, *, same_procedure: bool
) -> tuple[Check, ...]:
    """Return each condition and whether the challenger met it; it passes if it met all.

    Parameters
    ----------
    gate : GateSection
    summary : mapping
        summary.json of the challenger's run.
    comparison : Comparison or None
        With the champion; None if there is none.
    same_procedure : bool
        Whether configuration and code are those of the champion: the challenger then only has seen more data.
    """
    checks = [_certified(gate, summary)]
    checks += _turnover(gate, summary)
    if comparison is not None:
        checks.append(_no_worse(gate, comparison, same_procedure=same_procedure))
    return tuple(checks)


def _certified(gate: GateSection, summary: Mapping[str, Any]) -> Check:
    found = summary["certificate"]
    if found is not None:
        return Check("certificate", True, f"nothing looked ahead at {len(found['cuts'])} cuts")
    words = "the run has no certificate that nothing looked ahead"
    return Check("certificate", not gate.certificate, words)


def _turnover(gate: GateSection, summary: Mapping[str, Any]) -> Iterator[Check]:
    if gate.turnover is None:
        return
    turnover = float(summary["portfolio"][summary["traded"]]["turnover"])
    words = f"turnover {turnover:.2f} a year, at most {gate.turnover:g} allowed"
    yield Check("turnover", turnover <= gate.turnover, words)


def _no_worse(gate: GateSection, found: Comparison, *, same_procedure: bool) -> Check:
    """Say whether the challenger is no worse; whoever changed the procedure has to show enough dates."""
    name = "no worse than the champion"
    if not found.dates:
        return Check(name, True, "it has traded like the champion on every date that both know")
    told = (
        f"utility {100 * found.difference:+.2f} % a year against the champion after costs (standard error "
        f"{100 * found.stderr:.2f} %, {found.dates} observations since {found.since})"
    )
    if found.dates < gate.minimum_dates:
        if same_procedure:
            return Check(name, True, f"{told}: too few to tell, and it is the same procedure with newer data")
        return Check(name, False, f"{told}: {gate.minimum_dates} are needed to judge another procedure")
    if np.isfinite(found.p_worse) and found.p_worse < gate.worse_at:
        return Check(name, False, f"{told}: worse, p = {found.p_worse:.3f}")
    if found.difference < -gate.margin:
        return Check(name, False, f"{told}: below the margin of {100 * gate.margin:.2f} %")
    return Check(name, True, told)
