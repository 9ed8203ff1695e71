"""Early: whether drift is a reason to retrain before the time, in words."""

from __future__ import annotations

from typing import get_args

from pipeline.drift.drift import Drift
from pipeline.settings.drift import DriftSection, Subject


def reason_to_retrain(drift: Drift, settings: DriftSection) -> str | None:
    """Return why a retraining should not wait for its time, or None.

    Parameters
    ----------
    drift : Drift
    settings : DriftSection
        `retrain_on` says which subjects count, `shifted_importance` how much of the forecast must rest on features that
        have shifted.

    Notes
    -----
    A retraining has to have something new to learn from: while less than half of the recent dates are new to the model
    in use, it has seen most of what alarmed, and would be retrained on nearly the same rows.
    """
    if 2 * drift.untrained < drift.window:
        return None
    told: list[str] = []
    for subject in get_args(Subject):
        few = subject == "features" and drift.shifted_importance < settings.shifted_importance
        if subject in settings.retrain_on and not few:
            told += drift.alarms(subject)
    return "; ".join(told) or None
