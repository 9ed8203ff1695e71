"""Fetch a source that is no local file: ask it, keep its answer in the cache, and use that where it is unreachable."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from market.errors import SourceError, UnreachableError
from market.sources.arrow_tables import check_size, write_parquet
from market.sources.cache import Entry, SourceCache
from market.sources.kinds import Download, DuckdbQuery, Fetched, FredSeries, Function, SqlQuery, YahooPrices
from market.sources.queries.duckdb_query import query_duckdb
from market.sources.queries.functions import call_function
from market.sources.queries.sql import query_sql
from market.sources.secrets import expand_variables, hide_secrets
from market.sources.settings import FetchSettings, Origin
from market.sources.web.download import download_file
from market.sources.web.fred import fetch_fred
from market.sources.web.yahoo import fetch_yahoo

_FETCHED: dict[Path, Entry] = {}
"""The answers that this process fetched, by the folder of their source."""


@dataclass(frozen=True)
class Answer:
    """The answer of a source.

    Attributes
    ----------
    path : Path
        File with the answer.
    origin : Origin
    problem : str
        Why the answer is an earlier one of the cache; "" if it is not.
    """

    path: Path
    origin: Origin
    problem: str = ""


def fetch_answer(source: Fetched, settings: FetchSettings, folder: Path) -> Answer:
    """Ask a source, and return its answer.

    Parameters
    ----------
    source : Fetched
    settings : FetchSettings
    folder : Path
        Where the answer is written if there is no cache.

    Raises
    ------
    UnreachableError
        If the source cannot be reached, and there is no earlier answer or it may not be used.
    SourceError
        If the answer is no table, or too large.
    """
    cache = SourceCache(settings.cache or folder, _identify(source))
    kept = _FETCHED.get(cache.folder)
    if settings.repeats and kept is not None and cache.path_of(kept).is_file():
        return Answer(cache.path_of(kept), Origin(source.label, kept.filled))
    problem = ""
    try:
        entry = _fetch(source, settings, cache)
    except UnreachableError as error:
        before = cache.read()
        if before is None:
            raise UnreachableError(f"{error}; and there is no earlier answer in the cache") from error
        if settings.when_offline == "refuse":
            raise UnreachableError(
                f"{error}; fetch.when_offline is refuse, so the answer of {before.filled_at} is not used"
            ) from error
        entry, problem = before, str(error)
    if settings.cache is not None:
        _FETCHED[cache.folder] = entry
    return Answer(cache.path_of(entry), Origin(source.label, entry.filled, bool(problem)), problem)


def _fetch(source: Fetched, settings: FetchSettings, cache: SourceCache) -> Entry:
    """Ask a source now, and keep its answer."""
    if isinstance(source, Download):
        try:
            before = cache.read()
        except SourceError:  # damaged: the new answer replaces it
            before = None
        return download_file(source, settings, cache, before)
    table = _read_table(source, settings)
    check_size(source.label, table, settings.max_bytes)
    return cache.fill(source.label, f"{_name(source)}.parquet", lambda path: write_parquet(table, path))


def _read_table(source: Fetched, settings: FetchSettings) -> Any:
    """Return the answer of a source as an Arrow table."""
    if isinstance(source, SqlQuery):
        return query_sql(source, settings)
    if isinstance(source, DuckdbQuery):
        return query_duckdb(source)
    if isinstance(source, Function):
        return call_function(source)
    if isinstance(source, FredSeries):
        return fetch_fred(source, settings)
    if isinstance(source, YahooPrices):
        return fetch_yahoo(source, settings)
    raise TypeError(f"{type(source).__name__} is no source of a table")


def _identify(source: Fetched) -> str:
    """Return a text that identifies a source: addresses with the values of variables, but without secrets."""
    parts = asdict(source)
    if isinstance(source, SqlQuery | Download):
        parts["url"] = hide_secrets(expand_variables(source.url, source.label))
    if isinstance(source, Function):
        parts["folder"] = str(Path.cwd())
    return json.dumps([type(source).__name__, parts], default=_to_text, sort_keys=True)


def _name(source: Fetched) -> str:
    """Return the name of the file of an answer, which names the asset if it holds bars of one."""
    if isinstance(source, Function):
        return source.name.replace(":", ".")
    return "answer"


def _to_text(value: object) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)
