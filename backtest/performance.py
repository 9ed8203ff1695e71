"""Performance: what a simulated portfolio earned, how sure that is, and how it compares."""

from __future__ import annotations

import numpy as np

from backtest.errors import ComparisonError
from backtest.result import BacktestResult
from foundation.types import Floats
from validation.forecasts.scores import hac_mean
from validation.portfolios.sharpe import sharpe_ratio, sharpe_stderr
from validation.portfolios.sharpe_difference import sharpe_difference


def drawdown(returns: Floats) -> Floats:
    """Return the loss from the peak of wealth so far, at the start and after each return, shape (R + 1,), 0 or less."""
    wealth = np.concatenate([[1.0], np.cumprod(1 + returns)])
    return np.asarray(wealth / np.maximum.accumulate(wealth) - 1)


def max_drawdown(returns: Floats) -> float:
    """Return the largest loss from a previous peak of wealth, the start included, as a negative fraction or 0."""
    return float(drawdown(returns).min())


def summarise_result(result: BacktestResult, periods_per_year: int) -> dict[str, float]:
    """Return the metrics of one portfolio.

    Returns
    -------
    dict
        net_return, gross_return : geometric, per year
        volatility : of net returns, per year
        sharpe, sharpe_se : of net returns in excess of cash, per year
        max_drawdown : of net wealth, negative
        turnover : purchases and sales per year, as a multiple of wealth
        cost : paid per year, as a fraction of wealth
        n_periods, n_trades, relaxed, held, closed : counts; the last three of decisions at which limits gave way, at
            which nothing was traded because they could not be met, and at which some asset was not traded because
            its market was closed
        NaN where a number does not exist.
    """
    n = len(result.net)
    excess = result.net - result.cash_return
    years = n / periods_per_year if n else np.nan
    root = float(np.sqrt(periods_per_year))
    return {
        "net_return": _geometric(result.net, years),
        "gross_return": _geometric(result.gross, years),
        "volatility": _spread(result.net) * root,
        "sharpe": sharpe_ratio(excess) * root,
        "sharpe_se": sharpe_stderr(excess) * root,
        "max_drawdown": max_drawdown(result.net) if n else float("nan"),
        "turnover": float(np.nansum(result.turnover)) / years,
        "cost": float(np.nansum(result.cost)) / years,
        "n_periods": float(n),
        "n_trades": float(np.isfinite(result.turnover).sum()),
        "relaxed": float(result.relaxed),
        "held": float(result.held),
        "closed": float((result.closed > 0).sum()),
    }


def compare_results(
    result: BacktestResult,
    baseline: BacktestResult,
    periods_per_year: int,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
) -> dict[str, float]:
    """Return by how much one portfolio beat another on the same dates, net of costs.

    Parameters
    ----------
    result, baseline : BacktestResult
    periods_per_year : int
    n_resamples, seed : int
        Of the bootstrap that the p-value and the interval come from.

    Returns
    -------
    dict
        sharpe_difference, sharpe_difference_se : per year
        sharpe_difference_low, sharpe_difference_high : 95 % interval, per year
        p_value : two-sided, that the Sharpe ratios are equal; for one comparison, not the best of several
        mean_difference : of net returns, per year; mean_difference_t : its HAC t-statistic
        NaN where a number does not exist (two equal portfolios, no variation).

    Raises
    ------
    ComparisonError
        If the two do not cover the same rows.

    Notes
    -----
    Ledoit and Wolf (2008), studentised circular block bootstrap: `validation.portfolios.sharpe_difference`.
    """
    if not np.array_equal(result.positions, baseline.positions):
        raise ComparisonError(
            f"{result.name} and {baseline.name} cannot be compared: their returns are of different rows "
            f"({_span(result)} and {_span(baseline)})"
        )
    a, b = result.net - result.cash_return, baseline.net - baseline.cash_return
    gap = hac_mean(a - b)
    test = sharpe_difference(a, b, n_resamples=n_resamples, seed=seed)
    root = float(np.sqrt(periods_per_year))
    return {
        "sharpe_difference": test.difference * root,
        "sharpe_difference_se": test.stderr * root,
        "sharpe_difference_low": test.interval[0] * root,
        "sharpe_difference_high": test.interval[1] * root,
        "p_value": test.p_value,
        "mean_difference": gap.mean * periods_per_year,
        "mean_difference_t": gap.t,
    }


def _spread(values: Floats) -> float:
    """Return the standard deviation, 0 if only rounding varies, NaN if there are fewer than 2 values."""
    if len(values) < 2:
        return float("nan")
    spread = float(values.std(ddof=1))
    return spread if spread > 1e-14 * max(1.0, float(np.abs(values).max())) else 0.0


def _geometric(returns: Floats, years: float) -> float:
    growth = float(np.prod(1 + returns))
    return float(growth ** (1 / years) - 1) if growth > 0 and np.isfinite(years) else float("nan")


def _span(result: BacktestResult) -> str:
    rows = result.positions
    return f"{len(rows)} rows, {rows[0]} to {rows[-1]}" if len(rows) else "none"
