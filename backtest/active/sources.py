"""Sources of an active return: differences between neighbours of the chain, which add up to it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from backtest.active.record import ActiveRecord
from backtest.benchmark import tracking_error
from foundation.types import Floats
from validation.forecasts.scores import hac_mean
from validation.portfolios.sharpe import sharpe_ratio, sharpe_stderr

SOURCES = ("unlimited", "size", "limits", "trading", "strategy")
"""Sources that add up to the active return before costs; the last only if a strategy is traded."""
SAME_RISK, GROSS, NET = "same_risk", "gross", "net"
"""Subtotals: the forecast at the active risk that was taken, and the active return before and after costs."""


def split_active(record: ActiveRecord) -> dict[str, Floats]:
    """Return what each source contributed in each row, shape (R,), and the active return before and after costs.

    Returns
    -------
    dict
        unlimited : the forecast without limits and costs, in the size that it asks for itself
        size : the same portfolio scaled to the expected active risk that was taken, less `unlimited`
        limits : the allocator within its limits, as if trading were free, at the same active risk, less that
        trading : the allocator with costs at the same active risk, less that: the price, or gain, of trading less
        strategy : the traded strategy, less that; only if a strategy is traded
        gross : their sum, the traded portfolio less the benchmark before costs
        cost : what trading cost more than the benchmark's, negative where it cost more
        net : gross and cost together
        same_risk : subtotal of `unlimited` and `size`
    """
    steps = np.diff(record.gross, axis=1, prepend=0.0)
    gross = record.gross[:, -1]
    return {
        **{name: steps[:, k] for k, name in enumerate(SOURCES[: len(record.links)])},
        GROSS: gross,
        "cost": -record.cost,
        NET: gross - record.cost,
        SAME_RISK: record.gross[:, 1],
    }


def summarise_sources(record: ActiveRecord, periods_per_year: int) -> dict[str, dict[str, float]]:
    """Return mean, HAC standard error and t-statistic of each source, arithmetic and per year."""
    out = {}
    for name, values in split_active(record).items():
        test = hac_mean(values)
        out[name] = {
            "mean": test.mean * periods_per_year,
            "stderr": test.stderr * periods_per_year,
            "t": test.t,
        }
    return out


def summarise_links(record: ActiveRecord, periods_per_year: int, horizon: int) -> dict[str, dict[str, float]]:
    """Return active return, risk and information ratio before costs of each portfolio of the chain, per year.

    Parameters
    ----------
    record : ActiveRecord
    periods_per_year : int
    horizon : int
        Observations that the expected risk of the record spans.
    """
    root, expected = math.sqrt(periods_per_year), math.sqrt(periods_per_year / horizon)
    out = {}
    for k, name in enumerate(record.links):
        active = record.gross[:, k]
        out[name] = {
            "active_return": _mean_of(active) * periods_per_year,
            "active_risk": tracking_error(active) * root,
            "expected_active_risk": _mean_of(record.expected[:, k]) * expected,
            "information_ratio": sharpe_ratio(active) * root,
            "information_ratio_stderr": sharpe_stderr(active) * root,
        }
    return out


def implied_breadth(information_ratio: float, information_coefficient: float) -> float:
    """Return the independent bets a year that the fundamental law needs for an information ratio, (IR / IC)^2.

    NaN unless both are above 0. Grinold (1989), *Journal of Portfolio Management* 15(3), 30-37.
    """
    if not (information_ratio > 0 and information_coefficient > 0):
        return math.nan
    return (information_ratio / information_coefficient) ** 2


def fair_size(active: Floats, risk_aversion: float) -> float:
    """Return the multiple of an active portfolio that would have been best, mean / (risk aversion variance).

    1 is the size that its own outcome asks for, 0.5 was twice too large. NaN if nothing varies.
    """
    spread = tracking_error(active)
    return _mean_of(active) / (risk_aversion * spread**2) if spread > 0 else math.nan


def _mean_of(values: Floats) -> float:
    """Return the mean of the finite values; NaN if there is none."""
    finite: Floats = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.nan


def attribute_active(
    record: ActiveRecord, periods_per_year: int, horizon: int, risk_aversion: float, ic: float
) -> dict[str, Any]:
    """Return where the active return of the traded portfolio comes from, and the breadth of its forecast.

    Parameters
    ----------
    record : ActiveRecord
    periods_per_year, horizon : int
        As for `summarise_links`.
    risk_aversion : float
    ic : float
        Mean information coefficient of the traded forecast, in units of risk.
    """
    links = summarise_links(record, periods_per_year, horizon)
    return {
        "sources": summarise_sources(record, periods_per_year),
        "links": links,
        "fair_size": fair_size(record.gross[:, 0], risk_aversion),
        "implied_breadth": implied_breadth(links[SAME_RISK]["information_ratio"], ic),
        "assets": _mean_of(record.n_assets.astype(np.float64)),
    }


def summarise_transfer(
    record: ActiveRecord, periods_per_year: int, horizon: int
) -> dict[str, dict[str, float]]:
    """Return the transfer coefficient and the bets of each portfolio, means over the decisions at which they exist."""
    root = math.sqrt(periods_per_year / horizon)
    return {
        name: {
            "transfer_coefficient": _mean_of(record.transfer[:, k]),
            "transfer_coefficient_last": float(record.transfer[-1, k]) if len(record.transfer) else math.nan,
            "expected_active_risk": _mean_of(record.risk[:, k]) * root,
            "effective_bets": _mean_of(record.bets[:, k]),
        }
        for k, name in enumerate(record.names)
    }
