"""Body of a request: JSON to column names and rows of cells."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from foundation.counts import format_count
from operations.serving.answers import RequestError, name_kind, show_json

SPLIT, RECORDS = "dataframe_split", "dataframe_records"
_EXPECTED = (
    f'expected {{"{SPLIT}": {{"columns": [...], "data": [[...], ...]}}}} as a run\'s inputs.json holds it'
)


def load_json(body: bytes) -> Any:
    """Parse a body; keys given twice, NaN and infinity are refused."""
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
        raise RequestError(f"body: the key {show_json(double)} is there twice in one object; give it once")
    return content


def read_cells(content: Any) -> tuple[list[str], list[list[Any]]]:
    """Return the column names, and the rows of cells, all of the same length."""
    if not isinstance(content, dict):
        raise RequestError(f"body: {name_kind(content)} is no request; {_EXPECTED}")
    given = [name for name in (SPLIT, RECORDS) if name in content]
    # MLflow's clients send empty parameters.
    other = [
        name for name in content if name not in (*given, "params") or (name == "params" and content[name])
    ]
    if other:
        raise RequestError(f"body: the key {show_json(other[0])} is not known; {_EXPECTED}")
    if len(given) != 1:
        raise RequestError(f"body: {len(given)} tables; {_EXPECTED}")
    return _read_split(content[SPLIT]) if given == [SPLIT] else _read_records(content[RECORDS])


def _read_split(table: Any) -> tuple[list[str], list[list[Any]]]:
    if not isinstance(table, dict):
        raise RequestError(f"{SPLIT}: {name_kind(table)} is no table; {_EXPECTED}")
    for key in table:
        if key not in ("columns", "data", "index"):
            raise RequestError(f"{SPLIT}: the key {show_json(key)} is not known; {_EXPECTED}")
    columns, rows = (_read_list(f"{SPLIT}.{key}", table.get(key)) for key in ("columns", "data"))
    for name in columns:
        if not isinstance(name, str):
            raise RequestError(f"{SPLIT}.columns: {show_json(name)} is no name; expected texts")
    for place, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            what = format_count(len(row), "cell") if isinstance(row, list) else name_kind(row)
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
            raise RequestError(f"{RECORDS}, row {place + 1}: {name_kind(row)}; expected an object")
        different = row.keys() ^ rows[0].keys()
        if different:
            raise RequestError(
                f"{RECORDS}, row {place + 1}: only this row or only row 1 has the key {show_json(min(different))}; "
                "give all rows the same keys, and null where a value is missing"
            )
    columns = list(rows[0]) if rows else []
    return columns, [[row[name] for name in columns] for row in rows]


def _read_list(place: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        what = "is missing" if value is None else f"is {name_kind(value)}"
        raise RequestError(f"{place}: {what}; expected a list")
    return value
