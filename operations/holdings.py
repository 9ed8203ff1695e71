"""Holdings: what a user holds now, from a CSV or Parquet file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from market.hints import suggest
from market.readers.columns import read_columns, read_header
from operations.errors import OperationsError

CASH = "cash"
TOLERANCE = 1e-6


def read_holdings(path: Path, assets: tuple[str, ...]) -> pd.Series[float]:
    """Return the weights held, as fractions of wealth, by asset; what is missing to 1 is cash.

    Parameters
    ----------
    path : Path
        Columns "asset", and "weight" (fractions of wealth) or "value" (money). The asset "cash" is cash: in money it
        must be there if there is any, in weights it is checked against the rest.
    assets : tuple of str
        Those that exist.

    Raises
    ------
    OperationsError
        If a column is missing, an asset is unknown or named twice, a number is missing, or wealth is not positive.
    SourceError
        If the file cannot be read.
    """
    header = read_header(path)
    kinds = [name for name in ("weight", "value") if name in header]
    if "asset" not in header or len(kinds) != 1:
        raise OperationsError(
            f"{path}: expected the columns asset and weight, or asset and value; found {', '.join(header)}"
        )
    contents = read_columns(path, header, texts=["asset"], numbers=kinds)
    if contents.findings:
        raise OperationsError(contents.findings[0].message)
    names, numbers = [str(name).strip() for name in contents.texts["asset"]], contents.numbers[kinds[0]]
    for place, name in enumerate(names):
        where = f"{path}, data row {place + 1}"
        if name not in (*assets, CASH):
            raise OperationsError(f"{where}: unknown asset {name!r}{suggest(name, [*assets, CASH])}")
        if name in names[:place]:
            raise OperationsError(f"{where}: {name!r} is there twice")
        if not np.isfinite(numbers[place]):
            raise OperationsError(f"{where}: {name!r} has no {kinds[0]}")
    held = pd.Series(numbers, index=names, dtype=np.float64)
    total = float(held.sum())
    if kinds[0] == "value":
        if total <= 0:
            raise OperationsError(f"{path}: the values add up to {total:g}; expected a positive wealth")
        held = held / total
    elif CASH in held.index and abs(total - 1) > TOLERANCE:
        raise OperationsError(f"{path}: weights with cash add up to {total:.6f}; expected 1")
    return held.drop(CASH, errors="ignore")
