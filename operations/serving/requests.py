"""Requests: parse the body of a request into a table for a frozen model. Ambiguous input is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.suggestions import suggest
from operations.serving.answers import RequestError, show_json
from operations.serving.request_body import load_json, read_cells
from pipeline.export.frozen import BESIDE, Frozen

_CELL = 48
"""Upper bound of the bytes of one number with its separators and indentation."""
_SMALLEST_LIMIT = 2**20


def largest_body(model: Frozen) -> int:
    """Return the largest size of a request in bytes: enough for one record for each asset of the model."""
    row = sum(len(name) + _CELL for name in ("asset", *model.columns, *BESIDE))
    return max(_SMALLEST_LIMIT, row * len(model.assets))


def parse_table(body: bytes, model: Frozen) -> pd.DataFrame:
    """Return the table in the body of a request.

    Parameters
    ----------
    body : bytes
        JSON: "dataframe_split" or "dataframe_records", one row per asset.
    model : Frozen
        Defines the required columns and the known assets.

    Returns
    -------
    DataFrame
        Column "asset", and the model's columns as float64, with NaN for null. Columns that the model does not use are
        dropped.

    Raises
    ------
    RequestError
        If the body is not a valid table for this model.
    """
    columns, rows = read_cells(load_json(body))
    _check_columns(columns, model)
    if not rows:
        raise RequestError("data: there is no row; expected one row per asset")
    assets = _read_assets([row[columns.index("asset")] for row in rows], model)
    numbers = [*model.columns, *BESIDE]
    values = np.empty((len(rows), len(numbers)))
    for place, name in enumerate(numbers):
        column = columns.index(name)
        values[:, place] = _read_numbers(name, [row[column] for row in rows], assets)
    risk = values[:, numbers.index("risk")]
    if (risk < 0).any():
        row = int(np.argmax(risk < 0))
        raise RequestError(
            f"risk of {show_json(assets[row])}: {risk[row]:g} is negative; expected a standard deviation, a fraction"
        )
    table = pd.DataFrame(values, columns=pd.Index(numbers))
    table.insert(0, "asset", assets)
    return table


def _check_columns(columns: Sequence[str], model: Frozen) -> None:
    if len(set(columns)) < len(columns):
        double = next(name for place, name in enumerate(columns) if name in columns[:place])
        raise RequestError(f"columns: {show_json(double)} is there twice; give each column once")
    needed = ["asset", *model.columns, *BESIDE]
    missing = [name for name in needed if name not in columns]
    if missing:
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise RequestError(
            f"columns: {len(missing)} of the {len(needed)} that the model needs are missing: {names}; add them, with "
            "null where a value is missing"
        )


def _read_assets(names: Sequence[Any], model: Frozen) -> list[str]:
    known, rows = set(model.assets), dict[str, int]()
    for place, name in enumerate(names, start=1):
        where = f"asset in row {place}"
        if not isinstance(name, str):
            raise RequestError(f"{where}: {show_json(name)} is no name; expected a text")
        if name not in known:
            raise RequestError(
                f"{where}: the model was not trained on {show_json(name)}{suggest(name[:80], model.assets)}"
            )
        if name in rows:
            raise RequestError(
                f"{where}: {show_json(name)} is in row {rows[name]} too; expected one row per asset, of one date"
            )
        rows[name] = place
    return list(rows)


def _read_numbers(column: str, cells: Sequence[Any], assets: Sequence[str]) -> NDArray[np.float64]:
    """Return cells as numbers, with NaN for null."""
    for cell, asset in zip(cells, assets, strict=True):
        if type(cell) not in (float, int, type(None)):
            raise RequestError(
                f"{column} of {show_json(asset)}: {show_json(cell)} is no number; expected a number or null"
            )
    try:
        values = np.array(cells, dtype=np.float64)
    except OverflowError:  # an integer beyond float64
        values = np.array([np.nan if cell is None else _to_float(cell) for cell in cells])
    if np.isinf(values).any():
        asset = assets[int(np.argmax(np.isinf(values)))]
        raise RequestError(
            f"{column} of {show_json(asset)}: the number is too large; expected a finite number or null"
        )
    return values


def _to_float(cell: float) -> float:
    try:
        return float(cell)
    except OverflowError:
        return np.inf
