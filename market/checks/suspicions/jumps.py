"""Jumps: prices that change their unit, and single prices that the next one takes back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foundation.types import Bools
from market.findings import Finding
from market.values.table import Table

_UNITS = {100.0: "pence or cents", 1000.0: "thousands", 1e4: "", 1e6: "millions"}
_LEAST_UNIT = 50.0
_UNIT_TOLERANCE = 0.15
"""Log distance from a factor: prices also move on the day on which their unit changes."""
_EURO = {1.95583: "DEM", 2.20371: "NLG", 6.55957: "FRF", 13.7603: "ATS", 40.3399: "BEF", 166.386: "ESP",
         200.482: "PTE", 1936.27: "ITL", 5.94573: "FIM", 340.750: "GRD"}  # fmt: skip
_EURO_TOLERANCE = 0.03
_EURO_DATES = (np.datetime64("1998-12-15"), np.datetime64("2002-03-01"))
_WINDOW = 63
"""Returns whose median size says how much an asset moves."""
_LEAST_ROWS = 21
_SIZES = 20.0
"""Times the median size of returns from which a move that is taken back is suspect."""
_LEAST_MOVE = 0.1
"""Smallest log move that is suspect: ticks of low prices and bid-ask bounces are smaller."""
_LEFT = 0.1
"""Share of the move that may be left after the next step."""
_ALONE = 0.5
"""Share of the move that the median of the other assets may make on the same day."""


def find_unit_changes(table: Table) -> Bools:
    """Return where a price changes by the factor of a unit from one row to the next, shape (T, N)."""
    found = np.zeros(table.returns.shape, dtype=np.bool_)
    if table.kind == "prices":
        found |= _find_moves(table, np.log(_LEAST_UNIT))
        with np.errstate(divide="ignore"):  # a price of 0, an error of its own
            sizes = np.abs(np.log1p(table.returns[found]))
        distance = np.min([np.abs(sizes - np.log(factor)) for factor in _UNITS], axis=0)
        found[found] = distance < _UNIT_TOLERANCE
    return found


def check_jumps(table: Table) -> Iterator[Finding]:
    """Find changes of unit or currency, and bad ticks, in prices."""
    if table.kind != "prices":
        return
    returns = table.returns

    def say_unit(row: int, column: int) -> str:
        move = float(np.log1p(returns[row, column]))
        factor = min(_UNITS, key=lambda each: abs(abs(move) - np.log(each)))
        meaning = f", as between units ({_UNITS[factor]})" if _UNITS[factor] else ""
        way = "times" if move > 0 else "divided by"
        return f"the price is {way} {np.exp(abs(move)):.4g} from one row to the next{meaning}"

    def say_tick(row: int, column: int) -> str:
        move, back = returns[row, column], returns[row + 1, column]
        return f"return of {move:+.1%}, taken back by {back:+.1%} in the next row, far beyond what the asset moves"

    fix = "bring the column to one unit in the file"
    yield from table.find_by_column("unit change", "warning", find_unit_changes(table), say_unit, fix)
    yield from _check_euro(table)
    fix = "compare with another source; leave the cell empty if the price was not traded"
    yield from table.find_by_column("bad tick", "warning", _find_ticks(table), say_tick, fix)


def _find_moves(table: Table, least: float) -> Bools:
    """Return where the log return is at least `least` in size; most files have few such cells."""
    with np.errstate(invalid="ignore"):
        return np.asarray((table.returns >= np.expm1(least)) | (table.returns <= np.expm1(-least)))


def _check_euro(table: Table) -> Iterator[Finding]:
    """Find prices that change by the fixed rate of a currency to the euro, in its first years."""
    first, last = np.searchsorted(table.dates.to_numpy(), _EURO_DATES)
    part = np.abs(np.log1p(table.returns[first:last]))
    for rate, currency in _EURO.items():
        near = np.zeros(table.returns.shape, dtype=np.bool_)
        with np.errstate(invalid="ignore"):
            near[first:last] = np.abs(part - np.log(rate)) < _EURO_TOLERANCE
        # One asset may crash by such a factor; several on one day changed their currency.
        near &= (near.sum(axis=1) >= 2)[:, None]

        def say(row: int, column: int, rate: float = rate, currency: str = currency) -> str:
            factor = np.exp(abs(np.log1p(table.returns[row, column])))
            return f"the price changes by a factor of {factor:.4g}, and 1 euro is {rate:g} {currency}"

        fix = "bring the column to one currency in the file"
        yield from table.find_by_column("currency change", "warning", near, say, fix)


def _find_ticks(table: Table) -> Bools:
    """Return where a price is far from the one before and the next one is back, shape (T, N)."""
    found = _find_moves(table, _LEAST_MOVE)
    for row, column in np.argwhere(found):
        found[row, column] = _is_tick(table, int(row), int(column))
    return found


def _is_tick(table: Table, row: int, column: int) -> bool:
    """Whether a move is taken back by the next one, is far beyond what the asset moved, and is the asset's alone."""
    if row + 1 >= len(table.dates):
        return False
    move, back = np.log1p(table.returns[row : row + 2, column])
    if not abs(move + back) < _LEFT * abs(move):
        return False
    past = table.returns[max(0, row - _WINDOW) : row, column]
    past = np.abs(past[np.isfinite(past) & (past != 0.0)])
    others = np.delete(table.returns[row], column)
    others = others[np.isfinite(others)]
    typical = float(np.log1p(np.median(others))) if len(others) else 0.0
    quiet = len(past) >= _LEAST_ROWS and abs(move) > _SIZES * float(np.median(past))
    return quiet and abs(typical) < _ALONE * abs(move)
