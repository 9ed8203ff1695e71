"""Version files: what came with one version of the data, as one Parquet file that any tool reads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from operations.data.long_format import Frame
from operations.data.revisions import COLUMNS
from pipeline.files import write_whole

TEXTS = ("change", "field", "asset")
FRAME = b"tangency"
"""Key of the file's metadata under which the panel's frame is kept."""
_KINDS: dict[str, Any] = {
    **dict.fromkeys(TEXTS, pa.string()),
    **dict.fromkeys(("date", "observed_at"), pa.timestamp("us")),
    "nth": pa.int32(),
    **dict.fromkeys(("value", "old"), pa.float64()),
}


def write_changes(folder: Path, number: int, changes: pd.DataFrame, frame: Frame) -> tuple[str, str]:
    """Write the file of a version, whole or not at all; return its name and SHA-256.

    Parameters
    ----------
    folder : Path
    number : int
        Of the version.
    changes : DataFrame
        `operations.data.revisions.COLUMNS`.
    frame : Frame
        Of the panel that the version makes.
    """
    # From arrays, not from the table: pandas would have NaN, which here is a value with its own bits, become null.
    columns = [pa.array(_plain(changes[name]), type=_KINDS[name], from_pandas=False) for name in COLUMNS]
    schema = pa.schema([(name, _KINDS[name]) for name in COLUMNS], metadata={FRAME: frame.to_json()})
    sink = pa.BufferOutputStream()
    # A dictionary of numbers would take every NaN for the same.
    pq.write_table(
        pa.Table.from_arrays(columns, schema=schema), sink, compression="zstd", use_dictionary=list(TEXTS)
    )
    content = sink.getvalue().to_pybytes()
    name = f"{number:06d}.parquet"
    write_whole(folder / name, content)  # on the disk with its name before a line of the chain names it
    return name, hashlib.sha256(content).hexdigest()


def read_changes(content: bytes) -> pd.DataFrame:
    """Return what `write_changes` was given."""
    table = pq.read_table(pa.BufferReader(content))
    parts: dict[str, Any] = {}
    for name in COLUMNS:
        column = table.column(name)
        parts[name] = column.to_pandas() if name in TEXTS else column.to_numpy()
    return pd.DataFrame(parts)


def read_frame(content: bytes) -> Frame:
    """Return the frame of the panel that a version makes."""
    return Frame.from_json(pq.read_schema(pa.BufferReader(content)).metadata[FRAME].decode())


def _plain(column: pd.Series) -> Any:
    return column.to_numpy(dtype=object if column.name in TEXTS else None)
