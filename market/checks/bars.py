"""Bars (open, high, low, close and mean price of each step): checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from foundation.types import Bools, Floats
from market.findings import Finding
from market.panel import BARS
from market.values.table import Table

_TOLERANCE = 1e-6
"""Share of a price by which bars may contradict each other: vendors adjust and round each price by itself."""


def check_bars(table: Table, bars: Mapping[str, Floats]) -> Iterator[Finding]:
    """Find bars (T, N), by the names of `market.panel.BARS`, that contradict themselves.

    Fatal are prices that are infinite or not above 0, and a high below the low. An open, close or volume-weighted mean
    outside of them is a warning.
    """
    for name in BARS:
        if name in bars:
            yield from _check_positive(table, name, bars[name])
    if "high" in bars and "low" in bars:
        yield from _check_order(table, bars["high"], bars["low"])
    for name in ("open", "close", "vwap"):
        if name in bars:
            yield from _check_inside(table, name, bars)


def _check_positive(table: Table, name: str, prices: Floats) -> Iterator[Finding]:
    """Find impossible prices."""

    def impossible(row: int, column: int) -> str:
        return f"{name} is {prices[row, column]:g}, expected a price above 0 (leave it empty where there is none)"

    wrong = np.isinf(prices) | (prices <= 0)
    yield from table.find_by_column(f"impossible {name}", "fatal", wrong, impossible)


def _check_order(table: Table, high: Floats, low: Floats) -> Iterator[Finding]:
    """Find highs below lows."""
    yield from table.find_by_column(
        "high below low",
        "fatal",
        high < low * (1.0 - _TOLERANCE),
        lambda t, n: f"high {high[t, n]:g} is below low {low[t, n]:g}",
    )


def _check_inside(table: Table, name: str, bars: Mapping[str, Floats]) -> Iterator[Finding]:
    """Find prices above the high or below the low."""
    prices = bars[name]
    none = np.full(prices.shape, np.nan)
    high, low = bars.get("high", none), bars.get("low", none)
    # A comparison with NaN is false: where there is no high, nothing is above it.
    outside: Bools = (prices > high * (1.0 + _TOLERANCE)) | (prices < low * (1.0 - _TOLERANCE))

    def word(row: int, column: int) -> str:
        span = f"low {low[row, column]:g} and high {high[row, column]:g}"
        return f"{name} {prices[row, column]:g} is not between {span}"

    yield from table.find_by_column(f"{name} outside of the bar", "warning", outside, word)


def check_volume(table: Table, volume: Floats | None) -> Iterator[Finding]:
    """Find volumes that cannot be."""
    if volume is not None:
        wrong = np.isinf(volume) | (volume < 0)
        yield from table.find_by_column(
            "impossible volume",
            "fatal",
            wrong,
            lambda t, n: f"volume is {volume[t, n]:g}, expected 0 or more",
        )
