"""Columns of a file with two clocks: those of dates, assets and values."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from foundation.suggestions import list_names, shorten_text, suggest
from market.errors import SourceError
from market.findings import Finding, raise_if_fatal
from market.readers.column_roles import find_asset, find_date
from market.readers.dated.settings import DatedSettings
from market.text.columns import Contents
from market.text.names import clean_name

_DATES = (
    *("sasdate", "yyyyq", "quarter", "period", "year", "asof", "as_of", "reference_date"),
    *("period_end", "fiscal_end", "datadate"),
)
"""Names of date columns of macro files, beside those of prices."""


def find_column(where: str, key: str, header: Sequence[str], name: str) -> str:
    """Return the column of a name, whatever its capital letters."""
    wanted = clean_name(name)
    if wanted in header:
        return wanted
    same = [column for column in header if column.lower() == wanted.lower()]
    if len(same) != 1:
        raise SourceError(f"{where}: {key}: no column {name!r}{suggest(name, header)}")
    return same[0]


def find_dates(where: str, header: Sequence[str], name: str | None, others: Collection[str | None]) -> str:
    """Return the column of dates: the one that is named, or has a usual name, or else the first that is no other."""
    if name is not None:
        found = find_column(where, "date_column", header, name)
    else:
        left = [column for column in header if column not in others]
        usual = next((column for column in left if column.lower() in _DATES), None)
        found = usual or find_date(left) or next(iter(left), header[0])
    if found in others:
        raise SourceError(
            f"{where}: {found!r} would be the column of dates, and holds assets or the dates of publication; give"
            " date_column, asset_column and known_at, a column each"
        )
    return found


def find_assets(where: str, header: Sequence[str], name: str | None) -> str | None:
    """Return the column of assets; None for a wide table."""
    return find_asset(header) if name is None else find_column(where, "asset_column", header, name)


def find_values(
    where: str, header: Sequence[str], texts: Sequence[str], settings: DatedSettings, assets: Sequence[str]
) -> list[str]:
    """Return the columns of values."""
    rest = [name for name in header if name not in texts]
    if assets:
        found = [name for name in rest if name in set(assets)]
        if not found:
            raise SourceError(
                f"{where}: neither a column of assets nor one named like an asset of {list_names(assets, 5)}; found"
                f" {list_names(header)}; asset_column names the column of assets"
            )
        return found
    if settings.columns == "all":
        found = [name for name in rest if name]
    elif settings.columns is not None:
        found = [find_column(where, "columns", header, name) for name in settings.columns]
    elif settings.column is not None:
        found = [find_column(where, "column", header, settings.column)]
    else:
        found = rest
        if len(found) != 1:
            raise SourceError(
                f"{where}: which column holds the values? Give column, or columns: all for each as one of its own;"
                f" found {list_names(rest)}"
            )
    _refuse_vintages(where, found)
    if wrong := [name for name in found if name in texts]:
        raise SourceError(f"{where}: {wrong[0]!r} cannot hold dates or assets and the values too")
    return found


def _refuse_vintages(where: str, names: Sequence[str]) -> None:
    """Refuse columns that are vintages of one series, such as CPIAUCSL_20200114: a lag would make them known early."""
    found = [match for name in names if (match := re.fullmatch(r"(.+)_((?:19|20)\d{6})", name))]
    stems = [match[1] for match in found]
    if twice := next((stem for stem in stems if stems.count(stem) > 1), None):
        shown = next(match[0] for match in found if match[1] == twice)
        raise SourceError(
            f"{where}: columns such as {shown!r} look like vintages of {twice!r} (ALFRED), each known from the date in"
            " its name on; write one row for each value with columns date, value and realtime_start (pandas.melt), and"
            " say known_at: realtime_start"
        )


def refuse_text(
    where: str, contents: Contents, names: Sequence[str], lenient: bool
) -> tuple[list[str], tuple[Finding, ...]]:
    """Return the columns of numbers; a column without any number is left out if all columns were asked for."""
    ignored = [name for name in names if lenient and name in contents.only_texts]
    raise_if_fatal(finding for finding in contents.findings if finding.asset not in ignored)
    notes = tuple(
        Finding(
            "ignored column",
            "note",
            name,
            None,
            f"{where}: column {name!r} holds no number (its first cell is"
            f" {shorten_text(contents.only_texts[name])!r}) and is not used",
        )
        for name in ignored
    )
    kept = [name for name in names if name not in ignored]
    if not kept:
        raise SourceError(f"{where}: no column of numbers among {list_names(names)}")
    return kept, notes
