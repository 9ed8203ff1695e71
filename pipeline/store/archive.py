"""Packing: a result as blocks of bytes. Its arrays are blocks of their own, as they lie in memory: none is copied."""

from __future__ import annotations

import hashlib
import os
import pickle
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

Block = bytes | memoryview

ALIGNED = 64
"""Blocks begin at multiples of so many bytes, so that arrays that are read lie as well as arrays that are made."""
DIGEST = hashlib.sha256().digest_size


def packed(value: Any) -> list[Block]:
    """Return blocks that belong one after another in a file: a digest of all others, sizes, the pickle, the arrays.

    The blocks of arrays are the arrays themselves (PEP 574): write them before these change.
    """
    arrays: list[pickle.PickleBuffer] = []
    body = pickle.dumps(value, protocol=5, buffer_callback=arrays.append)
    contents = [memoryview(body), *(array.raw() for array in arrays)]
    sizes = memoryview(struct.pack(f"<{len(contents) + 1}Q", len(contents), *map(len, contents)))
    blocks: list[Block] = [bytes(ALIGNED - DIGEST)]
    for content in (sizes, *contents):
        blocks += content, bytes(_padded(len(content)) - len(content))
    sha = hashlib.sha256()
    for block in blocks:
        sha.update(block)
    return [sha.digest(), *blocks]


def unpacked(content: memoryview) -> Any:
    """Return what was packed; its arrays are views of this memory."""
    body, *arrays = _contents(content)
    return pickle.loads(body, buffers=arrays)  # noqa: S301 (our own file, checked by its digest)


def is_sound(content: memoryview) -> bool:
    """Whether a file's content is as it was packed."""
    return hashlib.sha256(content[DIGEST:]).digest() == content[:DIGEST]


def _contents(content: memoryview) -> Iterator[memoryview]:
    (count,) = struct.unpack_from("<Q", content, ALIGNED)
    sizes = struct.unpack_from(f"<{count}Q", content, ALIGNED + 8)
    place = ALIGNED + _padded(8 * (1 + count))
    for size in sizes:
        yield content[place : place + size]
        place += _padded(size)


def _padded(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED


def read(path: Path) -> memoryview:
    """Return a file's content in memory that may be written to, as arrays that are made may be."""
    with path.open("rb") as file:
        content = memoryview(np.empty(os.fstat(file.fileno()).st_size, dtype=np.uint8).data)
        n = file.readinto(content)
    return content[:n]
