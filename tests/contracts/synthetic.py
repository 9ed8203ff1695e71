"""Synthetic panels with the nuisances of real ones: late listings, deaths, holes, release lags."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from foundation.types import Floats
from market.counterfactual import random_bars
from market.macro import MacroSeries
from market.panel import Panel

OBSERVATIONS_A_YEAR = {"monthly": 12, "daily": 252}


def make_panel(
    kind: Literal["monthly", "daily"] = "monthly",
    n_dates: int = 240,
    n_assets: int = 6,
    seed: int = 0,
    late: bool = True,
    deaths: bool = True,
    macro: bool = True,
    signal: float | None = None,
    holes: bool = True,
    bars: bool = True,
) -> Panel:
    """Return a panel of one market factor plus idiosyncratic returns.

    Asset 0 is listed throughout (apart from holes). Returns after a hole span it, as `Panel` wants.

    Parameters
    ----------
    kind : {"monthly", "daily"}
    n_dates, n_assets : int
        At least 1; `Panel.as_of` makes emptier ones.
    seed : int
    late : bool
        A quarter of the assets (at least one of two or more) list after the start.
    deaths : bool
        A quarter of the assets (at least one of two or more) leave before the end.
    macro : bool
        Whether to add aaa_yield, baa_yield, core_cpi and wti; the last starts a fifth of the way in.
    signal : float, optional
        Slope of an asset's idiosyncratic return over the next month on that of the last month, between -1
        and 1: on monthly panels about the rank correlation of `return_1` with the next month's return in
        one cross-section. None or 0 leaves nothing to forecast across assets.
    holes : bool
        Whether one close in a hundred is missing.
    bars : bool
        Whether there are open, high, low, close and vwap.
    """
    rng = np.random.default_rng(seed)
    month = 1 if kind == "monthly" else 21
    dates = (
        pd.date_range("1990-01-31", periods=n_dates, freq="ME")
        if kind == "monthly"
        else pd.bdate_range("2000-01-03", periods=n_dates)
    )
    cash = np.full(n_dates, 0.003) + 0.001 * np.sin(np.arange(n_dates) / (24 * month))
    cash = (cash + rng.normal(0, 1e-4, n_dates)) / month
    factor = rng.normal(0.005 / month, 0.04 / np.sqrt(month), n_dates)
    idio = rng.normal(size=(n_dates, n_assets))
    for t in range(n_dates) if signal else ():
        idio[t] += signal / month * idio[max(t - month, 0) : t].sum(axis=0)
    volatility = rng.uniform(0.03, 0.06, n_assets) / np.sqrt(month)
    returns = cash[:, None] + rng.uniform(0.5, 1.5, n_assets) * factor[:, None] + volatility * idio
    closes = _closes(rng, n_dates, n_assets, late, deaths, holes)
    returns = np.maximum(returns, -0.9)
    close = np.where(closes, 50.0 * np.cumprod(1 + returns, axis=0), np.nan)
    returns = _with_gaps(returns, closes)
    volume = np.where(np.isfinite(returns), rng.lognormal(12, 0.5, (n_dates, n_assets)), np.nan)
    return Panel(
        name=f"synthetic {kind}",
        dates=dates,
        assets=tuple(f"A{j:02d}" for j in range(n_assets)),
        returns=returns,
        cash=cash,
        market=cash + factor,
        periods_per_year=OBSERVATIONS_A_YEAR[kind],
        volume=volume,
        macro=_macro(rng, dates) if macro else {},
        **(random_bars(np.random.default_rng([seed, 1]), close) if bars else {}),
    )


def _closes(
    rng: np.random.Generator, n_dates: int, n_assets: int, late: bool, deaths: bool, holes: bool
) -> np.ndarray:
    """Return where closes exist, shape (T, N)."""
    closes = np.ones((n_dates, n_assets), dtype=bool)
    if holes:
        closes &= rng.uniform(size=closes.shape) > 0.01
    some = max(1, n_assets // 4) if n_assets > 1 else 0
    for asset in range(n_assets - some, n_assets) if late else ():
        closes[: int(n_dates * rng.uniform(0.1, 0.5)), asset] = False
    for asset in range(1, 1 + some) if deaths else ():
        closes[int(n_dates * rng.uniform(0.6, 0.95)) :, asset] = False
    return closes


def _with_gaps(returns: Floats, closes: np.ndarray) -> Floats:
    """Return the returns between the closes that exist; all assets have a price of 1 before row 0."""
    price = pd.DataFrame(np.cumprod(1 + returns, axis=0)).where(closes)
    listed_at_start = pd.DataFrame(np.where(closes[:1], 1.0, np.nan), index=[-1])
    full = pd.concat([listed_at_start, price])
    return (full / full.ffill().shift(1) - 1).iloc[1:].to_numpy()


def _macro(rng: np.random.Generator, dates: pd.DatetimeIndex) -> dict[str, MacroSeries]:
    """Return monthly series; prices and yields are known the day after, the index three weeks later."""
    ends = pd.date_range(dates[0] - pd.DateOffset(months=2), dates[-1], freq="ME").as_unit(dates.unit)
    n = len(ends)
    aaa = 0.05 + 0.01 * np.sin(np.arange(n) / 30) + rng.normal(0, 5e-4, n)
    paths = {
        "aaa_yield": (aaa, 1),
        "baa_yield": (aaa + 0.01 + np.abs(rng.normal(0, 2e-3, n)), 1),
        "core_cpi": (100 * np.exp(np.cumsum(rng.normal(0.002, 0.001, n))), 20),
        "wti": (40 * np.exp(np.cumsum(rng.normal(0, 0.08, n))), 1),
    }
    start = {"wti": n // 5}
    return {
        name: MacroSeries(
            name,
            values[start.get(name, 0) :],
            ends[start.get(name, 0) :],
            ends[start.get(name, 0) :] + pd.Timedelta(days=lag),
            max_age_days=100,
        )
        for name, (values, lag) in paths.items()
    }
