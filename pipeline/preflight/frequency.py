"""Frequency: refuse rows of two frequencies, and advise on settings that were made for rows of another frequency."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from foundation.counts import format_count
from market.frequency import find_foreign_spacings, nearest_frequency
from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.errors import RunError

MOST_FOREIGN = 0.1
"""Share of rows at an unusual distance from which on the rows have two frequencies."""
FEWEST = 5
"""Number of rows at an unusual distance that is accepted in any source."""
_ADVICE = (
    "change them to counts of the rows of this data: for months target.horizon 1, execution_lag 0 and risk_window 24, "
    "walk_forward.refit_every 12 and train_every 1, regimes.min_train 120, allocation.rebalance_every 1, "
    "covariance_window 120 and min_history 36 (see configs/industries.yaml)"
)
"""Advice for settings that were made for daily prices."""


@contextmanager
def explain_horizon(panel: Panel, config: RunConfig) -> Iterator[None]:
    """Add advice to the error of a run whose settings seem to be for rows of another frequency."""
    try:
        yield
    except RunError as error:
        horizon = describe_horizon(panel, config)
        if not horizon:
            raise
        raise type(error)(f"{error}\n{horizon}") from error


def describe_horizon(panel: Panel, config: RunConfig) -> str:
    """Return advice on settings for daily prices if rows are months or weeks; "" if the settings seem right."""
    horizon, year = config.target.horizon, panel.periods_per_year
    if horizon > year:
        return (
            f"target.horizon is {format_count(horizon, 'row')}, and the data has {year} a year: each forecast spans "
            f"{horizon / year:.1f} years. If these settings were written for daily prices, {_ADVICE}"
        )
    return ""


def check_relative_target(panel: Panel, config: RunConfig) -> None:
    """Refuse a relative target for one asset: it compares assets, so the target would be 0 at every date.

    Raises
    ------
    RunError
    """
    if config.target.relative and len(panel.assets) == 1:
        raise RunError(
            f"the data has one asset, {panel.assets[0]}, and target.relative compares assets with their mean: set "
            "target.relative: false, and leave out features of many assets, or add assets"
        )


def check_frequency(panel: Panel) -> None:
    """Refuse rows of two frequencies, such as months followed by days: horizons and annual figures count rows.

    Raises
    ------
    RunError
        If more than a tenth of the distances between rows do not match the most common frequency.
    """
    rows = find_foreign_spacings(panel.dates, panel.periods_per_year)
    if len(rows) <= max(FEWEST, MOST_FOREIGN * (len(panel.dates) - 1)):
        return
    name, first = nearest_frequency(panel.periods_per_year).name, int(rows[0])
    raise RunError(
        f"{panel.name}: most rows of the source are {name}, but {len(rows)} of {len(panel.dates)} come at another "
        f"distance from the row before, the first at {panel.dates[first]:%Y-%m-%d} after "
        f"{panel.dates[first - 1]:%Y-%m-%d}; a horizon and annual figures count rows, so give a source with rows of "
        "one frequency"
    )
