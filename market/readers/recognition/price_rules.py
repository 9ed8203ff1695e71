"""Price rules: prices and returns of vendors whose columns are not prices or returns as they stand.

CRSP marks the mean of bid and ask by a minus sign, and writes letters where there is no return. Compustat gives closes
beside the factors that adjust them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from foundation.types import Floats
from market.findings import Kind

_LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CRSP_CODES = ("-44", "-55", "-66", "-77", "-88", "-99")


@dataclass(frozen=True)
class PriceRule:
    """How the values of a vendor's column are read.

    Attributes
    ----------
    column : str or None
        The column that it is about; None where no rule is needed.
    absolute : bool
        Whether the sign is dropped.
    multiply, divide : tuple of str
        Columns of factors; a factor that is missing is 1 where it multiplies.
    missing : tuple of str
        Texts that stand for no value.
    note : str
        A sentence that says so.
    """

    column: str | None = None
    absolute: bool = False
    multiply: tuple[str, ...] = ()
    divide: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    note: str = ""

    def apply(self, numbers: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return columns of numbers, with the values of the rule's column converted."""
        if self.column is None:
            return dict(numbers)
        values = np.abs(numbers[self.column]) if self.absolute else numbers[self.column]
        for name in self.divide:
            values = np.where(
                numbers[name] > 0, values / np.where(numbers[name] > 0, numbers[name], 1.0), np.nan
            )
        for name in self.multiply:
            values = values * np.where(np.isnan(numbers[name]), 1.0, numbers[name])
        return {**numbers, self.column: values}


def find_price_rule(header: Sequence[str], kind: Kind) -> PriceRule:
    """Return the rule for the columns of CRSP or Compustat; one without a column for all others.

    Parameters
    ----------
    header : sequence of str
        Columns beside that of the dates.
    kind : {"prices", "returns"}
    """
    names = {name.casefold(): name for name in header}
    if "permno" in names:
        return _read_crsp(names, kind)
    if "gvkey" in names and kind == "prices":
        return _read_compustat(names)
    return PriceRule()


def _read_crsp(names: Mapping[str, str], kind: Kind) -> PriceRule:
    """Return the rule for a file of CRSP."""
    returns = names.get("ret") or names.get("dlyret") or names.get("mthret")
    if kind == "returns" and returns is not None:
        note = (
            f"{returns!r} is CRSP's return: letters and the codes {', '.join(_CRSP_CODES)} stand for no value"
        )
        return PriceRule(returns, missing=(*_LETTERS, *_CRSP_CODES), note=note)
    price = names.get("prc") or names.get("dlyprc") or names.get("mthprc")
    if kind == "returns" or price is None:
        return PriceRule()
    factor = names.get("cfacpr")
    note = f"{price!r} is CRSP's price: read without its sign, which marks the mean of bid and ask, and 0 as no value"
    note += f", and divided by {factor!r}" if factor else ", not adjusted for splits"
    note += "; dividends are not in it: set data.values to returns to read 'RET'" if returns else ""
    divide = () if factor is None else (factor,)
    return PriceRule(price, absolute=True, divide=divide, missing=("0",), note=note)


def _read_compustat(names: Mapping[str, str]) -> PriceRule:
    """Return the rule for daily (prccd) or monthly (prccm) prices of Compustat."""
    for price, split in (("prccd", "ajexdi"), ("prccm", "ajexm")):
        if price in names:
            divide = (names[split],) if split in names else ()
            multiply = tuple(
                names[name] for name in ("trfd", "trfm") if name in names and name[-1] == price[-1]
            )
            shown = (
                names[price] + "".join(f" / {name}" for name in divide) + "".join(f" x {n}" for n in multiply)
            )
            kept = "splits" * bool(divide), "dividends" * bool(multiply)
            doubt = " and ".join(
                word for word, known in zip(("splits", "dividends"), kept, strict=True) if not known
            )
            note = f"prices are Compustat's {shown}" + (f", not adjusted for {doubt}" if doubt else "")
            return PriceRule(names[price], multiply=multiply, divide=divide, note=note)
    return PriceRule()
