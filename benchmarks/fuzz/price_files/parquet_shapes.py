"""Mutations of Parquet files: columns of other types, nested ones, indexes, and no rows or columns at all."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from benchmarks.fuzz.price_files.corpus import Rng, choose

SHAPES = (
    "no rows",
    "no columns",
    "index",
    "index without a name",
    "same name twice",
    "nested",
    "one row group each",
)
CODECS = ("none", "snappy", "gzip", "zstd", "brotli", "lz4")
OTHERS: dict[str, Callable[[int], Any]] = {
    "list": lambda n: pa.array([[1.0, 2.0]] * n),
    "struct": lambda n: pa.array([{"a": 1.0}] * n),
    "map": lambda n: pa.array([[("a", 1.0)]] * n, pa.map_(pa.string(), pa.float64())),
    "null": lambda n: pa.nulls(n),
    "bool": lambda n: pa.array([True] * n),
    "binary": lambda n: pa.array([b"\xff\x00"] * n),
    "text that is no UTF-8": lambda n: pa.Array.from_buffers(
        pa.string(), n, pa.array([b"\xff\xfe"] * n, pa.binary()).buffers()
    ),
    "time": lambda n: pa.array([dt.time(1, 2)] * n),
    "duration": lambda n: pa.array([dt.timedelta(days=1)] * n),
    "interval of dates": lambda n: pa.array([dt.date(2020, 1, 31)] * n),
    "letters": lambda n: pa.array(["x"] * n),
    "huge integers": lambda n: pa.array([2**63 - 1] * n),
    "unsigned": lambda n: pa.array([2**64 - 1] * n, pa.uint64()),
    "wide decimals": lambda n: pa.array([10**60] * n, pa.decimal256(76, 0)),
}
"""Columns of n rows with types that are not prices."""


def reshape_parquet(content: bytes, date: str, rng: Rng) -> tuple[bytes, str]:
    """Return a Parquet file of another shape, and a description of the change.

    Parameters
    ----------
    content : bytes
        A Parquet file.
    date : str
        Name of its column of dates.
    rng : Generator
    """
    table = pa_parquet.ParquetFile(io.BytesIO(content)).read()
    way = choose(rng, (*SHAPES, *OTHERS, *OTHERS))
    options: dict[str, Any] = {"compression": choose(rng, CODECS)}
    if way in OTHERS:
        at = int(rng.integers(table.num_columns))
        name = table.column_names[at]
        column = OTHERS[way](table.num_rows)
        if rng.random() < 0.4:
            table = table.append_column("more", column)
            way += " in a column more"
        else:
            table = table.set_column(at, name, column)
            way += f" in column {name!r}"
    elif way == "no rows":
        table = table.slice(0, 0)
    elif way == "no columns":
        table = table.select([])
    elif way == "same name twice":
        table = table.append_column(table.column_names[-1], table.column(table.num_columns - 1))
    elif way == "nested":
        table = pa.table({"row": table.to_struct_array().combine_chunks()})
    elif way == "one row group each":
        options["row_group_size"] = 1
    elif date in table.column_names and len(set(table.column_names)) == table.num_columns:
        frame = table.to_pandas().set_index(date)
        frame.index.name = date if way == "index" else None
        table = pa.Table.from_pandas(frame)
    out = io.BytesIO()
    pa_parquet.write_table(table, out, **options)
    return out.getvalue(), f"{way}, {options['compression']}"
