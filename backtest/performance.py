"""Performance: what a simulated portfolio earned, how sure that is, and how it compares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from backtest.errors import ComparisonError
from backtest.simulate import BacktestResult
from validation.scores import hac_lags, hac_mean, hac_stderr

Floats = NDArray[np.float64]


def max_drawdown(returns: Floats) -> float:
    """Return the largest loss from a previous peak of wealth, the start included, as a negative fraction or 0."""
    wealth = np.concatenate([[1.0], np.cumprod(1 + returns)])
    return float((wealth / np.maximum.accumulate(wealth) - 1).min())


def sharpe_stderr(excess: Floats) -> float:
    """Return the standard error of the Sharpe ratio per observation; NaN if there is none.

    Notes
    -----
    sqrt((1 + SR^2/2 - skew SR + (kurtosis - 3)/4 SR^2) / n): Mertens (2002), as in Bailey and López de Prado
    (2012), equation 7. With normal returns it is that of Lo (2002).
    """
    n, spread = len(excess), _spread(excess)
    if n < 3 or not spread > 0:
        return float("nan")
    ratio = float(excess.mean()) / spread
    skew, tails = float(stats.skew(excess)), float(stats.kurtosis(excess))
    return float(np.sqrt(max(1 + ratio**2 / 2 - skew * ratio + tails / 4 * ratio**2, 0.0) / n))


def summarise(result: BacktestResult, periods_per_year: int) -> dict[str, float]:
    """Return the metrics of one portfolio.

    Returns
    -------
    dict
        net_return, gross_return : geometric, a year
        volatility : of net returns, a year
        sharpe, sharpe_se : of net returns in excess of cash, a year
        max_drawdown : of net wealth, negative
        turnover : purchases and sales a year, as a multiple of wealth
        cost : paid a year, as a fraction of wealth
        n_periods, n_trades, relaxed : counts
        NaN where a number does not exist.
    """
    n = len(result.net)
    excess = result.net - result.cash_return
    spread = _spread(excess)
    years = n / periods_per_year if n else np.nan
    root = float(np.sqrt(periods_per_year))
    return {
        "net_return": _geometric(result.net, years),
        "gross_return": _geometric(result.gross, years),
        "volatility": _spread(result.net) * root,
        "sharpe": float(excess.mean()) / spread * root if spread > 0 else float("nan"),
        "sharpe_se": sharpe_stderr(excess) * root,
        "max_drawdown": max_drawdown(result.net) if n else float("nan"),
        "turnover": float(np.nansum(result.turnover)) / years,
        "cost": float(np.nansum(result.cost)) / years,
        "n_periods": float(n),
        "n_trades": float(np.isfinite(result.turnover).sum()),
        "relaxed": float(result.relaxed),
    }


def compare(result: BacktestResult, baseline: BacktestResult, periods_per_year: int) -> dict[str, float]:
    """Return by how much one portfolio beat another on the same dates, net of costs.

    Returns
    -------
    dict
        sharpe_difference, sharpe_difference_se : a year
        p_value : two-sided, that the Sharpe ratios are equal; for one comparison, not the best of several
        mean_difference : of net returns, a year; mean_difference_t : its HAC t-statistic
        NaN where a number does not exist (two equal portfolios, no variation).

    Raises
    ------
    ComparisonError
        If the two do not cover the same rows.

    Notes
    -----
    Ledoit and Wolf (2008), *Journal of Empirical Finance* 15, 850-859, section 3.1: delta method on means and
    second moments with a HAC covariance (here Bartlett's kernel).
    """
    if not np.array_equal(result.positions, baseline.positions):
        raise ComparisonError(
            f"{result.name} and {baseline.name} cannot be compared: their returns are of different rows "
            f"({_span(result)} and {_span(baseline)})"
        )
    a, b = result.net - result.cash_return, baseline.net - baseline.cash_return
    gap = hac_mean(a - b)
    ratio = _ratio(a) - _ratio(b)
    error = _sharpe_difference_stderr(a, b)
    root = float(np.sqrt(periods_per_year))
    # Rounding leaves the difference of a portfolio with itself a hair from 0.
    known = np.isfinite(error) and error > 1e-12
    return {
        "sharpe_difference": ratio * root,
        "sharpe_difference_se": error * root,
        "p_value": float(2 * stats.norm.sf(abs(ratio) / error)) if known else float("nan"),
        "mean_difference": gap.mean * periods_per_year,
        "mean_difference_t": gap.t if _spread(a - b) > 0 else float("nan"),
    }


def _sharpe_difference_stderr(a: Floats, b: Floats) -> float:
    n = len(a)
    if n < 4 or not (_spread(a) > 0 and _spread(b) > 0):
        return float("nan")
    moments = np.column_stack([a, b, a * a, b * b])
    mean = moments.mean(axis=0)
    va, vb = mean[2] - mean[0] ** 2, mean[3] - mean[1] ** 2
    gradient = np.array(
        [mean[2] / va**1.5, -mean[3] / vb**1.5, -0.5 * mean[0] / va**1.5, 0.5 * mean[1] / vb**1.5]
    )
    return hac_stderr((moments - mean) @ gradient, hac_lags(n, 0))


def _ratio(excess: Floats) -> float:
    spread = _spread(excess)
    return float(excess.mean()) / spread if spread > 0 else float("nan")


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
