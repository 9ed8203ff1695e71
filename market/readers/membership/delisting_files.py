"""Files of delisting returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.types import Floats, Ints
from market.findings import Finding, raise_if_fatal
from market.readers.membership.columns import find_roles, insist_dates, insist_roles, read_assets, read_days
from market.readers.membership.records import Delistings
from market.text.columns import read_columns
from market.text.headers import read_header

_SUSPECTED, _LARGEST = 1.0, 10.0
"""Gains above which a delisting return is suspected to be in another unit, and above which it is refused."""


def read_delistings(
    path: Path, labels: tuple[str, ...]
) -> tuple[tuple[str, ...], Delistings, tuple[Finding, ...]]:
    """Read delisting returns.

    Parameters
    ----------
    path : Path
    labels : tuple of str
        Names of assets that are known already; those of this file come behind.

    Returns
    -------
    labels : tuple of str
    delistings : Delistings
    warnings : tuple of Finding

    Raises
    ------
    SourceError
        If the file cannot be read, or a column is missing.
    IntegrityError
        If a return is no fraction, or an asset is delisted twice.
    """
    header = read_header(path)
    roles = find_roles(path, header)
    insist_roles(path, header, roles, ("asset", "date", "return"), "columns asset, date and return")
    contents = read_columns(path, header, texts=[roles["asset"], roles["date"]], numbers=[roles["return"]])
    raise_if_fatal(contents.findings)
    own, asset = read_assets(path, roles["asset"], contents)
    days = insist_dates(path, roles["date"], read_days(path, roles["date"], contents))
    value = contents.numbers[roles["return"]]
    suspicious = raise_if_fatal(_check_delistings(path, own, asset, days, value))
    names = tuple(dict.fromkeys((*labels, *own)))
    place = np.array([names.index(name) for name in own], dtype=np.int64)
    return names, Delistings(place[asset], days, value), (*contents.warnings, *suspicious)


def _check_delistings(
    path: Path, names: Sequence[str], asset: Ints, days: pd.DatetimeIndex, value: Floats
) -> Iterator[Finding]:
    """Find delisting returns that cannot be, and warn of gains that are hardly true."""
    for row in np.flatnonzero(~np.isfinite(value) | (value < -1) | (value > _SUSPECTED)).tolist():
        name, here = names[asset[row]], value[row]
        where = f"{path}, data row {row + 1}: delisting return of {name!r} is {here:g}"
        if here > _SUSPECTED:
            hint = "is it in percent, or a price?"
            fatal = here > _LARGEST
            text = (
                f"{where}, a gain of {here:.0%}; expected a fraction"
                if fatal
                else f"{where}, a gain of {here:.0%}"
            )
            yield Finding(
                "delisting return", "fatal" if fatal else "warning", name, days[row], f"{text}: {hint}"
            )
            continue
        hint = "; is it in percent?" if here < -1 else "; leave the row out if it is not known"
        text = f"{where}, expected a fraction of -1 or more{hint}"
        yield Finding("delisting return", "fatal", name, days[row], text)
    for row in np.flatnonzero(pd.Series(asset).duplicated()).tolist():
        name = names[asset[row]]
        text = (
            f"{path}, data row {row + 1}: {name!r} is delisted a second time on {days[row]:%Y-%m-%d}; give what came"
            " after the first delisting a name of its own"
        )
        yield Finding("delisting return", "fatal", name, days[row], text)
