"""Warnings and notes about data and missing features: one line per item that can change a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from features.catalogue import catalogue
from foundation.counts import format_count
from market.findings import INTERPRETATION, Finding, Severity
from pipeline.settings.stages import FeaturesSection

if TYPE_CHECKING:
    from features.matrix import FeatureMatrix

SHOWN = 3
"""Findings of one check up to which each has its own line; more are summarised in one line with their number."""
NAMED = 4
"""Missing features that are named in full."""


def finding_warnings(findings: Sequence[Finding]) -> list[str]:
    """Return one line for each warning, and one line for each check that found more than a few.

    Parameters
    ----------
    findings : sequence of Finding

    Returns
    -------
    list of str
        In the order of each check's first warning. Notes are left out.
    """
    return _lines(findings, "warning")


def finding_notes(findings: Sequence[Finding]) -> list[str]:
    """Return one line for each note, such as rows that are left out; many of one check are one line."""
    return _lines(findings, "note")


def _lines(findings: Sequence[Finding], severity: Severity) -> list[str]:
    by_check: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.severity == severity:
            by_check.setdefault(finding.check, []).append(finding)
    lines = []
    for check, group in by_check.items():
        if len(group) <= SHOWN or check == INTERPRETATION:  # how a file was read is never summarised
            lines += [finding.text for finding in group]
        else:
            count = f"{check}: {format_count(len(group), severity)} (the report lists all of them)"
            lines.append(f"{count}; the first is {group[0].text}")
    return lines


def feature_warnings(matrix: FeatureMatrix, section: FeaturesSection) -> list[str]:
    """Return one line for each configured stage that the data cannot provide at all.

    The default of `features.include` names the stage macro. Its absence is no warning, since many data sets have no
    macro series.
    """
    if section.include == FeaturesSection().include:
        return []
    return [
        f"features.include names the stage {stage!r}, but the data gives none of its "
        f"{format_count(_count(reasons), 'feature')}:"
        f" {_first_reason(reasons)}; supply that data, or remove {stage!r} from features.include"
        for stage, reasons in _missing_by_stage(matrix).items()
        if stage in section.include and stage not in matrix.stages
    ]


def features_line(matrix: FeatureMatrix) -> str:
    """Return the number of features, the missing ones, and why they are missing."""
    parts = [format_count(len(matrix.names), "feature")]
    for stage, reasons in _missing_by_stage(matrix).items():
        if stage not in matrix.stages:
            parts.append(f"all {_count(reasons)} of {stage} left out: {_first_reason(reasons)}")
        elif len(reasons) > SHOWN:
            names = [name for group in reasons.values() for name in group]
            parts.append(f"left out {', '.join(_first(names))}: {_first_reason(reasons)}")
        else:
            parts += [f"left out {', '.join(_first(names))}: {why}" for why, names in reasons.items()]
    return "; ".join(parts)


Reasons = dict[str, list[str]]
"""Names of missing features by the reason."""


def _missing_by_stage(matrix: FeatureMatrix) -> dict[str, Reasons]:
    specs = catalogue()
    stages: dict[str, Reasons] = {}
    for name, why in matrix.missing.items():
        stages.setdefault(specs[name].stage, {}).setdefault(why, []).append(name)
    return stages


def _count(reasons: Reasons) -> int:
    return sum(len(names) for names in reasons.values())


def _first_reason(reasons: Reasons) -> str:
    more = f" (and {format_count(len(reasons) - 1, 'more reason')})" if len(reasons) > 1 else ""
    return f"{next(iter(reasons))}{more}"


def _first(names: Sequence[str]) -> list[str]:
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return [*names[:NAMED], *more]
