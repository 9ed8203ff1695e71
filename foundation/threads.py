"""One thread for linear algebra: sums are then made in the same order on any machine."""

from __future__ import annotations

import functools
import sys
from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[object]:
    """Return a block within which the libraries that are loaded compute in one thread."""
    limited: AbstractContextManager[object] = _libraries(len(sys.modules)).limit(limits=1)
    return limited


@functools.lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """Find the libraries, which takes milliseconds; again only if there are other modules, for they come with those."""
    return ThreadpoolController()
