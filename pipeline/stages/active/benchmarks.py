"""Portfolios of a run against the benchmarks that its configuration names."""

from __future__ import annotations

from collections.abc import Mapping

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
