"""Attribution: what each sleeve of a portfolio earned, paid and risked; each column adds up to the whole."""

from __future__ import annotations

import numpy as np

from backtest.result import BacktestResult
from foundation.types import Floats

TOTAL = "all"
"""Name of the row of the whole portfolio."""


def attribute(result: BacktestResult, periods_per_year: int) -> dict[str, dict[str, float]]:
    """Return the attribution of a portfolio by sleeve, the whole portfolio last; empty without sleeves.

    Returns
    -------
    dict of str to dict
        share : mean share of wealth
        gross_return, cost, net_return : arithmetic means per year; gross less cost is net
        volatility : contribution to the volatility of net returns per year, cov(sleeve, all) / sd(all)
        growth : contribution to what 1 has grown by, each row's contribution times the wealth at its start
        A sleeve inside another is a row of its own: "core/bonds". NaN where a number does not exist.

    Notes
    -----
    The contribution to volatility is Euler's: Litterman (1996), "Hot spots and hedges".
    """
    paths = result.sleeves
    if paths is None:
        return {}
    net = paths.net
    before = np.concatenate([[1.0], result.wealth[:-1]]) if len(result.net) else result.net
    rows = {
        name: _row(paths.share[:, k], paths.gross[:, k], paths.cost[:, k], net[:, k], before, result.net)
        for k, name in enumerate(paths.names)
    }
    ones = np.ones(len(result.net))
    rows[TOTAL] = _row(ones, result.gross, result.gross - result.net, result.net, before, result.net)
    scales = {"share": 1.0, "volatility": float(np.sqrt(periods_per_year)), "growth": 1.0}
    return {
        name: {key: value * scales.get(key, periods_per_year) for key, value in row.items()}
        for name, row in rows.items()
    }


def _row(
    share: Floats, gross: Floats, cost: Floats, net: Floats, before: Floats, total: Floats
) -> dict[str, float]:
    """Return the numbers of one sleeve, not annualised."""
    n = len(net)
    spread = float(total.std(ddof=1)) if n > 1 else float("nan")
    together = float(((net - net.mean()) * (total - total.mean())).sum() / (n - 1)) if n > 1 else float("nan")
    mean = {
        key: float(values.mean()) if n else float("nan")
        for key, values in (("share", share), ("gross_return", gross), ("cost", cost), ("net_return", net))
    }
    risk = together / spread if spread > 0 else float("nan")
    return mean | {"volatility": risk, "growth": float((before * net).sum())}


def merge_nested_sleeves(rows: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return an attribution in which sleeves inside another are added up to it."""
    out: dict[str, dict[str, float]] = {}
    for name, row in rows.items():
        top = name.split("/", 1)[0]
        out[top] = {key: value + out.get(top, {}).get(key, 0.0) for key, value in row.items()}
    return out
