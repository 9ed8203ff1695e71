"""Paths of data files: the supported types, and errors for others."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa

from market.errors import SourceError

CSV = (".csv", ".csv.gz", ".csv.bz2")
PARQUET = (".parquet", ".pq")
_KINDS = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a named pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)


def is_csv(path: Path) -> bool:
    """Whether the name of a file says that it is a CSV file."""
    return path.name.lower().endswith(CSV)


def is_parquet(path: Path) -> bool:
    """Whether the name of a file says that it is a Parquet file."""
    return path.name.lower().endswith(PARQUET)


def open_csv(path: Path) -> Any:
    """Open a CSV file for reading as the bytes of its text, decompressed where its name says that it is compressed."""
    return pa.input_stream(str(path), compression=_compression(path))


def create_csv(path: Path) -> Any:
    """Open a CSV file for writing the bytes of its text, compressed where its name says so."""
    return pa.output_stream(str(path), compression=_compression(path))


def _compression(path: Path) -> str | None:
    """Return the compression of a file by its name, in capital letters too."""
    return {".gz": "gzip", ".bz2": "bz2"}.get(path.suffix.lower())


def check_path(path: Path) -> None:
    """Check that a path leads to a file that may be a table, without opening it: a pipe would wait for its writer.

    Raises
    ------
    SourceError
        If there is no file, it is empty or no ordinary file, or its name ends otherwise.
    """
    shown = str(path) if str(path).isprintable() else repr(str(path))
    if len(shown) > 300:
        shown = f"{shown[:200]}...{shown[-60:]}"
    status = _read_status(path, shown)
    if not stat.S_ISREG(status.st_mode):
        kind = next((text for is_kind, text in _KINDS if is_kind(status.st_mode)), "is no ordinary file")
        raise SourceError(f"{shown}: {kind}; expected a CSV or Parquet file")
    if status.st_size == 0:
        raise SourceError(f"{path}: the file is empty")
    if not path.name.lower().endswith(CSV + PARQUET):
        raise SourceError(f"{path}: expected a name that ends in {', '.join(CSV + PARQUET)}")


def _read_status(path: Path, shown: str) -> os.stat_result:
    """Return the status of a file; messages name the path as `shown`."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceError(f"{shown}: does not exist; expected a CSV or Parquet file") from error
    except (OSError, ValueError) as error:
        # Python refuses a zero byte, the system a name that is too long, a loop of links and a closed folder.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SourceError(
            f"{shown}: no file has this path ({reason}); expected a CSV or Parquet file"
        ) from error
