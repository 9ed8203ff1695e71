"""Requests: parse the body of a request into a table for a frozen model. Ambiguous input is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.counts import format_count
from foundation.suggestions import suggest
from operations.serving.answers import RequestError
from pipeline.export.frozen import BESIDE, Frozen

SPLIT, RECORDS = "dataframe_split", "dataframe_records"
_EXPECTED = (
    f'expected {{"{SPLIT}": {{"columns": [...], "data": [[...], ...]}}}} as a run\'s inputs.json holds it'
)
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
    columns, rows = _read_cells(_load_json(body))
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
            f"risk of {_show(assets[row])}: {risk[row]:g} is negative; expected a standard deviation, a fraction"
        )
    table = pd.DataFrame(values, columns=pd.Index(numbers))
    table.insert(0, "asset", assets)
    return table


def _load_json(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_refuse_doubles
        )
    except UnicodeDecodeError as error:
        raise RequestError(f"body, byte {error.start}: not UTF-8; send JSON in UTF-8") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise RequestError(f"body, {place}: not valid JSON: {error.msg}; {_EXPECTED}") from error
    except RecursionError as error:
        raise RequestError(f"body: nested too deeply; {_EXPECTED}") from error
    except ValueError as error:  # an integer of more than 4,300 digits
        raise RequestError("body: a number has too many digits; expected numbers like 0.0123") from error


def _refuse_constant(token: str) -> NoReturn:
    raise RequestError(f"body: {token} is no JSON number; write null where a value is missing")


def _refuse_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for place, name in enumerate(names) if name in names[:place])
        raise RequestError(f"body: the key {_show(double)} is there twice in one object; give it once")
    return content


def _read_cells(content: Any) -> tuple[list[str], list[list[Any]]]:
    """Return the column names, and the rows of cells, all of the same length."""
    if not isinstance(content, dict):
        raise RequestError(f"body: {_kind(content)} is no request; {_EXPECTED}")
    given = [name for name in (SPLIT, RECORDS) if name in content]
    # MLflow's clients send empty parameters.
    other = [
        name for name in content if name not in (*given, "params") or (name == "params" and content[name])
    ]
    if other:
        raise RequestError(f"body: the key {_show(other[0])} is not known; {_EXPECTED}")
    if len(given) != 1:
        raise RequestError(f"body: {len(given)} tables; {_EXPECTED}")
    return _read_split(content[SPLIT]) if given == [SPLIT] else _read_records(content[RECORDS])


def _read_split(table: Any) -> tuple[list[str], list[list[Any]]]:
    if not isinstance(table, dict):
        raise RequestError(f"{SPLIT}: {_kind(table)} is no table; {_EXPECTED}")
    for key in table:
        if key not in ("columns", "data", "index"):
            raise RequestError(f"{SPLIT}: the key {_show(key)} is not known; {_EXPECTED}")
    columns, rows = (_read_list(f"{SPLIT}.{key}", table.get(key)) for key in ("columns", "data"))
    for name in columns:
        if not isinstance(name, str):
            raise RequestError(f"{SPLIT}.columns: {_show(name)} is no name; expected texts")
    for place, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            what = format_count(len(row), "cell") if isinstance(row, list) else _kind(row)
            raise RequestError(
                f"{SPLIT}.data, row {place + 1}: {what}; expected a list of {format_count(len(columns), 'cell')}"
            )
    index = table.get("index")
    if index is not None and len(_read_list(f"{SPLIT}.index", index)) != len(rows):
        raise RequestError(
            f"{SPLIT}.index: {format_count(len(index), 'label')} of "
            f"{format_count(len(rows), 'row')}; leave the index out"
        )
    return columns, rows


def _read_records(records: Any) -> tuple[list[str], list[list[Any]]]:
    rows = _read_list(RECORDS, records)
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            raise RequestError(f"{RECORDS}, row {place + 1}: {_kind(row)}; expected an object")
        different = row.keys() ^ rows[0].keys()
        if different:
            raise RequestError(
                f"{RECORDS}, row {place + 1}: only this row or only row 1 has the key {_show(min(different))}; give "
                "all rows the same keys, and null where a value is missing"
            )
    columns = list(rows[0]) if rows else []
    return columns, [[row[name] for name in columns] for row in rows]


def _read_list(place: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        what = "is missing" if value is None else f"is {_kind(value)}"
        raise RequestError(f"{place}: {what}; expected a list")
    return value


def _check_columns(columns: Sequence[str], model: Frozen) -> None:
    if len(set(columns)) < len(columns):
        double = next(name for place, name in enumerate(columns) if name in columns[:place])
        raise RequestError(f"columns: {_show(double)} is there twice; give each column once")
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
            raise RequestError(f"{where}: {_show(name)} is no name; expected a text")
        if name not in known:
            raise RequestError(
                f"{where}: the model was not trained on {_show(name)}{suggest(name[:80], model.assets)}"
            )
        if name in rows:
            raise RequestError(
                f"{where}: {_show(name)} is in row {rows[name]} too; expected one row per asset, of one date"
            )
        rows[name] = place
    return list(rows)


def _read_numbers(column: str, cells: Sequence[Any], assets: Sequence[str]) -> NDArray[np.float64]:
    """Return cells as numbers, with NaN for null."""
    for cell, asset in zip(cells, assets, strict=True):
        if type(cell) not in (float, int, type(None)):
            raise RequestError(
                f"{column} of {_show(asset)}: {_show(cell)} is no number; expected a number or null"
            )
    try:
        values = np.array(cells, dtype=np.float64)
    except OverflowError:  # an integer beyond float64
        values = np.array([np.nan if cell is None else _to_float(cell) for cell in cells])
    if np.isinf(values).any():
        asset = assets[int(np.argmax(np.isinf(values)))]
        raise RequestError(
            f"{column} of {_show(asset)}: the number is too large; expected a finite number or null"
        )
    return values


def _to_float(cell: float) -> float:
    try:
        return float(cell)
    except OverflowError:
        return np.inf


def _kind(value: Any) -> str:
    """Return the name of a value's JSON type."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _show(value: Any) -> str:
    """Return a value as JSON if it is short."""
    if isinstance(value, (dict, list)):
        return _kind(value)
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:80]} ..."
