"""Settings that say where a table comes from: files, a database, a function or a web service."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from market.sources.kinds import (
    Download,
    DuckdbQuery,
    Files,
    FredSeries,
    Function,
    Source,
    SqlQuery,
    YahooPrices,
)
from market.sources.secrets import find_secret
from pipeline.settings.section import Date, FilePath, Section, SettingError

PLACES = ("path", "sql", "duckdb", "load", "url", "fred", "yfinance")
"""Keys that say where a table comes from."""
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_SYMBOL = re.compile(r"[A-Za-z0-9.^=_+-]{1,40}")


def _form(given: object) -> str:
    return "list" if isinstance(given, list | tuple) else "one"


def _refuse_address(given: Any) -> Any:
    """Refuse addresses among paths, without showing them: they may hold a password."""
    for each in given if isinstance(given, list | tuple) else [given]:
        if isinstance(each, str) and "://" in each:
            scheme = each.partition(":")[0]
            key = "url" if scheme in ("http", "https") else "sql"
            raise SettingError(
                (), f"expected paths of files; an address that begins with {scheme}:// belongs to {key}"
            )
    return given


def _expect_mapping(given: Any) -> Any:
    """Refuse an address alone without showing it."""
    if isinstance(given, str):
        raise SettingError((), "expected a mapping of url and query")
    return given


def _check_symbol(given: str) -> str:
    if not _SYMBOL.fullmatch(given):
        raise ValueError("expected a symbol of letters, digits and . ^ = _ + -")
    return given


Paths = Annotated[
    Annotated[FilePath, Tag("one")] | Annotated[tuple[FilePath, ...], Field(min_length=1), Tag("list")],
    Discriminator(_form),
    BeforeValidator(_refuse_address),
]
Symbols = Annotated[
    tuple[Annotated[str, AfterValidator(_check_symbol)], ...],
    Field(min_length=1),
    BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
]
Query = Annotated[str, Field(min_length=1)]


class SqlSection(Section):
    """A query to a database."""

    url: str
    query: Query

    @model_validator(mode="after")
    def _url_is_an_address_without_secret(self) -> SqlSection:
        _refuse_secret(self.url)
        if "://" not in self.url:
            raise SettingError(("url",), "expected an address such as sqlite:///prices.db")
        return self


class DuckdbSection(Section):
    """A query that DuckDB answers from files or a database."""

    query: Query
    database: FilePath | None = None


class FredSection(Section):
    """Series of FRED or ALFRED."""

    series: Symbols
    vintages: bool = False
    start: Date | None = None

    @model_validator(mode="after")
    def _vintages_are_of_one_series(self) -> FredSection:
        if self.vintages and len(self.series) > 1:
            raise ValueError("vintages: true needs exactly one series")
        return self


class YahooSection(Section):
    """Daily bars from Yahoo Finance."""

    tickers: Symbols
    start: Date | None = None


class SourceSection(Section):
    """A section with a table: at most one key says where it comes from."""

    path: Paths | None = None
    sheet: str | None = None
    sql: Annotated[SqlSection | None, BeforeValidator(_expect_mapping)] = None
    duckdb: DuckdbSection | None = None
    load: str | None = None
    url: str | None = None
    fred: FredSection | None = None
    yfinance: YahooSection | None = None

    @model_validator(mode="after")
    def _place_is_one(self) -> SourceSection:
        given = [name for name in PLACES if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"expected one of {', '.join(PLACES)}, not {' and '.join(given)}")
        if self.sheet is not None and self.path is None and self.url is None:
            raise SettingError(("sheet",), "only Excel files have sheets: it goes with path or url")
        if self.load is not None and not _FUNCTION.fullmatch(self.load):
            raise SettingError(("load",), "expected module:function, such as my_prices:load")
        if self.url is not None:
            _refuse_secret(self.url)
            if not re.match(r"https?://[^/\s]+", self.url):
                raise SettingError(("url",), "expected an address that begins with https:// or http://")
        return self

    def place(self) -> Source | None:
        """Return the source that the keys name; None if they name none."""
        if self.path is not None:
            return Files(self.path if isinstance(self.path, tuple) else (self.path,), self.sheet)
        if self.sql is not None:
            return SqlQuery(self.sql.url, self.sql.query)
        if self.duckdb is not None:
            return DuckdbQuery(self.duckdb.query, self.duckdb.database)
        if self.load is not None:
            return Function(self.load)
        if self.url is not None:
            return Download(self.url, self.sheet)
        if self.fred is not None:
            return FredSeries(self.fred.series, self.fred.vintages, self.fred.start)
        if self.yfinance is not None:
            return YahooPrices(self.yfinance.tickers, self.yfinance.start)
        return None


def _refuse_secret(url: str) -> None:
    """Refuse a secret in an address, without showing it: a configuration is copied into every run."""
    if secret := find_secret(url):
        raise SettingError(
            ("url",),
            f"{secret} stands in the file, which is copied into every run; write ${{NAME}} instead, and put it into"
            " the environment variable NAME",
        )
