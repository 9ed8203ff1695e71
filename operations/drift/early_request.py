"""Asking early: after new data, a retraining before its time if the champion's world has drifted."""

from __future__ import annotations

import datetime as dt

from operations.champion.decisions import Decisions
from pipeline.config import RunConfig
from pipeline.errors import USER_ERRORS
from pipeline.progress import Reporter


def ask_if_drifted(config: RunConfig, reporter: Reporter, now: dt.datetime) -> bool:
    """Enter a slot for a retraining, if drift is a reason for one, and return whether that was done.

    Nothing is asked for a configuration without champion, schedule or subjects to retrain on (`drift.retrain_on`). That
    drift cannot be measured is told, and stops nothing: the new data is recorded all the same.
    """
    if config.schedule is None or not config.drift.retrain_on or Decisions(config).champion() is None:
        return False
    from operations.champion.forecasting import situation
    from operations.drift.champion_drift import champion_drift
    from operations.drift.drift_trigger import reason_to_retrain
    from operations.schedule.run_due import request

    try:
        found = situation(config, reporter, now.date())
        drift = champion_drift(found)
    except USER_ERRORS as error:
        reporter.line("drift", f"not measured: {error}")
        return False
    reason = reason_to_retrain(drift, config.drift)
    if reason is None:
        reporter.line("drift", f"{drift.brief}; no reason to retrain before the time")
        return False
    asked = request(config, reason, f"{found.date:%Y-%m-%d}", now)
    reporter.line("drift", f"a retraining was asked for{'' if asked else ' before'}: {reason}")
    return asked
