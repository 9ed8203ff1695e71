"""Version files: the changes of each version of the data, as a plain Parquet file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from operations.data.panel_frame import Frame
from operations.data.revisions import COLUMNS
from operations.data.version import Version
from pipeline.chains.recorded_files import read_version_file
from pipeline.files import write_whole

TEXTS = ("change", "field", "asset")
FRAME = b"tangency"
"""Key in the file's metadata that holds the panel's frame."""
_KINDS: dict[str, Any] = {
    **dict.fromkeys(TEXTS, pa.string()),
    **dict.fromkeys(("date", "observed_at"), pa.timestamp("us")),
    "nth": pa.int32(),
    **dict.fromkeys(("value", "old"), pa.float64()),
}


def write_changes(folder: Path, number: int, changes: pd.DataFrame, frame: Frame) -> tuple[str, str]:
    """Write the file of a version atomically; return its name and SHA-256.

    Parameters
    ----------
    folder : Path
    number : int
        Number of the version.
    changes : DataFrame
        Columns `operations.data.revisions.COLUMNS`.
    frame : Frame
        Metadata of the resulting panel.
    """
    # From arrays, because conversion from pandas would turn NaN, a value with its own bits here, into null.
    columns = [pa.array(_plain(changes[name]), type=_KINDS[name], from_pandas=False) for name in COLUMNS]
    schema = pa.schema([(name, _KINDS[name]) for name in COLUMNS], metadata={FRAME: frame.to_json()})
    sink = pa.BufferOutputStream()
    # Dictionary encoding of numbers would merge all NaN into one value.
    pq.write_table(
        pa.Table.from_arrays(columns, schema=schema), sink, compression="zstd", use_dictionary=list(TEXTS)
    )
    content = sink.getvalue().to_pybytes()
    name = f"{number:06d}.parquet"
    write_whole(folder / name, content)  # on disk before a line of the chain refers to it
    return name, hashlib.sha256(content).hexdigest()


def read_changes(content: bytes) -> pd.DataFrame:
    """Read the changes from the content of a version file."""
    table = pq.read_table(pa.BufferReader(content))
    parts: dict[str, Any] = {}
    for name in COLUMNS:
        column = table.column(name)
        parts[name] = column.to_pandas() if name in TEXTS else column.to_numpy()
    return pd.DataFrame(parts)


def read_frame(content: bytes) -> Frame:
    """Read the frame of the resulting panel from the content of a version file."""
    return Frame.from_json(pq.read_schema(pa.BufferReader(content)).metadata[FRAME].decode())


def read_content(folder: Path, version: Version) -> bytes:
    """Check the file of a version, and return its content.

    Raises
    ------
    LedgerError
        If the file was changed or is missing.
    """
    return read_version_file(folder, version.file, version.sha256, version.version)


def _plain(column: pd.Series) -> Any:
    return column.to_numpy(dtype=object if column.name in TEXTS else None)
