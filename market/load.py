"""Entry to all data: loads a source by its name, as a panel with the findings of its checks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.suggestions import suggest
from market.errors import AmbiguityError, DataError, NothingKnownError, SourceError
from market.findings import Finding
from market.frequency import DAILY, MONTHLY, Frequency, infer_frequency, nearest_frequency
from market.panel import Panel
from market.readers.layouts import copy_until, find_decimal_mark, read_row_dates
from market.readers.membership.application import apply_membership
from market.readers.membership.reading import UniverseFiles, load_membership
from market.readers.packaged.classes import load_classes
from market.readers.packaged.datasets import load_industries, load_stocks
from market.readers.prices import FileSettings, load_files
from market.sources.kinds import Files, Source
from market.sources.opening import OpenedSource, open_source
from market.sources.settings import FetchSettings
from market.text.options import TextOptions
from market.values.dates.periods import period_frequency
from market.values.dates.trading_calendar import WEEKDAYS

_PACKAGED: dict[str, Callable[[pd.Timestamp | None], tuple[Panel, tuple[Finding, ...]]]] = {
    "industries": load_industries,
    "stocks": load_stocks,
    "classes": load_classes,
}
_PACKAGED_FREQUENCIES = {"industries": MONTHLY, "stocks": DAILY, "classes": MONTHLY}
SOURCES = (*_PACKAGED, "prices")
_MEAN_MARKETS = ("classes",)
"""Packaged sources whose market is the mean of the assets."""


def load_panel(
    source: str,
    *,
    path: Path | Source | None = None,
    settings: FileSettings | None = None,
    fetch: FetchSettings | None = None,
    start: date | None = None,
    end: date | None = None,
    known_by: pd.Timestamp | None = None,
    universe: UniverseFiles | None = None,
) -> tuple[Panel, tuple[Finding, ...]]:
    """Load a panel and check it.

    Parameters
    ----------
    source : {"industries", "stocks", "classes", "prices"}
        Packaged industries, stocks or asset classes, or the user's own prices.
    path : Path or Source, optional
        Where the user's prices are: a file, or another kind of source (`market.sources.kinds`).
    settings : FileSettings, optional
        How to read them.
    fetch : FetchSettings, optional
        How to ask a source that is no local file.
    start, end : date, optional
        First and last date of the panel. The whole file is checked, and returns are computed before the panel is cut.
    known_by : Timestamp, optional
        Read the source as if it ended there: the rows up to that date are copied to a file of their own first. The
        result equals the panel as of that date, or the reader looked ahead.
    universe : UniverseFiles, optional
        Who could be held when, and delisting returns.

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
    unmerged = None
    if source not in SOURCES:
        raise SourceError(f"unknown source {source!r}{suggest(source, SOURCES)}")
    if source == "prices":
        if path is None:
            raise SourceError("source 'prices' needs the path of a CSV or Parquet file")
        read = partial(load_files, settings=settings, start=start, end=end, known_by=known_by)
        with open_source(Files((Path(path),)) if isinstance(path, str | Path) else path, fetch) as opened:
            panel, findings = _read_opened(opened, known_by, settings, read)
            if settings.frequency is not None and universe is not None and universe.delistings is not None:
                finer = replace(settings, frequency=None, running_period=None, traded=None)
                read = partial(load_files, settings=finer, start=start, end=end, known_by=known_by)
                unmerged = _read_opened(opened, known_by, finer, read)[0]
        loaded = panel, (*opened.findings, *findings)
    else:
        _refuse_settings(source, path, settings)
        loaded = _PACKAGED[source](known_by)
    panel, findings = loaded
    if universe is not None:
        membership, warnings = load_membership(universe, panel.assets, known_by)
        mean = settings.market is None if source == "prices" else source in _MEAN_MARKETS
        panel, more = apply_membership(panel, membership, mean_market=mean, unmerged=unmerged)
        findings = (*findings, *warnings, *more)
    return _cut_span(panel, start, end), findings


def find_frequency(
    source: str,
    path: Path | Source | None,
    settings: FileSettings,
    fetch: FetchSettings | None = None,
    *,
    known_by: pd.Timestamp | None = None,
) -> Frequency:
    """Return how often a source has rows up to a date, as far as possible from its dates alone.

    Raises
    ------
    SourceError
        If the source cannot be read.
    """
    if settings.frequency not in (None, "daily"):
        return period_frequency(settings.frequency)
    if source in _PACKAGED_FREQUENCIES:
        return _PACKAGED_FREQUENCIES[source]
    if path is not None and not settings.sessions and settings.calendar in (None, WEEKDAYS):
        with open_source(Files((Path(path),)) if isinstance(path, str | Path) else path, fetch) as opened:
            read = [
                read_row_dates(file.path, settings.text_options, settings.date_column)
                for file in opened.files
            ]
        dates = pd.DatetimeIndex(np.unique(np.concatenate([each.to_numpy() for each in read])))
        dates = dates if known_by is None else dates[dates <= known_by]
        kept = dates if settings.calendar is None else dates[dates.day_of_week < 5]
        return infer_frequency(pd.DatetimeIndex(kept), opened.label)
    panel, _ = load_panel(source, path=path, settings=settings, fetch=fetch, known_by=known_by)
    return nearest_frequency(panel.periods_per_year)


def _refuse_settings(source: str, path: Path | Source | None, settings: FileSettings) -> None:
    """Refuse a path and settings of a file for a packaged source."""
    plain = FileSettings()
    given = [
        field.name
        for field in fields(settings)
        if field.name != "values" and getattr(settings, field.name) != getattr(plain, field.name)
    ]
    needless = [*(["path"] if path is not None else []), *given]
    if needless:
        raise SourceError(f"source {source!r} is packaged and takes no {' or '.join(needless)}")


def _read_opened(
    opened: OpenedSource,
    known_by: pd.Timestamp | None,
    settings: FileSettings,
    read: Callable[..., tuple[Panel, tuple[Finding, ...]]],
) -> tuple[Panel, tuple[Finding, ...]]:
    """Read the files of a source, or copies of their rows up to a date; messages name the source and not the copies.

    Dates and numbers of copies are read as in the whole files, also where their first rows alone would be ambiguous.
    """
    paths = [file.path for file in opened.files]
    label = str(paths[0]) if len(paths) == 1 else opened.label
    with tempfile.TemporaryDirectory() as folder:
        copies = {path: Path(folder) / str(place) / path.name for place, path in enumerate(paths)}

        def name_sources(text: str) -> str:
            for path, copy in copies.items():
                text = text.replace(str(copy), str(path))
            return opened.restore_labels(text)

        try:
            if known_by is None:
                panel, findings = read(label, paths)
            else:
                copied = _copy_until(paths, copies, known_by, settings)
                try:
                    panel, findings = read(label, [copies[path] for path in copied])
                except AmbiguityError:
                    settled = [_settle(path, date_format, settings) for path, date_format in copied.items()]
                    panel, findings = read(label, [copies[path] for path in copied], texts=settled)
        except DataError as error:
            raise type(error)(name_sources(str(error))) from error
    return panel, tuple(replace(f, message=name_sources(f.message)) for f in findings)


def _copy_until(
    paths: Sequence[Path], copies: Mapping[Path, Path], date: pd.Timestamp, settings: FileSettings
) -> dict[Path, str | None]:
    """Copy the rows of files up to a date; files that begin later are left out, unless all do.

    Returns
    -------
    dict
        How the dates of each copied file are written, where a part of them could be read in two ways.
    """
    copied: dict[Path, str | None] = {}
    for path in paths:
        folder = copies[path].parent
        folder.mkdir()
        try:
            _, copied[path] = copy_until(
                path, date, folder, settings.text_options, settings.date_column, settings.sessions
            )
        except NothingKnownError as error:
            later = error
    if not copied:
        raise later
    return copied


def _settle(path: Path, date_format: str | None, settings: FileSettings) -> TextOptions:
    """Return how the text of a whole file is read."""
    options = settings.text_options
    decimal = find_decimal_mark(path, options, settings.column_choice)
    return replace(options, date_format=options.date_format or date_format, decimal=decimal)


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
