"""Paths of data files: the supported types, and errors for others."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa

from market.errors import SourceError

CSV = tuple(
    f"{kind}{compression}" for kind in (".csv", ".tsv", ".txt") for compression in ("", ".gz", ".bz2")
)
PARQUET = (".parquet", ".pq")
_MARKS_32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
"""Marks of UTF-32, the first of which begins like that of UTF-16."""
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
    """Open a CSV file for reading as the bytes of its text in UTF-8.

    It is decompressed where its name says that it is compressed, and UTF-16 is recoded.
    """
    encoding = find_encoding(path)
    stream = pa.input_stream(str(path), compression=_compression(path))
    return stream if encoding is None else pa.transcoding_input_stream(stream, encoding, "utf-8")


def find_encoding(path: Path) -> str | None:
    """Return "utf-16", "utf-16-le" or "utf-16-be" by the first bytes of a file; None if it may be UTF-8."""
    with pa.input_stream(str(path), compression=_compression(path)) as stream:
        start = stream.read(4096)
    if start.startswith(_MARKS_32):
        return None
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    odd, even = start[1::2].count(0), start[::2].count(0)
    if max(odd, even) > len(start) // 4 and min(odd, even) == 0:
        return "utf-16-le" if odd else "utf-16-be"
    return None


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
