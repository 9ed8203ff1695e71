"""Drift: differences between the present and the training period of the model in use. Plain values, no computation."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, get_args

from foundation.counts import format_count
from pipeline.settings.drift import Subject


@dataclass(frozen=True)
class Watch:
    """One watched series and its statistics.

    Attributes
    ----------
    subject : str
        "forecast", "regimes", "volatility" or "costs".
    what : str
        Name of the watched series.
    before, recent : float
        Mean of the series over the reference and over the recent dates.
    statistic, usual : float
        Statistic of the recent dates, and its median over equally long stretches of the reference.
    p_value : float
        Share of those stretches with a statistic at least as large; NaN if there are too few dates or no variation.
    dates : int
        Number of dates in the reference.
    text : str
        Result in words.
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
    """Shift of one feature between the training rows of the model in use and the recent dates.

    Attributes
    ----------
    name : str
    importance : float
        Share of the forecast's importance at the last fit.
    psi, usual : float
        Population stability index, and its median over equally long stretches of the training rows.
    distance : float
        Kolmogorov-Smirnov distance.
    p_value, corrected : float
        p-value of the hypothesis of no shift, alone and corrected by Benjamini and Hochberg for all features; NaN if
        there are too few dates.
    before, after : float
        Effective number of independent values in the training rows, and in the recent dates.
    missing_before, missing_after : float
        Shares of missing values.
    alarm : bool
        Whether the shift is both significant and large.
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
    """A watch, judged together with all other watches.

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
    """Drift at one date.

    Attributes
    ----------
    as_of : str
        Date, year-month-day.
    window : int
        Number of recent dates.
    trained : tuple of str
        First and last date that the model in use was trained on.
    untrained : int
        Dates whose labels have ended since: new training data for a refit.
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
        """Share of the forecast's importance that belongs to features with an alarm."""
        return math.fsum(one.importance for one in self.features if one.alarm)

    def alarms(self, subject: Subject) -> tuple[str, ...]:
        """Return the alarms of one subject, in words."""
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
        """Alarms of all subjects, in words."""
        return tuple(chain.from_iterable(self.alarms(subject) for subject in get_args(Subject)))

    @property
    def brief(self) -> str:
        """Number of alarms among the watches and features."""
        shifted = sum(one.alarm for one in self.features)
        others = [f"{f.watch.subject}: {f.watch.what}" for f in self.findings if f.alarm]
        alarms = (
            ", ".join(others) or f"none of {format_count(len(self.findings), 'watch', 'watches')} alarmed"
        )
        return f"{shifted} of {len(self.features)} features shifted; {alarms}"

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
