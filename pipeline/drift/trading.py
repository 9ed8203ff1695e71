"""Trading drift: compare a portfolio's volatility and costs with the values expected at its decisions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.covariance_types import select_covariance
from backtest.costs import TradingCost
from backtest.result import BacktestResult
from foundation.types import Floats
from pipeline.drift.drift import Watch
from pipeline.drift.watches import measure_increase, watch_series

ROUNDING = 1e-12
"""Difference between paid and planned cost that counts as rounding, a fraction of wealth."""


def watch_volatility(
    result: BacktestResult, covariances: CovariancePath, horizon: int, row: int, length: int
) -> Watch:
    """Watch a portfolio's returns relative to the volatility expected from the covariance in force.

    Parameters
    ----------
    result : BacktestResult
    covariances : CovariancePath
        Over `horizon` observations. Each return is compared with the latest covariance estimated before it, under the
        weights that earned it.
    horizon : int
    row : int
        Later returns are not used.
    length : int
        Number of recent dates.
    """
    return watch_series(
        "volatility",
        "realised against expected",
        _in_expected_units(result, covariances, horizon, row),
        length,
        _another_scale,
        "Returns varied {recent:.2f} times as much as expected over the last {n} dates, {before:.2f} times before",
        _root_mean_square,
    )


def _in_expected_units(result: BacktestResult, covariances: CovariancePath, horizon: int, row: int) -> Floats:
    """Return the excess return of each row over its expected standard deviation; NaN without an expectation."""
    kept = result.positions <= row
    rows, weights = result.positions[kept], result.weights[kept]
    excess = (result.gross - result.cash_return)[kept]
    expected = np.zeros(len(rows))
    in_force = np.searchsorted(covariances.positions, rows, side="left") - 1
    for d in np.unique(in_force[in_force >= 0]).tolist():
        sigma, eligible = covariances.at(int(covariances.positions[d]))
        # Assets that are held but no longer eligible have no covariance; they are waiting to be sold.
        sigma = sigma if eligible.all() else select_covariance(sigma, eligible)
        for i in np.flatnonzero(in_force == d).tolist():
            held = weights[i, eligible]
            expected[i] = float(held @ (sigma @ held)) / horizon
    some = expected > 0
    return np.where(some, excess / np.sqrt(np.where(some, expected, 1.0)), np.nan)


def _root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.square(values).mean()))


def _another_scale(stretches: Floats, reference: Floats) -> Floats:
    """Return the absolute log ratio of each stretch's root mean square to that of the reference."""
    with np.errstate(divide="ignore"):
        own = np.log(np.square(stretches).mean(axis=1)) / 2
    return np.asarray(np.abs(own - np.log(_root_mean_square(reference))))


def watch_costs(
    result: BacktestResult, returns: Floats, cost: TradingCost, lag: int, row: int, length: int
) -> Iterator[Watch]:
    """Watch the trading cost per date, and its excess over the planned cost.

    A trade counts on the row whose return pays for it, which is the one after its close. The first trade, which builds
    the portfolio, is left out.

    Parameters
    ----------
    result : BacktestResult
    returns : ndarray of shape (T, N)
        Returns by which weights drift between the decision and its trade.
    cost : TradingCost
        Expected cost of the trades of a decision.
    lag : int
        Rows between decision and trade.
    row, length : int
        As for `watch_volatility`.
    """
    charged = result.decisions + lag + 1
    kept = charged <= row
    charged, paid, planned = charged[kept], result.cost[kept], _planned(result, returns, cost)[kept]
    first = int(charged[0]) + 1 if len(charged) else row + 1
    on_date, excess = np.zeros(row + 1), np.zeros(row + 1)
    on_date[charged] = paid
    excess[charged] = np.where(np.abs(paid - planned) > ROUNDING, paid - planned, 0.0)
    points = "{recent:.2f} basis points a date"
    yield watch_series(
        "costs",
        "paid",
        1e4 * on_date[first:],
        length,
        measure_increase,
        f"Trading cost {points} over the last {{n}} dates, {{before:.2f}} before",
    )
    yield watch_series(
        "costs",
        "paid beyond the plan",
        1e4 * excess[first:],
        length,
        measure_increase,
        f"Trading cost {points} more than planned over the last {{n}} dates, {{before:.2f}} before",
    )


def _planned(result: BacktestResult, returns: Floats, cost: TradingCost) -> Floats:
    """Return the expected cost of each decision's trades from the holdings at its close, shape (D,)."""
    out = np.zeros(len(result.decisions))
    at = np.searchsorted(result.positions, result.decisions)
    for d, (row, index) in enumerate(zip(result.decisions.tolist(), at.tolist(), strict=True)):
        held = np.zeros(returns.shape[1])
        if index < len(result.positions) and result.positions[index] == row:
            grown = result.weights[index] * (1 + np.nan_to_num(returns[row]))
            held = grown / (1 + result.gross[index])
        out[d] = cost.charge(result.targets[d] - held)
    return out
