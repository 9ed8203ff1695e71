"""Archive: a stored value as a file, with a JSON description followed by its arrays, which are not copied.

| Bytes | Content |
|---|---|
| 0-8 | `MAGIC` |
| 8-16 | `SCHEMA`, little-endian like all numbers here |
| 16-48 | SHA-256 of everything from byte 48 on |
| 48-56 | length of the JSON |
| 64-   | the JSON: stage, key, sizes of the blocks and the value (`encoding.py`) |
| then  | the blocks; the JSON and each block are padded to a multiple of 64 bytes |
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.store.annotations import check_of
from pipeline.store.decoding import Decoder, from_text
from pipeline.store.encoding import Encoder, to_text
from pipeline.store.errors import DamagedError, StorableError
from pipeline.store.types import stage_type

Block = bytes | memoryview

MAGIC = b"tangency"
SCHEMA = 1
"""Version of this layout and of the encoding. Files of another version count as missing."""
ALIGNED = 64
"""Alignment of blocks in bytes, so that arrays read from a file are aligned like new ones."""
_HEAD = MAGIC + struct.pack("<Q", SCHEMA)
_DIGEST = slice(len(_HEAD), len(_HEAD) + hashlib.sha256().digest_size)

# All errors of decoding an invalid value, or of reading one that does not fit into memory.
_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    OverflowError,
    MemoryError,
    struct.error,
)


def pack(stage: str, key: str, value: Any) -> list[Block]:
    """Return the blocks of a file, one after another.

    The blocks of arrays are the arrays themselves; write them before the arrays change.

    Parameters
    ----------
    stage, key : str
        Part of the file: a file moved in place of another is rejected.
    value : object
        Of the type of the stage, `types.STAGES`.

    Raises
    ------
    StorableError
        If a part of the value cannot be stored, or does not match its annotation.
    """
    wrong = check_of(stage_type(stage))(value)
    if wrong:
        raise StorableError(f"{stage}{wrong}")
    encoder = Encoder()
    try:
        encoded = encoder.encode(value, stage)
        sizes = [len(block) for block in encoder.blocks]
        text = to_text({"stage": stage, "key": key, "blocks": sizes, "value": encoded})
    except RecursionError:
        raise StorableError(f"{stage}: a value that contains itself, or is nested too deep") from None
    blocks: list[Block] = [struct.pack("<QQ", len(text), 0)]
    for content in (memoryview(text), *encoder.blocks):
        blocks += content, bytes(_padded(len(content)) - len(content))
    sha = hashlib.sha256()
    for block in blocks:
        sha.update(block)
    return [_HEAD, sha.digest(), *blocks]


def unpack(content: memoryview, stage: str, key: str) -> Any:
    """Return the value packed for this stage and key; its arrays are views of this memory.

    Raises
    ------
    DamagedError
        If the content is anything else.
    """
    _check_digest(content)
    try:
        (length,) = struct.unpack_from("<Q", content, _DIGEST.stop)
        if length > len(content) - ALIGNED:
            raise DamagedError("its text is longer than the file")
        header = from_text(content[ALIGNED : ALIGNED + length])
        if (header["stage"], header["key"]) != (stage, key):
            raise DamagedError("a result of another stage or key")
        value = Decoder(list(_blocks(content, length, header["blocks"]))).decode(header["value"])
        wrong = check_of(stage_type(stage))(value)
    except _UNREADABLE as error:
        raise DamagedError(f"not a value that was stored: {error!r:.200}") from error
    if wrong:
        raise DamagedError(f"{stage}{wrong}")
    return value


def _check_digest(content: memoryview) -> None:
    if content[: len(_HEAD)] != _HEAD or len(content) < ALIGNED:
        raise DamagedError("not a stored result of this version")
    if hashlib.sha256(content[_DIGEST.stop :]).digest() != content[_DIGEST]:
        raise DamagedError("its digest is that of other content")


def _blocks(content: memoryview, length: int, sizes: list[int]) -> Iterator[memoryview]:
    place = ALIGNED + _padded(length)
    for size in sizes:
        if type(size) is not int or not 0 <= size <= len(content) - place:
            raise DamagedError("a block lies outside of the file")
        yield content[place : place + size]
        place += _padded(size)
    if place != len(content):
        raise DamagedError("the file is longer than its blocks")


def _padded(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED


def read(path: Path) -> memoryview:
    """Return a file's content in writable memory, since new arrays are writable too.

    Raises
    ------
    DamagedError
        If it is not a regular file, on which a read could block, or too large for memory.
    OSError
        If it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise DamagedError("not a regular file")
    with path.open("rb") as file:
        try:
            content = memoryview(np.empty(os.fstat(file.fileno()).st_size, dtype=np.uint8).data)
        except MemoryError as error:
            raise DamagedError("too large for memory") from error
        n = file.readinto(content)
    return content[:n]
