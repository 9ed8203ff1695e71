"""Write drafts as bytes: CSV in several dialects, plain or compressed, and Parquet with columns of many types."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from benchmarks.fuzz.price_files.drafts import RAW, Draft, Style
from benchmarks.fuzz.price_files.reading import NOTHING, UnreadableError, read_date, read_number


def write_lines(draft: Draft) -> list[str]:
    """Return the header and the rows as lines of a CSV file, without line ends."""
    return [_write_line(draft, row) for row in [draft.header, *draft.rows]]


def write_text(draft: Draft) -> str:
    """Return a CSV file as text."""
    style = draft.style
    body = style.line_end.join(write_lines(draft))
    return style.before + body + (style.line_end if style.final_line_end else "") + style.after


def compress(content: bytes, ending: str) -> bytes:
    """Return the content, compressed as the file extension requires."""
    if ending.endswith(".gz"):
        return gzip.compress(content, 1, mtime=0)
    return bz2.compress(content, 1) if ending.endswith(".bz2") else content


def write_parquet(draft: Draft) -> bytes:
    """Return a Parquet file; columns with values of another type become text."""
    columns = []
    numeric = set(draft.value_columns())
    for n, name in enumerate(draft.header):
        texts = [row[n] if n < len(row) else "" for row in draft.rows]
        if name == draft.reading.date:
            columns.append(_dates(texts, draft))
        elif n in numeric:
            columns.append(_numbers(texts, draft.style))
        else:
            columns.append(pa.array(texts, pa.string()))
    table = pa.Table.from_arrays(columns, names=draft.header)
    out = io.BytesIO()
    pa_parquet.write_table(table, out, row_group_size=max(1, len(draft.rows) // 2))
    return out.getvalue()


def _write_line(draft: Draft, row: list[str]) -> str:
    style = draft.style
    cells = []
    for n, cell in enumerate(row):
        if cell.startswith(RAW):
            cells.append(cell.removeprefix(RAW))
            continue
        special = any(mark in cell for mark in (style.separator, '"', "\n", "\r"))
        text = style.quote == "text" and (row is draft.header or n == 1)
        quoted = special or style.quote == "all" or text
        cells.append('"' + cell.replace('"', '""') + '"' if quoted else cell)
    return style.separator.join(cells)


def _dates(texts: list[str], draft: Draft) -> Any:
    kind = draft.style.date_type
    try:
        days = [
            None if text.strip().casefold() in NOTHING else read_date(text, draft.reading.day_first)
            for text in texts
        ]
        if kind == "int64":
            return pa.array([None if day is None else int(f"{day:%Y%m%d}") for day in days], pa.int64())
        if kind == "date32":
            return pa.array(days, pa.date32())
        if kind.startswith("timestamp"):
            unit = kind[len("timestamp[") : kind.index("]")]
            zone = kind.partition(" ")[2] or None
            stamps = [None if day is None else dt.datetime.combine(day, dt.time()) for day in days]
            return pa.array(stamps, pa.timestamp(unit)).cast(pa.timestamp(unit, zone))
    except (UnreadableError, pa.ArrowException, OverflowError):
        pass
    return pa.array(texts, pa.string())


def _numbers(texts: list[str], style: Style) -> Any:
    kind = style.number_type
    try:
        values = [read_number(text) for text in texts]
        empty = [value != value for value in values]
        with np.errstate(over="ignore"):
            exact32 = all(none or float(np.float32(x)) == x for x, none in zip(values, empty, strict=True))
        if kind == "float64" or (kind == "float32" and exact32):
            return pa.array(values, getattr(pa, kind)(), mask=np.array(empty, dtype=bool))
        if kind == "decimal":
            exact = [None if none else Decimal(text.strip()) for text, none in zip(texts, empty, strict=True)]
            return pa.array(exact, pa.decimal128(24, 9))
    except (UnreadableError, pa.ArrowException, InvalidOperation):
        pass
    array = pa.array(texts, pa.string())
    return array.dictionary_encode() if kind == "dictionary" else array
