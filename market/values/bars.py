"""Bars in the unit of the adjusted closes."""

from __future__ import annotations

from collections.abc import Mapping

from foundation.types import Floats


def adjust_bars(bars: Mapping[str, Floats], closes: Floats) -> tuple[dict[str, Floats], Floats]:
    """Return bars in the unit of the adjusted closes.

    Parameters
    ----------
    bars : mapping of str to ndarray of shape (T, N)
        With `close`: the close in the unit of the other prices.
    closes : ndarray of shape (T, N)
        Adjusted for dividends and splits: what returns are made of.

    Returns
    -------
    bars : dict of str to ndarray of shape (T, N)
        Each row multiplied by adjusted / unadjusted close: within a row prices keep their ratios, over time they
        have those of the adjusted closes. The close is the adjusted one, bit for bit.
    factor : ndarray of shape (T, N)
        Factor of each row. Divide the units traded by it, so that price times units stays the money traded.
    """
    factor = closes / bars["close"]
    scaled = {name: prices * factor for name, prices in bars.items() if name != "close"}
    return {**scaled, "close": closes}, factor
