"""Entry to all data: loads a source by its name, as a panel with the findings of its checks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pandas as pd

from foundation.suggestions import suggest
from market.errors import DataError, SourceError
from market.findings import Finding
from market.frequency import DAILY, MONTHLY, Frequency, infer_frequency, nearest_frequency
from market.panel import Panel
from market.readers.datasets import load_industries, load_stocks
from market.readers.layouts import copy_until, read_row_dates
from market.readers.prices import FileSettings, load_file
from market.values.periods import period_frequency
from market.values.trading_calendar import WEEKDAYS

_PACKAGED: dict[str, Callable[[pd.Timestamp | None], tuple[Panel, tuple[Finding, ...]]]] = {
    "industries": load_industries,
    "stocks": load_stocks,
}
_PACKAGED_FREQUENCIES = {"industries": MONTHLY, "stocks": DAILY}
SOURCES = (*_PACKAGED, "prices")


def load_panel(
    source: str,
    *,
    path: Path | None = None,
    settings: FileSettings | None = None,
    start: date | None = None,
    end: date | None = None,
    known_by: pd.Timestamp | None = None,
) -> tuple[Panel, tuple[Finding, ...]]:
    """Load a panel and check it.

    Parameters
    ----------
    source : {"industries", "stocks", "prices"}
        Packaged industries or stocks, or the user's own file.
    path : Path, optional
        The user's file.
    settings : FileSettings, optional
        How to read it.
    start, end : date, optional
        First and last date of the panel. The whole file is checked, and returns are computed before the panel is cut.
    known_by : Timestamp, optional
        Read the source as if it ended there: the rows up to that date are copied to a file of their own first. The
        result equals the panel as of that date, or the reader looked ahead.

    Returns
    -------
    panel : Panel
    findings : tuple of Finding
        Warnings and notes; a fatal finding is raised.

    Raises
    ------
    SourceError
        If the source is unknown or cannot be read, an option does not belong to it, or it holds no date in the span.
    IntegrityError
        If the data contradicts itself.
    """
    settings = settings or FileSettings()
    if source not in SOURCES:
        raise SourceError(f"unknown source {source!r}{suggest(source, SOURCES)}")
    if source == "prices":
        if path is None:
            raise SourceError("source 'prices' needs the path of a CSV or Parquet file")
        read = partial(load_file, settings=settings, start=start, end=end, known_by=known_by)
        path = Path(path)
        loaded = read(path) if known_by is None else _read_as_of(path, known_by, settings, read)
    else:
        _refuse_settings(source, path, settings)
        loaded = _PACKAGED[source](known_by)
    panel, findings = loaded
    return _cut_span(panel, start, end), findings


def find_frequency(source: str, path: Path | None, settings: FileSettings) -> Frequency:
    """Return how often a source has rows, as far as possible from its dates alone.

    Raises
    ------
    SourceError
        If the source cannot be read.
    """
    if settings.frequency not in (None, "daily"):
        return period_frequency(settings.frequency)
    if source in _PACKAGED_FREQUENCIES:
        return _PACKAGED_FREQUENCIES[source]
    if (
        source == "prices"
        and path is not None
        and not settings.sessions
        and settings.calendar in (None, WEEKDAYS)
    ):
        dates = read_row_dates(Path(path), settings.date_column)
        kept = dates if settings.calendar is None else dates[dates.day_of_week < 5]
        return infer_frequency(pd.DatetimeIndex(kept), str(path))
    panel, _ = load_panel(source, path=path, settings=settings)
    return nearest_frequency(panel.periods_per_year)


def _refuse_settings(source: str, path: Path | None, settings: FileSettings) -> None:
    """Refuse a path and settings of a file for a packaged source."""
    names = ("layout", "date_column", "cash", "market", "calendar", "sessions", "frequency", "running_period")
    given = {"path": path, **{name: getattr(settings, name) for name in names}}
    needless = [name for name, value in given.items() if value not in (None, "keep")]
    if needless:
        raise SourceError(f"source {source!r} is packaged and takes no {' or '.join(needless)}")


def _read_as_of(
    path: Path,
    known_by: pd.Timestamp,
    settings: FileSettings,
    read: Callable[[Path], tuple[Panel, tuple[Finding, ...]]],
) -> tuple[Panel, tuple[Finding, ...]]:
    """Read the rows of a file up to a date from a copy; messages name the file and not the copy."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            copy = copy_until(path, known_by, Path(folder), settings.date_column, settings.sessions)
            panel, findings = read(copy)
        except DataError as error:
            raise type(error)(str(error).replace(f"{folder}/{path.name}", str(path))) from error
    named = (finding.message.replace(str(copy), str(path)) for finding in findings)
    return panel, tuple(replace(f, message=text) for f, text in zip(findings, named, strict=True))


def _cut_span(panel: Panel, start: date | None, end: date | None) -> Panel:
    """Return the part of a panel from `start` to `end`, both included."""
    first, last = panel.dates[0], panel.dates[-1]
    known = panel if end is None else panel.as_of(pd.Timestamp(end))
    begin = 0 if start is None else int(known.dates.searchsorted(pd.Timestamp(start), side="left"))
    if begin >= len(known.dates):
        raise SourceError(
            f"source {panel.name!r} has no date from {start or 'its start'} to {end or 'its end'}:"
            f" it runs from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        )
    return known.select_rows(slice(begin, None))
