"""Holdings: the user's present holdings, from a CSV or Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foundation.suggestions import list_names
from market.readers.scores import ASSET_NAMES
from market.text.columns import read_columns
from market.text.headers import read_header
from operations.errors import OperationsError
from pipeline.config_files.paths import input_mistake
from pipeline.config_files.text import show_name, show_value

CASH = "cash"
TOLERANCE = 1e-6
"""Tolerance on the sum of weights."""
LITTLE = 0.02
"""Sum of weights, without a row for cash, below which the weights are probably in another unit."""
PERCENT = (20.0, 150.0)
"""Range of sums of weights that suggests percentages."""
MOST = {"value": 1e18, "shares": 1e15, "weight": 1e3}
"""Largest absolute value in the file: no currency has that much money, and weights may be percentages."""
LARGEST = 10.0
"""Largest absolute weight: beyond it, wealth is a small difference of large numbers."""


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
        Fractions of wealth; NaN while shares are not valued.
    warnings : tuple of str
        Warnings about the file, such as a last line without a line end.
    wealth : float or None
        In money, if the file says so.
    shares : ndarray of shape (len(names),) or None
        Numbers of shares, and money in the row of cash, until they are valued (`value_shares`).
    """

    source: str
    names: tuple[str, ...]
    weights: NDArray[np.float64]
    warnings: tuple[str, ...] = ()
    wealth: float | None = None
    shares: NDArray[np.float64] | None = None

    @property
    def cash(self) -> float:
        """Cash, a fraction of wealth: 1 minus the sum of the asset weights."""
        return 1.0 - float(self.weights[[name != CASH for name in self.names]].sum())


def read_holdings(path: Path) -> Holdings:
    """Read a file of holdings, and run the checks that do not need the panel.

    Parameters
    ----------
    path : Path
        Columns "asset" (or "symbol", or "ticker"), and "weight" (fractions of wealth), "value" (money) or "shares" (a
        number). A row "cash" holds cash, in money beside shares. With values and shares it is required if there is
        cash. With weights it is optional, and must equal 1 minus the
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
    kinds = [name for name in ("weight", "value", "shares") if name in header]
    asset = _asset_column(header)
    if asset is None or len(kinds) != 1:
        raise OperationsError(
            f"{source}: expected the columns asset (or symbol, or ticker) and weight, or asset and value, or "
            f"asset and shares; found "
            f"{list_names(header)}"
        )
    contents = read_columns(path, header, texts=[asset], numbers=kinds)
    if contents.findings:
        raise OperationsError(contents.findings[0].message)
    names = tuple(str(name) for name in contents.coded[asset].expand())
    numbers = contents.numbers[kinds[0]]
    _check_rows(source, kinds[0], names, numbers)
    warnings = tuple(finding.message for finding in contents.warnings)
    if kinds[0] == "shares":
        return Holdings(source, names, np.full(len(names), np.nan), warnings, shares=numbers)
    if kinds[0] == "value":
        return Holdings(source, names, weigh_money(source, names, numbers), warnings, float(numbers.sum()))
    _check_sum(source, names, numbers)
    return Holdings(source, names, numbers, warnings)


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


def weigh_money(source: str, names: tuple[str, ...], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return amounts of money as fractions of their sum.

    Raises
    ------
    OperationsError
        If the sum is not positive, or a weight is many times the wealth.
    """
    total = float(values.sum())
    if total <= 0:
        raise OperationsError(f"{source}: the values add up to {total:g}; expected a positive wealth")
    weights = np.asarray(values / total, dtype=np.float64)
    _check_largest(source, names, weights)
    return weights


def _check_sum(source: str, names: tuple[str, ...], weights: NDArray[np.float64]) -> None:
    """Refuse weights with a wrong sum, or in another unit."""
    total, has_cash = float(weights.sum()), CASH in names
    if abs(total - 1.0) <= TOLERANCE:
        _check_largest(source, names, weights)
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


def _check_largest(source: str, names: tuple[str, ...], weights: NDArray[np.float64]) -> None:
    """Refuse a weight of many times the wealth."""
    largest = int(np.abs(weights).argmax())
    if abs(weights[largest]) > LARGEST:
        raise OperationsError(
            f"{source}: {show_value(names[largest])} is {weights[largest]:.6g} times the wealth, expected "
            f"{LARGEST:g} at most; is a row missing or wrong?"
        )
