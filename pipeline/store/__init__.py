"""Store: results of stages in files, under keys that cover everything that decides them."""

from pipeline.store.digests import (
    COMPUTING,
    LIBRARIES,
    code_digest,
    deciding_sources,
    installed,
    key_of,
    showing_digest,
)
from pipeline.store.store import Store

__all__ = [
    "COMPUTING",
    "LIBRARIES",
    "Store",
    "code_digest",
    "deciding_sources",
    "installed",
    "key_of",
    "showing_digest",
]
