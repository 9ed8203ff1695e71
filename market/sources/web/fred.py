"""FRED and ALFRED, the databases of series of the Federal Reserve Bank of St. Louis."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa

from foundation.suggestions import shorten_text
from market.errors import SourceError
from market.sources.kinds import PUBLISHED, FredSeries
from market.sources.settings import FetchSettings
from market.sources.web.client import fetch_url, find_web_page

KEY = "FRED_API_KEY"
"""Environment variable with the key of the API."""
_API = "https://api.stlouisfed.org/fred"
_GRAPH = "https://fred.stlouisfed.org/graph/fredgraph.csv"
_PAGE = 100_000
"""Observations of one answer; the largest number that the API allows."""
_VINTAGES = 1_000
"""Vintages that are asked for at once; the API refuses more than 2,000."""
_FIRST, _LAST = "1776-07-04", "9999-12-31"
"""The real time of everything."""
_DAY = dt.timedelta(days=1)

Row = tuple[dt.date, dt.date, dt.date | None, float | None]
"""Date of an observation, first and last day of its validity (None: still valid), and value."""


def fetch_fred(source: FredSeries, settings: FetchSettings) -> Any:
    """Return series as an Arrow table.

    Today's values have one row a date, with the columns date and the name of each series. Vintages have one row for
    each value of a date, with the columns date, realtime_start, realtime_end (empty if still valid) and the name of the
    series. With `FRED_API_KEY` set the API is asked, without it the CSV files of the site, which have no vintages.

    Raises
    ------
    UnreachableError
        If FRED cannot be reached.
    SourceError
        If FRED does not know a series or the key, or its answer has another form.
    """
    key = os.environ.get(KEY, "")
    if source.vintages:
        if not key:
            raise SourceError(
                f"{source.label}: vintages need a key of the FRED API; get one at https://fredaccount.stlouisfed.org"
                f" and set the environment variable {KEY}"
            )
        (name,) = source.series
        rows = _fetch_vintages(name, source, key, settings)
        columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
        types = (pa.date32(), pa.date32(), pa.date32(), pa.float64())
        arrays = [pa.array(cells, kind) for cells, kind in zip(columns, types, strict=True)]
        return pa.Table.from_arrays(arrays, names=["date", PUBLISHED, "realtime_end", name])
    values = {
        name: dict(
            _fetch_values(name, source, key, settings) if key else _fetch_graph(name, source, settings)
        )
        for name in source.series
    }
    dates = sorted({date for series in values.values() for date in series})
    series_columns = {
        name: pa.array([series.get(date) for date in dates], pa.float64()) for name, series in values.items()
    }
    return pa.table({"date": pa.array(dates, pa.date32()), **series_columns})


def _fetch_values(
    name: str, source: FredSeries, key: str, settings: FetchSettings
) -> Iterator[tuple[dt.date, float | None]]:
    """Yield today's value of each date."""
    for row in _fetch_observations(name, source, key, settings, {}):
        yield row[0], row[3]


def _fetch_vintages(name: str, source: FredSeries, key: str, settings: FetchSettings) -> list[Row]:
    """Return all values of each date, with the days from and to which they were valid."""
    days = _fetch_vintage_days(name, source, key, settings)
    rows: list[Row] = []
    for place in range(0, len(days), _VINTAGES):
        # The API cuts the validity of a value at the ends of the time that is asked for.
        start = days[place] if place else _FIRST
        later = days[place + _VINTAGES : place + _VINTAGES + 1]
        end = str(dt.date.fromisoformat(later[0]) - _DAY) if later else _LAST
        rows += _fetch_observations(
            name, source, key, settings, {"realtime_start": start, "realtime_end": end}
        )
    return join_vintages(rows)


def join_vintages(rows: Iterable[Row]) -> list[Row]:
    """Return rows by date and first day of validity; a value that two answers cut in two is one row again."""
    joined: list[Row] = []
    for date, start, end, value in sorted(rows, key=lambda row: row[:2]):
        before = joined[-1] if joined else None
        if (
            before is not None
            and before[0] == date
            and before[3] == value
            and before[2] is not None
            and before[2] + _DAY == start
        ):
            joined[-1] = (date, before[1], end, value)
        else:
            joined.append((date, start, end, value))
    return joined


def _fetch_vintage_days(name: str, source: FredSeries, key: str, settings: FetchSettings) -> list[str]:
    """Return the days on which a series changed."""
    days: list[str] = []
    while True:
        parameters = {"series_id": name, "limit": "10000", "offset": str(len(days))}
        answer = _ask_api("series/vintagedates", parameters, source, key, settings)
        new = _pick(answer, "vintage_dates", source)
        days += [str(day) for day in new]
        if not new or len(days) >= int(answer.get("count", 0)):
            return days


def _fetch_observations(
    name: str, source: FredSeries, key: str, settings: FetchSettings, time: Mapping[str, str]
) -> Iterator[Row]:
    """Yield the observations of a series in a span of real time; without one, those of today."""
    count, offset = 1, 0
    while offset < count:
        parameters = {"series_id": name, "limit": str(_PAGE), "offset": str(offset), **time}
        if source.start is not None:
            parameters["observation_start"] = source.start.isoformat()
        answer = _ask_api("series/observations", parameters, source, key, settings)
        rows = _pick(answer, "observations", source)
        for row in rows:
            yield _parse_row(row, source)
        count, offset = int(answer.get("count", 0)), offset + len(rows)
        if not rows and offset < count:
            raise SourceError(f"{source.label}: {name}: {offset} of {count} observations came")


def _parse_row(row: Mapping[str, str], source: FredSeries) -> Row:
    try:
        date, start, end = (dt.date.fromisoformat(row[k]) for k in ("date", "realtime_start", "realtime_end"))
        value = None if row["value"] in (".", "") else float(row["value"])
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(
            f"{source.label}: an observation of another form: {shorten_text(str(row))}; expected date, realtime_start,"
            " realtime_end and value"
        ) from error
    return date, start, None if str(end) == _LAST else end, value


def _ask_api(
    what: str, parameters: Mapping[str, str], source: FredSeries, key: str, settings: FetchSettings
) -> Mapping[str, Any]:
    """Return the JSON object that the API answers."""
    url = f"{_API}/{what}?{urlencode({**parameters, 'file_type': 'json', 'api_key': key})}"
    with tempfile.TemporaryDirectory(prefix="tangency-") as folder:
        body = Path(folder) / "body"
        reply = fetch_url(url, body, source.label, settings)
        text = body.read_text(encoding="utf-8", errors="replace")
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise SourceError(
            f"{source.label}: the API answered {reply.status} with {shorten_text(text)!r}, expected JSON"
        ) from error
    if reply.status != 200 or not isinstance(answer, dict):
        said = answer.get("error_message", "") if isinstance(answer, dict) else ""
        hint = f"; check {KEY} and the name of the series" if reply.status in (400, 403, 404) else ""
        text = str(said or shorten_text(text)).replace(key, "***")
        raise SourceError(f"{source.label}: the API answered {reply.status}: {text}{hint}")
    return answer


def _pick(answer: Mapping[str, Any], name: str, source: FredSeries) -> Sequence[Any]:
    rows = answer.get(name)
    if not isinstance(rows, list):
        raise SourceError(f"{source.label}: the answer of the API has no {name!r}")
    return rows


def _fetch_graph(
    name: str, source: FredSeries, settings: FetchSettings
) -> Iterator[tuple[dt.date, float | None]]:
    """Yield today's value of each date from the CSV file of the site, which needs no key."""
    start = {} if source.start is None else {"cosd": source.start.isoformat()}
    with tempfile.TemporaryDirectory(prefix="tangency-") as folder:
        body = Path(folder) / "body"
        reply = fetch_url(f"{_GRAPH}?{urlencode({'id': name, **start})}", body, source.label, settings)
        if reply.status != 200 or find_web_page(body, reply.headers):
            raise SourceError(
                f"{source.label}: the site answered {reply.status} and no CSV file; is {name} the name of a series?"
            )
        rows = list(csv.reader(body.read_text(encoding="utf-8-sig").splitlines()))
    if not rows or len(rows[0]) != 2 or rows[0][1] != name:
        raise SourceError(
            f"{source.label}: the CSV file has the columns {rows[0] if rows else []}, expected the date and {name}"
        )
    for number, row in enumerate(rows[1:], start=2):
        try:
            date, value = row
            yield dt.date.fromisoformat(date), None if value in (".", "") else float(value)
        except ValueError as error:
            raise SourceError(f"{source.label}: line {number} of the CSV file is {row}") from error
