"""Columns of files of membership and delistings: their roles, names of assets, and dates with gaps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.suggestions import list_names
from foundation.types import Ints
from market.errors import IntegrityError, SourceError
from market.readers.column_words import ASSETS, DATES
from market.text.coded_texts import CodedTexts
from market.text.columns import Contents
from market.text.dates import read_dates
from market.text.names import clean_name, lookalike_key
from market.text.number_texts import NO_VALUE

_WORDS = {
    "asset": ASSETS,
    "from": ("from", "start", "startdate", "first", "begin", "begindate", "added", "dateadded", "entry"),
    "to": ("to", "end", "enddate", "ending", "last", "through", "thru"),
    "date": DATES,
    "member": ("member", "ismember", "inuniverse", "constituent", "included"),
    "known_at": ("knownat", "announced", "announcedat", "announcementdate"),
    "return": ("delistingreturn", "dlret", "return", "ret"),
}
"""Names of columns, without blanks and signs, by their role."""


def find_roles(path: Path, header: Sequence[str]) -> dict[str, str]:
    """Return the column of each role that the file has."""
    words = {"".join(mark for mark in name.lower() if mark.isalnum()): name for name in reversed(header)}
    roles = {}
    for role, known in _WORDS.items():
        found = next((words[word] for word in known if word in words), None)
        if found is not None:
            roles[role] = found
    return roles


def insist_roles(
    path: Path, header: Sequence[str], roles: dict[str, str], wanted: Sequence[str], how: str
) -> None:
    """Refuse a file that lacks columns; `how` says what is expected."""
    missing = [role for role in wanted if role not in roles]
    if missing:
        commas = "; columns are separated by commas" if len(header) == 1 else ""
        raise SourceError(
            f"{path}: no column {' and no column '.join(map(repr, missing))}; expected {how}; found"
            f" {list_names(header)}{commas}"
        )


def read_assets(path: Path, column: str, contents: Contents) -> tuple[tuple[str, ...], Ints]:
    """Return the distinct names of a column of assets, and the position in them of each row's."""
    coded = contents.coded[column]
    cleaned = [clean_name(text) for text in coded.texts]
    for position, name in enumerate(cleaned):
        if not name:
            row = coded.find_first_row(position) + 1
            raise IntegrityError(f"{path}: column {column!r}, data row {row}: no asset")
    labels = tuple(dict.fromkeys(cleaned))
    place = {name: position for position, name in enumerate(labels)}
    return labels, np.array([place[name] for name in cleaned], dtype=np.int64)[coded.codes]


def read_days(path: Path, column: str, contents: Contents) -> pd.DatetimeIndex:
    """Return the date of each row, NaT where the cell is empty or its year is 9999."""
    coded = contents.coded[column]
    there = np.array(
        [text.strip() not in (*NO_VALUE, "NaT") and not text.startswith("9999") for text in coded.texts]
    )
    out = pd.DatetimeIndex(np.full(len(coded), "NaT", dtype="datetime64[us]"))
    rows = np.flatnonzero(there[coded.codes]) if len(there) else np.empty(0, dtype=np.int64)
    if not len(rows):
        return out
    codes, used = pd.factorize(coded.codes[rows])
    given = CodedTexts(codes.astype(np.int64), tuple(coded.texts[position] for position in used))
    values = out.to_numpy().copy()
    values[rows] = read_dates(str(path), column, given).rows.as_unit("us").to_numpy()
    return pd.DatetimeIndex(values)


def insist_dates(path: Path, column: str, days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Refuse a column of dates with empty cells."""
    if days.hasnans:
        row = int(np.flatnonzero(days.isna())[0]) + 1
        raise IntegrityError(f"{path}: column {column!r}, data row {row}: no date")
    return days


def refuse_lookalikes(source: str, labels: Sequence[str], assets: Collection[str]) -> None:
    """Refuse names that are no assets, but look like one: they would be left out."""
    known = {lookalike_key(asset): asset for asset in assets}
    for label in labels:
        asset = known.get(lookalike_key(label))
        if asset is not None and label not in assets:
            raise IntegrityError(
                f"{source}: {label!r} differs from the asset {asset!r} only in capital letters, blanks, quotes or the"
                " width of letters; write both alike"
            )
