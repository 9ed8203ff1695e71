"""Kinds of sources: where a table comes from. Nothing is opened until `market.sources.opening` reads one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from foundation.counts import format_count
from market.sources.secrets import hide_secrets

PUBLISHED = "realtime_start"
"""Column of the vintages of FRED with the day from which a value was known."""
_SHOWN = 60
"""Characters of a query that a label shows."""


@dataclass(frozen=True)
class Files:
    """Files of the user.

    Attributes
    ----------
    paths : tuple of Path
        Files, folders, and patterns such as `prices/*.csv`.
    sheet : str or None
        Sheet of Excel workbooks; None takes the only one that holds something.
    """

    paths: tuple[Path, ...]
    sheet: str | None = None

    @property
    def label(self) -> str:
        """What messages call the source."""
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return f"{self.paths[0]}{more}"


@dataclass(frozen=True)
class SqlQuery:
    """A query to a database that SQLAlchemy reaches.

    Attributes
    ----------
    url : str
        `dialect://user:${PASSWORD}@host/database`; `${NAME}` stands for an environment variable.
    query : str
    """

    url: str
    query: str

    @property
    def label(self) -> str:
        """What messages call the source; without secrets."""
        return f"SQL of {hide_secrets(self.url)} ({_shorten(self.query)})"


@dataclass(frozen=True)
class DuckdbQuery:
    """A query that DuckDB answers from files or a database file.

    Attributes
    ----------
    query : str
    database : Path or None
        A DuckDB database, opened for reading; None for queries that name their files.
    """

    query: str
    database: Path | None = None

    @property
    def label(self) -> str:
        """What messages call the source."""
        of = "" if self.database is None else f" of {self.database}"
        return f"DuckDB{of} ({_shorten(self.query)})"


@dataclass(frozen=True)
class Function:
    """A function of the user that returns a DataFrame or an Arrow table.

    Attributes
    ----------
    name : str
        Import path, `module:function`.
    """

    name: str

    @property
    def label(self) -> str:
        """What messages call the source."""
        return f"{self.name}()"


@dataclass(frozen=True)
class Download:
    """A file behind an http or https address.

    Attributes
    ----------
    url : str
        `${NAME}` stands for an environment variable.
    sheet : str or None
        Sheet of an Excel workbook.
    """

    url: str
    sheet: str | None = None

    @property
    def label(self) -> str:
        """What messages call the source; without secrets."""
        return hide_secrets(self.url)


@dataclass(frozen=True)
class FredSeries:
    """Series of FRED, the database of the Federal Reserve Bank of St. Louis.

    Attributes
    ----------
    series : tuple of str
        Identifiers such as CPIAUCSL.
    vintages : bool
        Read one series with all its vintages from ALFRED, each row with the first and last day of its validity.
    start : date or None
        First date of observations.
    """

    series: tuple[str, ...]
    vintages: bool = False
    start: date | None = None

    @property
    def label(self) -> str:
        """What messages call the source."""
        return f"{'ALFRED' if self.vintages else 'FRED'} {', '.join(self.series)}"


@dataclass(frozen=True)
class YahooPrices:
    """Daily bars from Yahoo Finance, by the package yfinance.

    Attributes
    ----------
    tickers : tuple of str
    start : date or None
        First date; None for all of them.
    """

    tickers: tuple[str, ...]
    start: date | None = None

    @property
    def label(self) -> str:
        """What messages call the source."""
        shown = ", ".join(self.tickers[:3])
        more = f" and {format_count(len(self.tickers) - 3, 'more ticker')}" if len(self.tickers) > 3 else ""
        return f"Yahoo {shown}{more}"


Fetched = SqlQuery | DuckdbQuery | Function | Download | FredSeries | YahooPrices
"""Sources whose answers are kept in the cache."""
Source = Files | Fetched


def _shorten(query: str) -> str:
    text = " ".join(query.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
