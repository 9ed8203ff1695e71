"""Recorded files: files whose SHA-256 is recorded in a chain, and which are checked on every read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pipeline.errors import LedgerError
from pipeline.files import read_regular

VERSIONS = "data/versions.jsonl"
"""Chain of data versions, below the folder of a configuration's operations."""


def read_recorded(path: Path, sha256: str, owner: str, remedy: str) -> bytes:
    """Return the content of a file after checking it.

    Parameters
    ----------
    path : Path
    sha256 : str
        Recorded digest, hexadecimal.
    owner : str
        Record that the file belongs to, for the message.
    remedy : str
        Remedy if there is no copy, for the message.

    Raises
    ------
    LedgerError
        If the file is missing, cannot be read or has another content.
    """
    try:
        content = read_regular(path)
    except FileNotFoundError:
        raise LedgerError(
            f"{path}: missing; {owner} was recorded with it (SHA-256 {sha256}). {_advice(remedy)}"
        ) from None
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read: {error.strerror or error}. {_advice(remedy)}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise LedgerError(
            f"{path}: not the file that {owner} was recorded with: expected SHA-256 {sha256}, found {digest}. "
            f"{_advice(remedy)}"
        )
    return content


def _advice(remedy: str) -> str:
    return f"Restore the file from a copy. If there is none, {remedy}"


def read_version_file(folder: Path, file: str, sha256: str, version: int) -> bytes:
    """Return the content of a version's file after checking it; see `read_recorded`."""
    remedy = (
        f"move the folder {folder} away, then run `tangency ledger repair --reason ...` and `tangency update`, "
        "which records the data anew as version 1"
    )
    return read_recorded(folder / file, sha256, f"version {version}", remedy)


def check_newest_version(operations: Path) -> None:
    """Check the file of the newest version of a configuration's data, if any was recorded.

    Parameters
    ----------
    operations : Path
        Folder of the configuration's operations, whose chain has been checked.

    Raises
    ------
    LedgerError
        If the file differs from its record.
    """
    chain = operations / VERSIONS
    content = read_regular(chain) if chain.exists() else b""
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    if lines:
        newest = json.loads(lines[-1])
        read_version_file(chain.parent, newest["file"], newest["sha256"], newest["version"])
