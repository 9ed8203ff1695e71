"""Holdings: the user's present holdings, from a CSV or Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.suggestions import list_names, suggest
from market.panel import Panel
from market.readers.scores import ASSET_NAMES
from market.text.columns import read_columns
from market.text.headers import read_header
from operations.errors import OperationsError
from pipeline.config import RunConfig
from pipeline.config_files.paths import input_mistake
from pipeline.config_files.text import show_name, show_value

CASH = "cash"
TOLERANCE = 1e-6
"""Tolerance on the sum of weights."""
LITTLE = 0.02
"""Sum of weights, without a row for cash, below which the weights are probably in another unit."""
PERCENT = (20.0, 150.0)
"""Range of sums of weights that suggests percentages."""
MOST = {"value": 1e18, "weight": 1e3}
"""Largest absolute value in the file: no currency has that much money, and weights may be percentages."""
LARGEST = 10.0
"""Largest absolute weight: beyond it, wealth is a small difference of large numbers."""
OVERDRAFT = 0.01
"""Fraction of wealth by which cash may be negative if borrowing is not allowed; covers costs and settlement."""


@dataclass(frozen=True, eq=False)
class Holdings:
    """The holdings in a file.

    Attributes
    ----------
    source : str
        Name of the file in messages.
    names : tuple of str
        Assets of the rows, including `cash` if the file has such a row.
    weights : ndarray of shape (len(names),)
        Fractions of wealth.
    warnings : tuple of str
        Warnings about the file, such as a last line without a line end.
    """

    source: str
    names: tuple[str, ...]
    weights: NDArray[np.float64]
    warnings: tuple[str, ...] = ()

    @property
    def cash(self) -> float:
        """Cash, a fraction of wealth: 1 minus the sum of the asset weights."""
        return 1.0 - float(self.weights[[name != CASH for name in self.names]].sum())


def read_holdings(path: Path) -> Holdings:
    """Read a file of holdings, and run the checks that do not need the panel.

    Parameters
    ----------
    path : Path
        Columns "asset" (or "symbol", or "ticker"), and "weight" (fractions of wealth) or "value" (money). A row "cash"
        holds cash. With values it is required if there is cash. With weights it is optional, and must equal 1 minus the
        sum of the other weights.

    Raises
    ------
    OperationsError
        If the file cannot be read, a column or a number is missing, an asset occurs twice, or the numbers are not
        valid weights or values.
    """
    source = show_name(str(path))
    wrong = input_mistake(path)
    if wrong:
        raise OperationsError(f"{source}: {wrong}; expected a CSV or Parquet file of what is held")
    header = read_header(path)
    kinds = [name for name in ("weight", "value") if name in header]
    asset = _asset_column(header)
    if asset is None or len(kinds) != 1:
        raise OperationsError(
            f"{source}: expected the columns asset (or symbol, or ticker) and weight, or asset and value; found "
            f"{list_names(header)}"
        )
    contents = read_columns(path, header, texts=[asset], numbers=kinds)
    if contents.findings:
        raise OperationsError(contents.findings[0].message)
    names = tuple(str(name) for name in contents.coded[asset].expand())
    numbers = contents.numbers[kinds[0]]
    _check_rows(source, kinds[0], names, numbers)
    weights = numbers if kinds[0] == "weight" else _from_money(source, numbers)
    _check_sum(source, names, weights)
    return Holdings(source, names, weights, tuple(finding.message for finding in contents.warnings))


def _asset_column(header: Sequence[str]) -> str | None:
    """Return the column of asset names; None if there is none, or several of which none is called asset."""
    named = [name for name in header if name.casefold() in ASSET_NAMES]
    if "asset" in named:
        return "asset"
    return named[0] if len(named) == 1 else None


def _check_rows(source: str, kind: str, names: tuple[str, ...], numbers: NDArray[np.float64]) -> None:
    if not names:
        raise OperationsError(f"{source}: no row below the header; if all is cash, write one with cash")
    seen: set[str] = set()
    for place, (name, number) in enumerate(zip(names, numbers.tolist(), strict=True)):
        where = f"{source}, data row {place + 1}"
        if not name.strip():
            raise OperationsError(f"{where}: no asset is named")
        if name != name.strip():
            raise OperationsError(f"{where}: {show_value(name)} has blanks around it; write {name.strip()!r}")
        if name in seen:
            raise OperationsError(f"{where}: {show_value(name)} is there twice")
        if not np.isfinite(number):
            raise OperationsError(f"{where}: {show_value(name)} has no {kind}")
        if abs(number) > (most := MOST[kind]):
            raise OperationsError(
                f"{where}: {show_value(name)} has the {kind} {number:g}, expected {most:g} at most in size"
            )
        seen.add(name)


def _from_money(source: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = float(values.sum())
    if total <= 0:
        raise OperationsError(f"{source}: the values add up to {total:g}; expected a positive wealth")
    return np.asarray(values / total, dtype=np.float64)


def _check_sum(source: str, names: tuple[str, ...], weights: NDArray[np.float64]) -> None:
    """Refuse weights with a wrong sum, or in another unit."""
    total, has_cash = float(weights.sum()), CASH in names
    if abs(total - 1.0) <= TOLERANCE:
        largest = int(np.abs(weights).argmax())
        if abs(weights[largest]) > LARGEST:
            raise OperationsError(
                f"{source}: {show_value(names[largest])} is {weights[largest]:.6g} times the wealth, expected "
                f"{LARGEST:g} at most; is a row missing or wrong?"
            )
        return
    if PERCENT[0] <= total <= PERCENT[1]:
        raise OperationsError(
            f"{source}: the weights add up to {total:.6g}, which looks like percent; write fractions of wealth, 0.25 "
            "for 25 %"
        )
    if has_cash:
        raise OperationsError(f"{source}: weights with cash add up to {total:.6f}; expected 1")
    if total > 1.0:
        raise OperationsError(
            f"{source}: the weights add up to {total:.6g}, expected 1 at most; if the rest is borrowed, add the row "
            f"cash,{1.0 - total:.6g}"
        )
    if total < LITTLE:
        raise OperationsError(
            f"{source}: the weights add up to {total:.6g}, so that nearly all would be cash; write fractions of "
            f"wealth, 0.25 for 25 %, or add the row cash,{1.0 - total:.6g} if that is meant"
        )


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
    if held.cash < -OVERDRAFT and not _may_borrow(config):
        raise OperationsError(
            f"{held.source}: cash is {held.cash:.6g} of wealth, and allocation.cash_minimum "
            f"{config.allocation.cash_minimum:g} of the champion allows no borrowing; correct the weights"
        )
    return pd.Series(weights, dtype=np.float64)


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
