"""Benchmarks: the names that `evaluation.benchmarks` may use, and the portfolios that they mean."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from foundation.suggestions import suggest

MARKET = "market"
"""Name of the market of the data: the column `data.market`, or the mean of the listed assets. It means no strategy."""


def find_wrong_benchmark(
    benchmarks: Sequence[str], strategies: Collection[str], baselines: Sequence[str], models: Collection[str]
) -> str:
    """Return what is wrong with the first benchmark that cannot be used; "" if all can."""
    known = [MARKET, *baselines, *strategies, *(f"model:{name}" for name in models)]
    for place, name in enumerate(benchmarks):
        if name not in known:
            return (
                f"evaluation.benchmarks: {name!r} is no baseline, strategy, model:<name> or market"
                f"{suggest(name, known)}"
            )
        if name in benchmarks[:place]:
            return f"evaluation.benchmarks: {name!r} is given twice"
    return ""


def portfolio_of(benchmark: str, strategies: Collection[str]) -> str:
    """Return the name of the portfolio that a benchmark means, as in the results of a run."""
    return f"strategy:{benchmark}" if benchmark in strategies and benchmark != MARKET else benchmark
