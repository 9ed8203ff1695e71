"""Check of holdings against the champion: its assets, prices and limits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from foundation.suggestions import suggest
from market.panel import Panel
from operations.champion.holdings import CASH, Holdings
from operations.errors import OperationsError
from pipeline.config import RunConfig
from pipeline.config_files.text import show_value

OVERDRAFT = 0.01
"""Fraction of wealth by which cash may be negative if borrowing is not allowed; covers costs and settlement."""


def match_holdings(held: Holdings, panel: Panel, config: RunConfig) -> pd.Series[float]:
    """Check holdings against the assets and the limits of the champion, and return the weights by asset.

    Parameters
    ----------
    held : Holdings
    panel : Panel
        Trades are decided at its last date.
    config : RunConfig
        The champion's configuration.

    Raises
    ------
    OperationsError
        If an asset is unknown or has no price at the date, or if a short position or borrowed cash violates the limits.
    """
    weights = dict(zip(held.names, held.weights.tolist(), strict=True))
    weights.pop(CASH, None)
    for name, weight in weights.items():
        wrong = _mistake_of(name, weight, panel, config)
        if wrong:
            row = held.names.index(name) + 1
            raise OperationsError(f"{held.source}, data row {row}: {wrong}")
    _check_cash(held, config)
    return pd.Series(weights, dtype=np.float64)


def _check_cash(held: Holdings, config: RunConfig) -> None:
    """Refuse borrowed cash that the champion's limits do not allow."""
    if held.cash < -OVERDRAFT and not _may_borrow(config):
        raise OperationsError(
            f"{held.source}: cash is {held.cash:.6g} of wealth, and allocation.cash_minimum "
            f"{config.allocation.cash_minimum:g} of the champion allows no borrowing; correct the weights"
        )


def _mistake_of(name: str, weight: float, panel: Panel, config: RunConfig) -> str:
    """Return an error message for one holding; "" if it is valid."""
    if name not in panel.assets:
        return f"unknown asset {show_value(name)}{suggest(name, [*panel.assets, CASH])}"
    if weight == 0.0:
        return ""
    column, shown = panel.assets.index(name), show_value(name)
    if not (panel.listed[-1, column] or panel.closed[-1, column]):
        rows = np.flatnonzero(panel.listed[:, column])
        since = f", the last one {panel.dates[rows[-1]]:%Y-%m-%d}" if len(rows) else ""
        return (
            f"{shown} has no price at {panel.dates[-1]:%Y-%m-%d}{since}, so that it cannot be valued or traded; take "
            "its row out, and add its value to cash if you were paid"
        )
    bounds = config.allocation.overrides.get(name)
    minimum = config.allocation.minimum if bounds is None else bounds.minimum
    if weight < 0.0 <= minimum:
        key = "allocation.minimum" if bounds is None else f"allocation.overrides.{name}.minimum"
        return (
            f"{shown} is held short ({weight:g}), and {key} {minimum:g} of the champion forbids that; if the sign is "
            f"wrong, correct it; if not, buy it back first, which takes {-weight:.4g} of wealth out of cash, and give "
            "a file without its row"
        )
    return ""


def _may_borrow(config: RunConfig) -> bool:
    """Return whether the champion's portfolio may borrow: its limits allow it, or its strategy ignores limits."""
    traded = config.allocation.strategy
    section = None if traded is None else config.strategies[traded]
    keeps = section is None or ("cash" in section.keeps() and "cash" not in section.exempt)
    return config.allocation.cash_minimum < 0.0 or not keeps
