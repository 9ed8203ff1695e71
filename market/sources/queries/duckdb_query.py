"""Queries that DuckDB answers from files or a database."""

from __future__ import annotations

from typing import Any

from market.errors import SourceError
from market.sources.kinds import DuckdbQuery


def query_duckdb(source: DuckdbQuery) -> Any:
    """Return the rows of a query as an Arrow table.

    A database is opened for reading. No extension of DuckDB is downloaded.

    Raises
    ------
    SourceError
        If DuckDB is not installed, the database does not exist, or the query is no single SELECT or fails.
    """
    label = source.label
    try:
        import duckdb
    except ImportError as error:
        raise SourceError(f"{label}: needs DuckDB: pip install 'tangency[duckdb]'") from error
    if source.database is not None and not source.database.is_file():
        raise SourceError(f"{label}: there is no database {source.database}")
    path = ":memory:" if source.database is None else str(source.database)
    config: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
    try:
        with duckdb.connect(path, read_only=source.database is not None, config=config) as connection:
            statements = connection.extract_statements(source.query)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise SourceError(f"{label}: expected one SELECT, which changes nothing")
            return connection.sql(source.query).to_arrow_table()
    except duckdb.Error as error:
        raise SourceError(f"{label}: the query failed: {' '.join(str(error).split())}") from error
