"""Request an unscheduled retraining if drift is found after new data has arrived."""

from __future__ import annotations

import datetime as dt

from operations.champion.decisions import Decisions
from pipeline.config import RunConfig
from pipeline.errors import USER_ERRORS
from pipeline.progress import Reporter


def ask_if_drifted(config: RunConfig, reporter: Reporter, now: dt.datetime) -> bool:
    """Enter a slot for a retraining if drift justifies one, and return whether a slot was entered.

    A configuration without champion, schedule or `drift.retrain_on` is skipped. If drift cannot be measured, the error
    is reported and nothing is requested; the new data stays recorded.
    """
    if config.schedule is None or not config.drift.retrain_on or Decisions(config).champion() is None:
        return False
    from operations.champion.forecasting import situation
    from operations.drift.champion_drift import champion_drift
    from operations.drift.drift_trigger import reason_to_retrain
    from operations.schedule.run_due import request

    try:
        current = situation(config, reporter, now.date())
        drift = champion_drift(current)
    except USER_ERRORS as error:
        reporter.line("drift", f"not measured: {error}")
        return False
    reason = reason_to_retrain(drift, config.drift)
    if reason is None:
        reporter.line("drift", f"{drift.brief}; no reason to retrain before the time")
        return False
    requested = request(config, reason, f"{current.date:%Y-%m-%d}", now)
    reporter.line("drift", f"a retraining was asked for{'' if requested else ' before'}: {reason}")
    return requested
