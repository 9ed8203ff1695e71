"""Volumes: prices that change although nothing was traded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foundation.types import Floats
from market.findings import Finding
from market.values.table import Table

_MOVE = 0.001
"""Smallest return that is a change; adjustments are rounded."""
_UNKNOWN = 0.5
"""Share of dates with a volume of 0 from which the column holds no volumes, as for indices and currencies."""


def check_untraded_moves(table: Table, volume: Floats | None) -> Iterator[Finding]:
    """Find prices (T, N) that change at dates with a volume of 0."""
    if volume is None:
        return
    listed = np.isfinite(table.returns)
    none = (volume == 0) & listed
    counted = none.sum(axis=0) <= _UNKNOWN * np.maximum(listed.sum(axis=0), 1)
    moved = none & counted & (np.abs(np.where(listed, table.returns, 0.0)) > _MOVE)
    yield from table.find_by_column(
        "untraded move",
        "warning",
        moved,
        lambda t, n: f"return of {table.returns[t, n]:+.2%} with a volume of 0",
        "leave the price empty where nothing was traded, or use traded closes instead of quotes",
    )
