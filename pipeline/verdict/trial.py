"""Trial: the ledger entry of one evaluated configuration."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from backtest.result import BacktestResult
from pipeline.chains.data_identity import sketch
from pipeline.stages.record import trial_id
from validation.portfolios.sharpe import sharpe_ratio

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated

LONGEST = 720
"""Maximum number of months of returns in a trial, the last ones: sixty years fit into a tag of MLflow."""


def monthly(result: BacktestResult, dates: pd.DatetimeIndex) -> pd.Series[float]:
    """Return the net return of each calendar month, compounded, indexed by month."""
    months = dates[result.positions].to_period("M")
    return pd.Series(1 + result.net, index=months).groupby(level=0).prod() - 1


def describe_trial(done: Evaluated) -> dict[str, Any]:
    """Return the ledger entry of a finished evaluation.

    The returns are those of the traded portfolio above 1/N, month by month; `gain_sharpe` is the monthly Sharpe ratio
    of the excess of the portfolio on the configured forecast over the same allocator without a forecast. A
    configuration with other strategies is another trial if the traded portfolio, the forecast or the judged result
    differs.
    """
    prepared = done.trained.prepared
    dates, config = prepared.panel.dates, prepared.config
    traded = monthly(done.results[done.chosen], dates)
    gain = (traded - monthly(done.results["equal_weight"], dates)).iloc[-LONGEST:]
    packed = gain.to_numpy(dtype="<f4").tobytes()
    forecasting = monthly(done.results[done.forecasting], dates)
    above = forecasting - monthly(done.results["no_forecast"], dates)
    ratio = sharpe_ratio(np.asarray(above, dtype=np.float64))
    # Limits may force two different forecasts into one portfolio; each is a separate look at the forecast test.
    score = done.scores[config.allocation.forecast]
    parts: list[Any] = [score.rank_ic, score.loss]
    if done.chosen != done.forecasting:  # the judged portfolio is not the traded one
        parts.append(forecasting.iloc[-LONGEST:])
    fingerprint = b"".join(np.asarray(part, dtype="<f4").tobytes() for part in parts)
    return {
        "kind": "trial",
        "experiment": config.name,
        "id": trial_id(config, prepared.panel),
        "config": config.digest()[:16],
        "data": prepared.panel.digest()[:16],
        "sketch": sketch(prepared.panel),
        "returns": hashlib.sha256(packed + fingerprint).hexdigest()[:16],
        "gain_sharpe": ratio if np.isfinite(ratio) else None,
        "first": str(gain.index[0]) if len(gain) else None,
        "last": f"{dates[-1]:%Y-%m-%d}",
        "gain": base64.b85encode(packed).decode(),
        "tunings": sum(len(walk.trials) for walk in done.trained.walks.values()),
    }


def gain_of(entry: dict[str, Any]) -> pd.Series[float]:
    """Return the monthly returns above 1/N in an entry."""
    values = np.frombuffer(base64.b85decode(entry["gain"]), dtype="<f4").astype(np.float64)
    start = entry["first"] or "2000-01"
    return pd.Series(values, index=pd.period_range(start, periods=len(values), freq="M"))
