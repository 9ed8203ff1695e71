"""One thread for linear algebra: sums are then made in the same order on any machine."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController

_found: tuple[int, ThreadpoolController] | None = None


def one_thread() -> AbstractContextManager[object]:
    """Return a block within which the libraries that are loaded compute in one thread.

    They are looked for again, which takes milliseconds, only if modules have been imported since: libraries come with
    modules.
    """
    global _found
    if _found is None or _found[0] != len(sys.modules):
        _found = len(sys.modules), ThreadpoolController()
    limited: AbstractContextManager[object] = _found[1].limit(limits=1)
    return limited
