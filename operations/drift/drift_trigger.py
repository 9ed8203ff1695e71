"""Decide whether drift justifies an unscheduled retraining."""

from __future__ import annotations

from typing import get_args

from pipeline.drift.drift import Drift
from pipeline.settings.drift import DriftSection, Subject


def reason_to_retrain(drift: Drift, settings: DriftSection) -> str | None:
    """Return the reason for an unscheduled retraining, or None.

    Parameters
    ----------
    drift : Drift
    settings : DriftSection
        `retrain_on` lists the subjects that count; `shifted_importance` is the least share of importance that must fall
        on shifted features.

    Notes
    -----
    A retraining needs new data. While fewer than half of the recent dates are new to the champion, it was trained on
    most of the dates that raised the alarm, and a retraining would use nearly the same rows.
    """
    if 2 * drift.untrained < drift.window:
        return None
    reasons: list[str] = []
    for subject in get_args(Subject):
        few = subject == "features" and drift.shifted_importance < settings.shifted_importance
        if subject in settings.retrain_on and not few:
            reasons += drift.alarms(subject)
    return "; ".join(reasons) or None
