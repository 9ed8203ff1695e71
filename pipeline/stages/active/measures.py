"""Measures that an allocator reads: against named benchmarks, of the transfer of forecasts, and of its losses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from backtest.active.record import ActiveRecord
from backtest.active.sources import fair_size, implied_breadth, mean_of, summarise_links, summarise_sources
from backtest.benchmark import measure_against
from backtest.result import BacktestResult
from foundation.types import Floats
from market.panel import Panel
from pipeline.config import BASELINES, RunConfig
from pipeline.strategies.benchmarks import MARKET, portfolio_of


def measure_benchmarks(
    results: Mapping[str, BacktestResult], panel: Panel, config: RunConfig
) -> dict[str, dict[str, dict[str, float]]]:
    """Return each portfolio that is no baseline against each configured benchmark, after costs.

    The market costs nothing to hold. A portfolio is not compared with itself.
    """
    benchmarks = {name: portfolio_of(name, config.strategies) for name in config.evaluation.benchmarks}
    return {
        portfolio: {
            name: measure_against(
                result.net - result.cash_return,
                _excess(benchmark, results, result, panel),
                panel.periods_per_year,
            )
            for name, benchmark in benchmarks.items()
            if benchmark != portfolio
        }
        for portfolio, result in results.items()
        if portfolio not in BASELINES
    }


def _excess(
    benchmark: str, results: Mapping[str, BacktestResult], result: BacktestResult, panel: Panel
) -> Floats:
    """Return the benchmark's return in excess of cash in the rows of a result."""
    if benchmark == MARKET:
        return panel.market[result.positions] - result.cash_return
    other = results[benchmark]
    return other.net - other.cash_return


def summarise_transfer(
    record: ActiveRecord, periods_per_year: int, config: RunConfig
) -> dict[str, dict[str, float]]:
    """Return the transfer coefficient and the bets of each portfolio, means over the decisions at which they exist."""
    root = math.sqrt(periods_per_year / config.target.horizon)
    return {
        name: {
            "transfer_coefficient": mean_of(record.transfer[:, k]),
            "transfer_coefficient_last": float(record.transfer[-1, k]) if len(record.transfer) else math.nan,
            "expected_active_risk": mean_of(record.risk[:, k]) * root,
            "effective_bets": mean_of(record.bets[:, k]),
        }
        for k, name in enumerate(record.names)
    }


def attribute_active(record: ActiveRecord, year: int, config: RunConfig, ic: float) -> dict[str, Any]:
    """Return where the active return of the traded portfolio comes from, and the breadth of its forecast.

    Parameters
    ----------
    record : ActiveRecord
    year : int
        Observations of a year.
    config : RunConfig
    ic : float
        Mean information coefficient of the traded forecast, in units of risk.
    """
    links = summarise_links(record, year, config.target.horizon)
    per_decision = mean_of(record.n_assets.astype(float))
    every = config.allocation.rows_between_decisions(year)
    return {
        "benchmark": "no_forecast",
        "forecast": config.allocation.forecast,
        "portfolio": config.traded,
        "sources": summarise_sources(record, year),
        "links": links,
        "fair_size": fair_size(record.gross[:, 0], config.allocation.risk_aversion),
        "breadth": {
            "implied": implied_breadth(links["same_risk"]["information_ratio"], ic),
            "assets_times_decisions": per_decision * year / every,
        },
    }
