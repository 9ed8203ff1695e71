"""Panels with another future or other units: results known at a date must not depend on either."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from foundation.types import Floats
from market.as_of.asset_tables import AssetTable
from market.macro import MacroSeries
from market.panel import Panel
from market.scores import ScoreTable


def replace_future(panel: Panel, position: int, seed: int = 0) -> Panel:
    """Return the panel with everything that became known after `dates[position]` replaced by noise.

    Returns, cash, market, volume, bars, traded prices, macro values, scores and tables change, and so do listings and
    the universe: assets list, die, have gaps, enter and leave at other dates. Dates, names and clocks stay. Nothing up
    to `position` changes.

    Parameters
    ----------
    panel : Panel
    position : int
        Row of the last date that stays as it is.
    seed : int
        Same seed and position: same noise.
    """
    rng = np.random.default_rng([seed, position])
    n_dates, n_assets = panel.returns.shape
    rows = slice(position + 1, None)
    left = n_dates - position - 1
    month = max(1.0, round(panel.periods_per_year / 12))
    scale = 0.2 / np.sqrt(month)
    returns, cash, market = panel.returns.copy(), panel.cash.copy(), panel.market.copy()
    noise = np.clip(rng.normal(0.01, scale, (left, n_assets)), -0.9, 2.0)
    noise[rng.uniform(size=noise.shape) < 0.05] = np.nan
    row = np.arange(left)[:, None]
    noise[row < rng.integers(-2 * left, max(left, 1), n_assets)] = np.nan
    noise[row > rng.integers(0, max(3 * left, 1), n_assets)] = np.nan
    returns[rows] = noise
    cash[rows] = rng.uniform(0, 0.01 / month, left)
    market[rows] = np.clip(rng.normal(-0.01, scale, left), -0.9, 2.0)
    volume = None
    if panel.volume is not None:
        volume = panel.volume.copy()
        volume[rows] = np.where(np.isfinite(noise), rng.lognormal(8, 2, noise.shape), np.nan)
    macro = {name: _add_noise(series, panel.dates[position], rng) for name, series in panel.macro.items()}
    bars: dict[str, Any] = {name: prices.copy() for name, prices in panel.bars.items()}
    noisy = random_bars(rng, np.where(np.isfinite(noise), rng.lognormal(3, 1, noise.shape), np.nan))
    for name, prices in bars.items():
        prices[rows] = noisy[name]
    scores = None if panel.scores is None else _redraw_scores(panel.scores, panel.dates[position], rng)
    tables = {name: _redraw_table(table, panel.dates[position], rng) for name, table in panel.tables.items()}
    changed: dict[str, Any] = {"volume": volume, "macro": macro, "scores": scores, "tables": tables, **bars}
    changed |= _redraw_universe(panel, position, rng)
    if panel.traded is not None:
        changed["traded"] = panel.traded.copy()
        changed["traded"][rows] = np.where(np.isfinite(noise), rng.lognormal(3, 1, noise.shape), np.nan)
    return replace(panel, returns=returns, cash=cash, market=market, **changed)


def _redraw_universe(panel: Panel, position: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return the universe with other members after `position`; nobody else is delisted there."""
    if panel.member is None or panel.delisted is None:
        return {}
    member, delisted = panel.member.copy(), panel.delisted.copy()
    after = member[position + 1 :]
    delisted[position + 1 :] = delisted[position]
    member[position + 1 :] = (rng.uniform(size=after.shape) < 0.7) & ~delisted[position]
    return {"member": member, "delisted": delisted}


def random_bars(rng: np.random.Generator, close: Floats) -> dict[str, Floats]:
    """Return random bars around closes (T, N) with low <= open, close, vwap <= high."""
    spread = 0.01
    open_ = close * np.exp(rng.normal(0, spread, close.shape))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, spread, close.shape)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, spread, close.shape)))
    vwap = low + (high - low) * rng.uniform(0.2, 0.8, close.shape)
    return {"open": open_, "high": high, "low": low, "close": close, "vwap": vwap}


def _add_noise(series: MacroSeries, date: pd.Timestamp, rng: np.random.Generator) -> MacroSeries:
    """Return the series, with values that became known after `date` multiplied by noise."""
    factor = np.where(series.known_at > date, rng.lognormal(0, 1, len(series.values)), 1.0)
    return replace(series, values=series.values * factor)


def _redraw_scores(table: ScoreTable, date: pd.Timestamp, rng: np.random.Generator) -> ScoreTable:
    """Return the table with the scores that became known after `date` drawn anew from all of them."""
    drawn = rng.choice(table.value, len(table.value)) + rng.normal(0, table.value.std(), len(table.value))
    return replace(table, value=np.where(table.known_at > date, drawn, table.value))


def _redraw_table(table: AssetTable, date: pd.Timestamp, rng: np.random.Generator) -> AssetTable:
    """Return the table with the values that became known after `date` drawn anew from all of them."""
    if not len(table.value):
        return table
    drawn = rng.choice(table.value, len(table.value)) + rng.normal(0, table.value.std(), len(table.value))
    return replace(table, value=np.where(table.known_at > date, drawn, table.value))


def restate_units(panel: Panel, *, prices: bool = True, volumes: bool = True) -> Panel:
    """Return the panel with bars and volume of each asset in other units; returns stay.

    A later split or dividend multiplies all prices that an asset had before it by one number. The vendor divides
    the units traded by the same number, or by another, or leaves them. Each asset therefore has factors of its own
    here, and volumes have others than prices. They are powers of two, so that rounding stays the same.

    Parameters
    ----------
    panel : Panel
    prices, volumes : bool
        What to restate.
    """
    step = np.arange(len(panel.assets)) % 3
    bars: dict[str, Any] = panel.bars
    if prices:
        bars = {name: values * 2.0 ** -(3.0 + step) for name, values in bars.items()}
    if volumes and panel.volume is not None:
        bars["volume"] = panel.volume * 2.0 ** -(10.0 + 5.0 * step)
    return replace(panel, **bars)
