"""Second readers: files read as tables of text by pandas, by DuckDB, and line by line."""

from __future__ import annotations

import bz2
import csv
import datetime as dt
import gzip
import io
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

Cells = tuple[list[str], list[list[str]]]
"""Header and rows."""
_local = threading.local()


def read_by_pandas(path: Path, is_parquet: bool) -> Cells | None:
    """Read a file with pandas; None if pandas refuses it."""
    try:
        if is_parquet:
            frame = pd.read_parquet(path)
            frame = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()
            frame = frame.astype(object).where(frame.notna(), None)
            return [str(name) for name in frame.columns], [list(map(_text, row)) for row in frame.to_numpy()]
        frame = pd.read_csv(
            path, header=None, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8-sig"
        )
    except Exception:  # noqa: BLE001 a second reader may refuse in any way
        return None
    rows = [[cell.strip() for cell in row] for row in frame.fillna("").to_numpy().tolist()]
    return (rows[0], rows[1:]) if rows else None


def read_by_duckdb(path: Path, is_parquet: bool) -> Cells | None:
    """Read a file with DuckDB; None if DuckDB refuses it."""
    try:
        if is_parquet:
            result = _connection().execute("select * from read_parquet(?)", [str(path)])
            names = [column[0] for column in result.description or ()]
            return names, [list(map(_text, row)) for row in result.fetchall()]
        options = "header=false, all_varchar=true, delim=',', quote='\"', escape='\"', null_padding=false"
        result = _connection().execute(f"select * from read_csv(?, {options})", [str(_unpack(path))])
        rows = [[(cell or "").strip() for cell in row] for row in result.fetchall()]
    except (duckdb.Error, OSError, ValueError, RuntimeError, EOFError):
        return None
    if rows:
        rows[0][0] = rows[0][0].removeprefix("\ufeff")
    return (rows[0], rows[1:]) if rows else None


def read_by_both(path: Path, is_parquet: bool) -> Cells | None:
    """Read a file with both; None if one refuses it, or if they differ."""
    ours, theirs = read_by_pandas(path, is_parquet), read_by_duckdb(path, is_parquet)
    if ours is None or theirs is None:
        return None
    # DuckDB generates names for columns without a name.
    names = [a if a == "" else b for a, b in zip(ours[0], theirs[0], strict=False)]
    return ours if (names, theirs[1]) == ours else None


def _unpack(path: Path) -> Path:
    """Return the path of the uncompressed file, because DuckDB does not support bz2."""
    opener = {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix)
    if opener is None:
        return path
    with opener(path) as packed:
        plain = path.with_suffix(".plain")
        plain.write_bytes(packed.read())
    return plain


def has_open_quote(text: str) -> bool:
    """Return whether a quoted cell spans several lines, so that lines and rows differ."""
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        return any("\n" in cell or "\r" in cell for row in rows for cell in row)
    except csv.Error:
        return False


def _connection() -> duckdb.DuckDBPyConnection:
    if not hasattr(_local, "connection"):
        _local.connection = duckdb.connect(config={"threads": 1})
        _local.connection.execute("set TimeZone = 'UTC'")
    return _local.connection


def _text(cell: Any) -> str:
    """Return a typed cell as text for a CSV file."""
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and cell != cell):
        return ""
    if isinstance(cell, dt.datetime | pd.Timestamp):
        return f"{cell:%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return repr(float(cell)) if isinstance(cell, float) else str(cell)
