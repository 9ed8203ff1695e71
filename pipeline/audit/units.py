"""Units: features must not depend on the unit of an asset's prices or volumes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from market.counterfactual import restate_units
from market.panel import Panel
from pipeline.audit import point_in_time as known
from pipeline.audit.certificate import Leak
from pipeline.audit.differences import compare
from pipeline.audit.point_in_time import PointInTimeValue
from pipeline.errors import USER_ERRORS
from pipeline.stages import compute as stages

if TYPE_CHECKING:
    from pipeline.stages.results import Prepared

TOLERANCE = 1e-6
"""Allowed difference in another unit, as a share of the value plus the column's spread. It covers rounding, and
small constants such as 1e-12 that a definition adds to a divisor to avoid division by 0."""


def check_units(prepared: Prepared, features: PointInTimeValue) -> list[Leak]:
    """Return the first feature that depends on the unit of prices, and the first that depends on the unit of volumes.

    A later split or dividend restates earlier prices and volumes of an asset, and so changes such a feature at past
    dates: the feature looks ahead to splits and dividends.

    Parameters
    ----------
    prepared : Prepared
    features : PointInTimeValue
        Features of the run.
    """
    panel = prepared.panel
    if not panel.bars and panel.volume is None:
        return []
    together = _first_difference(prepared, features, restate_units(panel), "prices and volumes")
    if together is None:
        return []
    each = (
        _first_difference(prepared, features, restate_units(panel, volumes=False), "prices"),
        _first_difference(prepared, features, restate_units(panel, prices=False), "volumes"),
    )
    return [leak for leak in each if leak is not None] or [together]


def _first_difference(
    prepared: Prepared, features: PointInTimeValue, other: Panel, units: str
) -> Leak | None:
    """Return the first feature that differs in other units, with all columns that differ."""
    dates = prepared.panel.dates
    cut, last = f"{dates[-1]:%Y-%m-%d}", len(dates) - 1
    try:
        matrix = stages.make_features(other, prepared.config)
    except USER_ERRORS as error:
        return Leak(
            units, cut, "features", "a feature", cut, (), "a number", f"an error ({error})", kind="unit"
        )
    (again,) = known.of_features(matrix, other.assets)
    leak = compare(features, again, last, dates, TOLERANCE)
    return None if leak is None else replace(leak, world=units, cut=cut, kind="unit")
