"""The one door to data: a source's name to a panel and what was found in it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pandas as pd

from foundation.suggestions import suggest
from market.errors import DataError, SourceError
from market.findings import Finding, ValueKind
from market.panel import Panel
from market.readers.datasets import load_industries, load_stocks
from market.readers.layouts import Layout, copy_until
from market.readers.prices import load_file
from market.readers.trading_calendar import RunningPeriod

PACKAGED: dict[str, Callable[[pd.Timestamp | None], tuple[Panel, tuple[Finding, ...]]]] = {
    "industries": load_industries,
    "stocks": load_stocks,
}
SOURCES = (*PACKAGED, "prices")


def load_panel(
    source: str,
    *,
    path: Path | None = None,
    layout: Layout | None = None,
    values: ValueKind = "prices",
    date_column: str | None = None,
    cash: str | Mapping[str, str] | None = None,
    market: str | Mapping[str, str] | None = None,
    calendar: str | None = None,
    running_period: RunningPeriod = "keep",
    start: date | None = None,
    end: date | None = None,
    known_by: pd.Timestamp | None = None,
) -> tuple[Panel, tuple[Finding, ...]]:
    """Load a panel and check it.

    Parameters
    ----------
    source : {"industries", "stocks", "prices"}
        Packaged industries or stocks, or the user's own file.
    path, layout, values, date_column, cash, market, calendar, running_period
        About the user's file: see `market.readers.prices.load_file`.
    start, end : date, optional
        First and last date wanted. The whole file is checked, and returns are made before it is cut.
    known_by : Timestamp, optional
        Read the source as if it ended there: a file is copied up to that date first. The result is the panel as
        of that date, or the reader looked ahead.

    Returns
    -------
    panel : Panel
    findings : tuple of Finding
        Warnings and notes; a fatal finding is raised.

    Raises
    ------
    SourceError
        If the source is unknown, an option does not belong to it, it cannot be read, or it holds no date in
        the span.
    IntegrityError
        If the data contradicts itself.
    """
    if source not in SOURCES:
        raise SourceError(f"unknown source {source!r}{suggest(source, SOURCES)}")
    if source == "prices":
        if path is None:
            raise SourceError("source 'prices' needs the path of a CSV or Parquet file")
        read = partial(
            load_file,
            layout=layout,
            values=values,
            date_column=date_column,
            cash=cash,
            market=market,
            start=start,
            end=end,
            calendar=calendar,
            running_period=running_period,
            known_by=known_by,
        )
        panel, findings = (
            read(Path(path)) if known_by is None else _read_as_of(Path(path), known_by, date_column, read)
        )
    else:
        given = {"path": path, "layout": layout, "date_column": date_column, "cash": cash, "market": market}
        given |= {
            "calendar": calendar,
            "running_period": None if running_period == "keep" else running_period,
        }
        needless = [name for name, value in given.items() if value is not None]
        if needless:
            raise SourceError(f"source {source!r} is packaged and takes no {' or '.join(needless)}")
        panel, findings = PACKAGED[source](known_by)
    return _cut_span(panel, start, end), findings


def _read_as_of(
    path: Path,
    known_by: pd.Timestamp,
    date_column: str | None,
    read: Callable[[Path], tuple[Panel, tuple[Finding, ...]]],
) -> tuple[Panel, tuple[Finding, ...]]:
    """Read the rows of a file up to a date from a copy; messages name the file and not the copy."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            copy = copy_until(path, known_by, Path(folder), date_column)
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
