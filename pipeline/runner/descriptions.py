"""Descriptions of results for the line that a stage prints."""

from __future__ import annotations

from typing import Any

import numpy as np

from backtest.result import BacktestResult
from foundation.counts import format_count
from pipeline.audit.certificate import Certificate
from pipeline.config import RunConfig
from pipeline.stages.run_warnings import features_line


def describe_stage(kind: str, value: Any, config: RunConfig) -> str:
    """Return the line of a stage's result, by the first word of the stage's name; "" if it has none."""
    match kind:
        case "features":
            return features_line(value)
        case "regimes":
            return f"{format_count(len(value.refits), 'refit')} of {config.regimes.states} states"
        case "covariances":
            decisions = format_count(len(value.positions), "decision")
            return f"{decisions}, {config.allocation.covariance.kind}"
        case "model":
            first, last = value.fits[0].n_rows, value.fits[-1].n_rows
            return f"{format_count(len(value.fits), 'fit')} on {first} to {last} rows"
        case "portfolio":
            return _describe_backtest(value)
    return ""


def describe_certificate(certificate: Certificate) -> str:
    """Return the number of cuts and what the audit found."""
    left = ", ".join(certificate.not_compared)
    ahead = any(leak.kind == "look-ahead" for leak in certificate.leaks)
    found = ["SOMETHING looked ahead" if ahead else "nothing looked ahead"]
    if any(leak.kind == "unit" for leak in certificate.leaks):
        found.append("a feature DEPENDS ON THE UNIT of prices or volumes")
    short = f"; too few dates to compare {left}" if left else ""
    return f"{format_count(len(certificate.cuts), 'cut')}, {', '.join(found)}{short}"


def _describe_backtest(result: BacktestResult) -> str:
    """Return the number of decisions and the final wealth of a unit of wealth after costs."""
    growth = float(np.prod(1 + result.net))
    return f"{format_count(len(result.decisions), 'decision')}, 1 became {growth:.2f} after costs"
