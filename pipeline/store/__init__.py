"""Store: results of stages in files, under keys that cover all their inputs."""

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
