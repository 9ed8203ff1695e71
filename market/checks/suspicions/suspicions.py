"""All checks of this folder, in their order."""

from __future__ import annotations

from collections.abc import Iterator

from foundation.types import Floats
from market.checks.suspicions.alignment import check_alignment
from market.checks.suspicions.calendar_rows import check_carried_holidays, check_rare_days
from market.checks.suspicions.copies import check_copies
from market.checks.suspicions.jumps import check_jumps
from market.checks.suspicions.survivors import check_survivors
from market.checks.suspicions.volumes import check_untraded_moves
from market.findings import Finding
from market.values.table import Table


def check_suspicions(table: Table, volume: Floats | None) -> Iterator[Finding]:
    """Find what is possible and looks like a fault of the vendor, in a table (T, N) without fatal findings.

    Parameters
    ----------
    table : Table
    volume : ndarray of shape (T, N), optional
        Units traded.
    """
    yield from check_copies(table)
    yield from check_alignment(table)
    yield from check_jumps(table)
    yield from check_rare_days(table)
    yield from check_carried_holidays(table)
    yield from check_untraded_moves(table, volume)
    yield from check_survivors(table)
