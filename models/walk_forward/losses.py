"""Losses of forecasts: weighted squared errors, of differences within dates where targets are relative."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundation.types import Floats
from models.dataset import Rows
from models.walk_forward.moments import demean_by_date

if TYPE_CHECKING:
    pass


def square_errors(errors: Floats, rows: Rows, *, relative: bool) -> Floats:
    """Return weighted squared errors (n, S), of differences within dates only if `relative`."""
    if relative:
        errors = demean_by_date(errors, rows.date, rows.weight)
    return errors**2 if rows.weight is None else errors**2 * rows.weight[:, None]
