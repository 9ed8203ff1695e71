"""SQL databases, by SQLAlchemy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from market.errors import SourceError
from market.sources.arrow_tables import concatenate, make_column
from market.sources.kinds import SqlQuery
from market.sources.retries import TemporaryError, retry
from market.sources.secrets import clean_message, expand_variables, hide_secrets
from market.sources.settings import FetchSettings

_ROWS = 50_000
"""Rows that are fetched at once."""


def query_sql(source: SqlQuery, settings: FetchSettings) -> Any:
    """Return the rows of a query as an Arrow table with the types of the database.

    The query runs in a transaction that is rolled back, in SQLite in a connection that only reads.

    Raises
    ------
    UnreachableError
        If no connection can be made.
    SourceError
        If the address or the query is wrong, or the driver is not installed. No message holds the password.
    """
    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    url = expand_variables(source.url, f"{hide_secrets(source.url)}")
    try:
        address = sqlalchemy.make_url(url)
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool)
    except ImportError as error:
        raise SourceError(
            f"{source.label}: the driver of the database is not installed ({clean_message(error, url)})"
        ) from error
    except SQLAlchemyError as error:
        raise SourceError(
            f"{source.label}: expected an address such as postgresql://user:${{PASSWORD}}@host/database or"
            f" sqlite:///file.db ({clean_message(error, url)})"
        ) from error
    _check_sqlite(source.label, address)
    connection = retry(source.label, settings.attempts, lambda: _connect(engine, url))
    with connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("pragma query_only = on")
        try:
            return _fetch(source.label, connection, sqlalchemy.text(source.query), settings.max_bytes)
        except SQLAlchemyError as error:
            reason = clean_message(getattr(error, "orig", None) or error, url)
            raise SourceError(f"{source.label}: the query failed: {reason}") from error


def _check_sqlite(label: str, address: Any) -> None:
    """Refuse a missing SQLite file, which a connection would create."""
    name = address.database
    if address.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return
    if not Path(name).is_file():
        raise SourceError(f"{label}: there is no SQLite file {name}")


def _connect(engine: Any, url: str) -> Any:
    from sqlalchemy.exc import DBAPIError

    try:
        return engine.connect()
    except DBAPIError as error:
        raise TemporaryError(clean_message(error.orig or error, url)) from error


def _fetch(label: str, connection: Any, query: Any, max_bytes: int) -> Any:
    """Return the rows of a query, fetched in parts."""
    result = connection.execution_options(stream_results=True).execute(query)
    if not result.returns_rows:
        raise SourceError(f"{label}: the query returns no rows; expected a SELECT")
    names = list(result.keys())
    parts: list[Any] = []
    size = 0
    while rows := result.fetchmany(_ROWS):
        columns = [make_column(cells) for cells in zip(*rows, strict=True)]
        parts.append(pa.Table.from_arrays(columns, names=names))
        size += parts[-1].nbytes
        if size > max_bytes:
            raise SourceError(
                f"{label}: the answer has more than {max_bytes / 1e6:,.0f} MB, the limit fetch.max_megabytes; select"
                " fewer rows or columns, or raise the limit"
            )
    if not parts:
        return pa.table({name: pa.array([], pa.null()) for name in names})
    return concatenate(label, parts)
