"""Numbers labelled by asset, aligned by name and never by position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from allocation.errors import DataError
from foundation.types import Floats

Labelled = pd.Series | Mapping[Any, float] | Floats | Sequence[float]
"""One number per asset: by name, or in the order of the assets."""


def parse_names(what: str, labels: Iterable[Hashable]) -> tuple[str, ...]:
    """Return the labels of assets as text.

    Parameters
    ----------
    what : str
        Whose labels, for the message.
    labels : iterable of hashable

    Raises
    ------
    DataError
        If two assets have one name, or a text is given in place of several names.
    """
    if isinstance(labels, str):
        raise DataError(
            f"{what}: expected a sequence of names, got the text {labels!r}; one name is ({labels!r},)"
        )
    names = tuple(map(str, labels))
    double = sorted(name for name, count in Counter(names).items() if count > 1)
    if double:
        raise DataError(f"{what}: the asset {_list_names(double)} is there more than once")
    return names


def align_values(what: str, numbers: Labelled, assets: Sequence[str], *, fill: float | None = None) -> Floats:
    """Return one number for each asset, in the order of `assets`.

    Parameters
    ----------
    what : str
        What the numbers are, for the message.
    numbers : Series, mapping or array-like of shape (N,)
        A Series or mapping is read by name; an array must be in the order of the assets.
    assets : sequence of str, length N
    fill : float, optional
        The number of an asset that is not named. Without it all must be.

    Returns
    -------
    ndarray of shape (N,)

    Raises
    ------
    DataError
        If names do not fit, or numbers without names are too few or too many.
    """
    if isinstance(numbers, pd.Series):
        names, values = parse_names(what, numbers.index), numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    elif isinstance(numbers, Mapping):
        names, values = parse_names(what, numbers), np.array(list(numbers.values()), dtype=np.float64)
    else:
        plain = np.asarray(numbers, dtype=np.float64)
        if plain.shape != (len(assets),):
            raise DataError(
                f"{what} has shape {plain.shape}, expected one number for each of {len(assets)} assets"
            )
        return plain
    check_names(what, names, assets, complete=fill is None)
    by_name = dict(zip(names, values, strict=True))
    return np.array([by_name.get(asset, fill) for asset in assets], dtype=np.float64)


def check_names(what: str, names: Sequence[str], assets: Sequence[str], *, complete: bool = True) -> None:
    """Refuse names that do not match the assets.

    Parameters
    ----------
    what : str
        Whose names, for the message.
    names, assets : sequence of str
    complete : bool
        Whether each asset must be named.

    Raises
    ------
    DataError
        Listing the missing and the unknown names.
    """
    having, wanted = set(names), set(assets)
    missing = [asset for asset in assets if asset not in having] if complete else []
    unknown = [name for name in names if name not in wanted]
    if missing or unknown:
        parts = [f"lacks {_list_names(missing)}"] if missing else []
        parts += [f"names {_list_names(unknown)}, which are none of them"] if unknown else []
        raise DataError(f"{what}: the assets are {_list_names(assets)}; it {' and '.join(parts)}")


def align_rate(what: str, number: float | Labelled, assets: Sequence[str]) -> float | Floats:
    """Return a rate that all assets share as it is, and rates of single assets in the order of `assets`."""
    if isinstance(number, int | float | np.number):
        return float(number)
    return align_values(what, number, assets)


def check_finite(
    what: str, returns: Floats, assets: Sequence[str], row_name: Callable[[int], Hashable] = int
) -> None:
    """Refuse a table of returns with holes.

    Parameters
    ----------
    what : str
        What the table is, for the message.
    returns : ndarray of shape (T, N)
    assets : sequence of str, length N
    row_name : callable
        From a row to its label.

    Raises
    ------
    DataError
        Naming the first missing return, how many there are, and of which assets.
    """
    bad = ~np.isfinite(returns)
    if not bad.any():
        return
    row, column = (int(i) for i in np.argwhere(bad)[0])
    value = "NaN" if np.isnan(returns[row, column]) else str(returns[row, column])
    worst = [asset for asset, holes in zip(assets, bad.T, strict=True) if holes.any()]
    raise DataError(
        f"{what}: the return of {assets[column]!r} in row {row_name(row)} is {value}; {int(bad.sum())} of "
        f"{bad.size} returns are not finite, of {_list_names(worst)}. Nothing is filled: leave out these assets or rows"
    )


def _list_names(names: Sequence[str], most: int = 8) -> str:
    """Return some names and how many more there are."""
    words = ", ".join(map(repr, names[:most]))
    return words if len(names) <= most else f"{words} and {len(names) - most} more"
