"""Descriptions of results for the line that a stage prints."""

from __future__ import annotations

import numpy as np

from allocation.covariance.path import CovariancePath
from backtest.simulate import BacktestResult
from foundation.counts import format_count
from models.regimes.path import RegimePath
from models.walk_forward.results import WalkResult
from pipeline.audit.certificate import Certificate


def describe_certificate(certificate: Certificate) -> str:
    """Return the number of cuts and what the audit found."""
    left = ", ".join(certificate.not_compared)
    ahead = any(leak.kind == "look-ahead" for leak in certificate.leaks)
    found = ["SOMETHING looked ahead" if ahead else "nothing looked ahead"]
    if any(leak.kind == "unit" for leak in certificate.leaks):
        found.append("a feature DEPENDS ON THE UNIT of prices or volumes")
    short = f"; too few dates to compare {left}" if left else ""
    return f"{format_count(len(certificate.cuts), 'cut')}, {', '.join(found)}{short}"


def describe_regimes(path: RegimePath) -> str:
    """Return the number of refits and states."""
    return f"{format_count(len(path.refits), 'refit')} of {path.probabilities.shape[1]} states"


def describe_covariances(path: CovariancePath, kind: str) -> str:
    """Return the number of decisions and the kind of estimator."""
    return f"{format_count(len(path.positions), 'decision')}, {kind}"


def describe_walk(walk: WalkResult) -> str:
    """Return the number of fits, and the number of training rows of the first and the last one."""
    return f"{format_count(len(walk.fits), 'fit')} on {walk.fits[0].n_rows} to {walk.fits[-1].n_rows} rows"


def describe_backtest(result: BacktestResult) -> str:
    """Return the number of decisions and the final wealth of a unit of wealth after costs."""
    growth = float(np.prod(1 + result.net))
    return f"{format_count(len(result.decisions), 'decision')}, 1 became {growth:.2f} after costs"
