"""Numbers of shares: holdings valued at traded prices, and trades counted in shares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from foundation.suggestions import suggest
from foundation.types import Floats
from market.panel import Panel
from operations.champion.holdings import CASH, Holdings, weigh_money
from operations.errors import OperationsError
from pipeline.config_files.text import show_value


def value_shares(held: Holdings, panel: Panel) -> Holdings:
    """Return holdings as weights; those given in shares are valued at the last traded prices.

    Parameters
    ----------
    held : Holdings
    panel : Panel
        Its traded prices at the last date count; while a market is closed, the newest before.

    Raises
    ------
    OperationsError
        If shares are given and the data has no traded prices, or none of an asset that is held.
    """
    if held.shares is None:
        return held
    if panel.traded is None:
        raise OperationsError(
            f"{held.source}: shares are valued at traded prices, and the data has none; name them in data.traded, or"
            " give value or weight instead of shares"
        )
    newest = dict(zip(panel.assets, _newest_prices(panel).tolist(), strict=True)) | {CASH: 1.0}
    for row, (name, number) in enumerate(zip(held.names, held.shares.tolist(), strict=True)):
        wrong = ""
        if name not in newest:
            wrong = f"unknown asset {show_value(name)}{suggest(name, list(newest))}"
        elif number and not np.isfinite(newest[name]):
            wrong = f"{show_value(name)} has no traded price at {panel.dates[-1]:%Y-%m-%d} (data.traded)"
        if wrong:
            raise OperationsError(f"{held.source}, data row {row + 1}: {wrong}")
    money = np.array(
        [n * newest[name] if n else 0.0 for name, n in zip(held.names, held.shares, strict=True)]
    )
    return replace(
        held, weights=weigh_money(held.source, held.names, money), wealth=float(money.sum()), shares=None
    )


def count_shares(table: pd.DataFrame, panel: Panel, wealth: float | None) -> pd.DataFrame:
    """Return the table of a plan with the shares to trade, if wealth and traded prices are known.

    Parameters
    ----------
    table : DataFrame
        With columns asset and trade, a fraction of wealth.
    panel : Panel
    wealth : float or None
        In money, before the cost of the trades.

    Returns
    -------
    DataFrame
        With the columns price and shares: NaN where an asset has no traded price, and in the row of cash.
    """
    if wealth is None or panel.traded is None:
        return table
    price = table["asset"].map(dict(zip(panel.assets, panel.traded[-1].tolist(), strict=True)))
    price = price.astype(np.float64)
    return table.assign(price=price, shares=table["trade"] * wealth / price)


def _newest_prices(panel: Panel) -> Floats:
    """Return the traded price of each asset at the last date or, if its market is closed there, the newest, (N,)."""
    if panel.traded is None:
        raise ValueError("the panel has no traded prices")
    there = np.isfinite(panel.traded)
    row = len(there) - 1 - np.argmax(there[::-1], axis=0)
    current = (row == len(there) - 1) | panel.closed[-1]
    return np.where(there.any(axis=0) & current, panel.traded[row, np.arange(there.shape[1])], np.nan)
