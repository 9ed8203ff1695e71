"""Drift: what no longer is as it was when the model in use was trained. Plain values: nothing here computes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, get_args

from foundation.counts import format_count
from pipeline.settings.drift import Subject


@dataclass(frozen=True)
class Watch:
    """One series and what came of it.

    Attributes
    ----------
    subject : str
        "forecast", "regimes", "volatility" or "costs".
    what : str
        What is watched.
    before, recent : float
        Mean of the series over the reference and over the recent dates.
    statistic, usual : float
        How unusual the recent dates are, and the median of the same over stretches of the reference as long.
    p_value : float
        Share of those with as large a statistic; NaN where there are too few dates or nothing varies.
    dates : int
        In the reference.
    text : str
        What was found, in words.
    """

    subject: Subject
    what: str
    before: float
    recent: float
    statistic: float
    usual: float
    p_value: float
    dates: int
    text: str


@dataclass(frozen=True)
class FeatureDrift:
    """How the recent dates of one feature differ from the training rows of the model in use.

    Attributes
    ----------
    name : str
    importance : float
        Share of the forecast's importance at the last fit.
    psi, usual : float
        Population stability index, and its median over stretches of the training rows that are as long.
    distance : float
        Kolmogorov and Smirnov's.
    p_value, corrected : float
        That nothing has shifted, on its own, and corrected by Benjamini and Hochberg for all features; NaN where there
        are too few dates.
    before, after : float
        How many independent values say as much as the training rows, and as the recent dates.
    missing_before, missing_after : float
        Shares of values that are missing.
    alarm : bool
        The shift is beyond chance, and it is large.
    """

    name: str
    importance: float
    psi: float
    usual: float
    distance: float
    p_value: float
    before: float
    after: float
    missing_before: float
    missing_after: float
    corrected: float
    alarm: bool


@dataclass(frozen=True)
class Finding:
    """A watch, judged together with the others.

    Attributes
    ----------
    watch : Watch
    corrected : float
        p-value corrected by Holm for all watches.
    alarm : bool
    """

    watch: Watch
    corrected: float
    alarm: bool


@dataclass(frozen=True)
class Drift:
    """What was found at one date.

    Attributes
    ----------
    as_of : str
        Date, year-month-day.
    window : int
        Recent dates.
    trained : tuple of str
        First and last date that the model in use was trained on.
    untrained : int
        Dates whose labels have ended since: what a retraining would learn from.
    features : tuple of FeatureDrift
        Alarms first.
    findings : tuple of Finding
    """

    as_of: str
    window: int
    trained: tuple[str, str]
    untrained: int
    features: tuple[FeatureDrift, ...]
    findings: tuple[Finding, ...]

    @property
    def shifted_importance(self) -> float:
        """Share of the forecast's importance that rests on features with an alarm."""
        return math.fsum(one.importance for one in self.features if one.alarm)

    def alarms(self, subject: Subject) -> tuple[str, ...]:
        """Return in words what alarmed."""
        if subject != "features":
            return tuple(f.watch.text for f in self.findings if f.alarm and f.watch.subject == subject)
        shifted = [one.name for one in self.features if one.alarm]
        if not shifted:
            return ()
        some = ", ".join(shifted[:3]) + (", ..." if len(shifted) > 3 else "")
        return (
            f"{len(shifted)} of {len(self.features)} features have shifted ({some}), on which "
            f"{self.shifted_importance:.0%} of the forecast rests",
        )

    @property
    def all_alarms(self) -> tuple[str, ...]:
        """What alarmed, in words, all subjects."""
        return tuple(chain.from_iterable(self.alarms(subject) for subject in get_args(Subject)))

    @property
    def brief(self) -> str:
        """How many of what was looked at alarmed."""
        shifted = sum(one.alarm for one in self.features)
        others = [f"{f.watch.subject}: {f.watch.what}" for f in self.findings if f.alarm]
        told = ", ".join(others) or f"none of {format_count(len(self.findings), 'watch', 'watches')} alarmed"
        return f"{shifted} of {len(self.features)} features shifted; {told}"

    def as_dict(self) -> dict[str, Any]:
        """Return the drift for JSON."""
        return {
            "as_of": self.as_of,
            "window": self.window,
            "trained_from": self.trained[0],
            "trained_to": self.trained[1],
            "untrained": self.untrained,
            "alarms": list(self.all_alarms),
            "shifted_importance": self.shifted_importance,
            "watches": [
                asdict(f.watch) | {"corrected": f.corrected, "alarm": f.alarm} for f in self.findings
            ],
            "features": [asdict(one) for one in self.features],
        }
