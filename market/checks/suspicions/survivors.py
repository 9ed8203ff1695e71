"""Survivors: a universe of single stocks of which none ever ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from market.findings import Finding
from market.values.table import Table

_LEAVING = 0.03
"""Share of listed companies that end in a year, by merger or failure; in the US it is 5 to 10 %."""
_EXPECTED = 5.0
"""Expected number of ends from which none is no chance: its probability is below 1 %."""
_STOCKS = 0.25
"""Annual volatility of the median asset from which assets are single stocks; indices and funds do not end like them."""
_FEWEST = 10


def check_survivors(table: Table) -> Iterator[Finding]:
    """Find a universe of stocks over many years in which all live until the end."""
    valid = np.isfinite(table.values)
    year = table.frequency.periods_per_year
    asset_years = float(valid.sum()) / year
    expected = _LEAVING * asset_years
    if len(table.names) < _FEWEST or expected < _EXPECTED:
        return
    tail = valid[-max(1, table.frequency.longest_closure) :]
    if not tail.any(axis=0).all():
        return
    with np.errstate(invalid="ignore"):
        volatility = np.nanstd(table.returns, axis=0) * np.sqrt(year)
    if float(np.nanmedian(volatility)) < _STOCKS:
        return
    text = (
        f"{table.source}: all {len(table.names)} columns live until {table.dates[-1]:%Y-%m-%d}: of so many stocks, over"
        f" {asset_years:,.0f} asset-years, about {expected:.0f} or more would have been delisted. Those that are here"
        " were chosen because they survived, and every return level is too high"
    )
    fix = "add the stocks that ended, or only compare strategies"
    yield Finding("survivors only", "warning", None, table.dates[-1], text, fix)
