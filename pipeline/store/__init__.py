"""Store: results of stages in files, under keys that cover everything that decides them."""

from pipeline.store.store import (
    COMPUTING,
    LIBRARIES,
    Store,
    code_digest,
    deciding_sources,
    installed,
    key_of,
    showing_digest,
    write_whole,
)

__all__ = [
    "COMPUTING",
    "LIBRARIES",
    "Store",
    "code_digest",
    "deciding_sources",
    "installed",
    "key_of",
    "showing_digest",
    "write_whole",
]
