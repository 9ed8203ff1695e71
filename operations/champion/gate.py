"""Gate: the checks that a challenger must pass to replace the champion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from foundation.counts import format_count
from operations.champion.decisions import Check
from pipeline.settings.gate import GateSection

if TYPE_CHECKING:
    from operations.champion.comparison import Comparison
    from pipeline.drift.drift import Drift

NO_WORSE = "no worse than the champion"


def judge(gate: GateSection, summary: Mapping[str, Any], drift: Drift) -> tuple[Check, ...]:
    """Return the checks on the challenger's own run, each with its result.

    Parameters
    ----------
    gate : GateSection
    summary : mapping
        summary.json of the challenger's run.
    drift : Drift
        Drift of the challenger's run.
    """
    return (_certified(gate, summary), *_turnover(gate, summary), *_drifted(gate, drift))


def _certified(gate: GateSection, summary: Mapping[str, Any]) -> Check:
    certificate = summary["certificate"]
    if certificate is not None:
        return Check(
            "certificate", True, f"nothing looked ahead at {format_count(len(certificate['cuts']), 'cut')}"
        )
    words = "the run has no certificate that nothing looked ahead"
    return Check("certificate", not gate.certificate, words)


def _turnover(gate: GateSection, summary: Mapping[str, Any]) -> Iterator[Check]:
    if gate.turnover is None:
        return
    turnover = float(summary["portfolio"][summary["traded"]]["turnover"])
    words = f"turnover {turnover:.2f} a year, at most {gate.turnover:g} allowed"
    yield Check("turnover", turnover <= gate.turnover, words)


def _drifted(gate: GateSection, drift: Drift) -> Iterator[Check]:
    for subject in gate.drift:
        alarms = drift.alarms(subject)
        yield Check(f"drift of {subject}", not alarms, "; ".join(alarms) or f"{subject} have not drifted")


def no_worse(gate: GateSection, found: Comparison, *, same_procedure: bool) -> Check:
    """Check that the challenger is no worse than the champion.

    Parameters
    ----------
    gate : GateSection
    found : Comparison
    same_procedure : bool
        Whether configuration and code equal those of the champion. The challenger then differs only by newer data, and
        passes if there are too few dates for a comparison. Another procedure fails in that case.
    """
    if not found.dates:
        return Check(NO_WORSE, True, "it has traded like the champion on every date that both know")
    result = (
        f"utility {100 * found.difference:+.2f} % a year against the champion after costs (standard error "
        f"{100 * found.stderr:.2f} %, {format_count(found.dates, 'observation')} since {found.since})"
    )
    if found.dates < gate.minimum_dates:
        few = f"{gate.minimum_dates} are needed to judge another procedure"
        if same_procedure:
            few = "too few to tell, and it is the same procedure with newer data"
        return Check(NO_WORSE, same_procedure, f"{result}: {few}")
    if np.isfinite(found.p_worse) and found.p_worse < gate.worse_at:
        return Check(NO_WORSE, False, f"{result}: worse, p = {found.p_worse:.3f}")
    if found.difference < -gate.margin:
        return Check(NO_WORSE, False, f"{result}: below the margin of {100 * gate.margin:.2f} %")
    return Check(NO_WORSE, True, result)
