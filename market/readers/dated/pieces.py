"""Pieces: the files of a series or table, each read to columns, and joined to one table in the order of the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.suggestions import list_names
from foundation.types import Bools, Floats, Ints
from market.errors import IntegrityError, SourceError
from market.findings import Finding
from market.readers.dated.code_lines import find_code_line, read_codes
from market.readers.dated.columns import find_assets, find_column, find_dates, find_values, refuse_text
from market.readers.dated.settings import DatedSettings
from market.text.coded_texts import CodedTexts
from market.text.columns import read_columns
from market.text.headers import read_header


@dataclass(frozen=True, eq=False)
class Piece:
    """Columns of one file, or of several joined ones.

    Attributes
    ----------
    source : str
        What messages call it.
    date : str
        Name of the column of dates.
    dates : CodedTexts of length n
    known : CodedTexts of length n, or None
        Dates of publication; None if a lag was declared.
    labels : CodedTexts of length n, or None
        Assets of a long table.
    values : dict of str to ndarray of shape (n,)
        By column; NaN where there is no value.
    usable : ndarray of bool, shape (n,)
        False for rows that hold no data.
    transforms : dict of str to str
        By column, from the file's own line of codes.
    findings : tuple of Finding
    """

    source: str
    date: str
    dates: CodedTexts
    known: CodedTexts | None
    labels: CodedTexts | None
    values: dict[str, Floats]
    usable: Bools
    transforms: dict[str, str]
    findings: tuple[Finding, ...]

    @property
    def valued(self) -> Bools:
        """Rows of data with a value in at least one column."""
        found = np.zeros(len(self.usable), dtype=np.bool_)
        for column in self.values.values():
            found |= ~np.isnan(column)
        return np.asarray(self.usable & found)


def read_piece(
    path: Path, settings: DatedSettings, by: str, *, assets: Sequence[str] | None, by_name: bool
) -> Piece:
    """Read the columns of one file.

    Parameters
    ----------
    path : Path
    settings : DatedSettings
    by : str
        The key of the configuration, for messages.
    assets : sequence of str, optional
        Those of the panel; None for a series.
    by_name : bool
        Whether a file without a column of assets, or one named like an asset, may hold the asset of its own name.
    """
    options = settings.text_options
    header = read_header(path, options)
    where = f"{by}: {path}"
    if len(header) < 2:
        raise SourceError(f"{where}: it has the column {header[0]!r} alone, expected dates and values")
    known = None if settings.known_at is None else find_column(where, "known_at", header, settings.known_at)
    label = None if assets is None else find_assets(where, header, settings.asset_column)
    date = find_dates(where, header, settings.date_column, (known, label))
    texts = [name for name in (date, known, label) if name is not None]
    named = by_name and label is None and path.stem in (assets or ()) and not set(header) & set(assets or ())
    wide = assets is not None and label is None and not named
    names = find_values(where, header, texts, settings, (assets or ()) if wide else ())
    contents = read_columns(path, header, texts=texts, numbers=names, options=options)
    kept, findings = refuse_text(where, contents, names, settings.columns == "all" or wide)
    values = {name: contents.numbers[name] for name in kept}
    dates = contents.coded[date]
    control, usable = find_code_line(dates, values)
    if not any(np.isfinite(each[usable]).any() for each in values.values()):
        raise IntegrityError(f"{where}: no row holds a value in {list_names(kept)}")
    labels = None if label is None else contents.coded[label]
    if named:
        labels = CodedTexts(np.zeros(len(dates), dtype=np.int64), (path.stem,))
    return Piece(
        str(path),
        date,
        dates,
        None if known is None else contents.coded[known],
        labels,
        values,
        usable,
        {} if control is None else read_codes(where, values, control),
        (*contents.warnings, *findings),
    )


def join_pieces(
    source: str, pieces: Sequence[Piece], settings: DatedSettings, by: str, *, is_table: bool
) -> Piece:
    """Return the rows of all pieces as one.

    Raises
    ------
    SourceError
        If the columns of the files are not those of one table.
    """
    if len(pieces) == 1:
        return pieces[0]
    columns = list(dict.fromkeys(name for piece in pieces for name in piece.values))
    long = [piece.labels is not None for piece in pieces]
    if any(long) and not all(long):
        one, other = pieces[long.index(True)].source, pieces[long.index(False)].source
        raise SourceError(f"{by}: {one} has a row for each asset, and {other} a column; give each an entry")
    one_value = settings.column is None and settings.columns is None and (any(long) or not is_table)
    if one_value and len(columns) > 1:
        raise SourceError(
            f"{by}: {source}: the files have different columns of values, {list_names(columns, 5)}; say columns: all"
            " for each as one of its own, or column if one of them is meant"
        )
    transforms: dict[str, str] = {}
    for piece in pieces:
        for name, transform in piece.transforms.items():
            if transforms.setdefault(name, transform) != transform:
                raise SourceError(
                    f"{by}: the files have different codes of the transform of {name!r}; give transform"
                )
    return Piece(
        source,
        pieces[0].date,
        _join_texts([piece.dates for piece in pieces]),
        _join_optional([piece.known for piece in pieces]),
        _join_optional([piece.labels for piece in pieces]),
        {name: np.concatenate([_column(piece, name) for piece in pieces]) for name in columns},
        np.concatenate([piece.usable for piece in pieces]),
        transforms,
        tuple({finding.message: finding for piece in pieces for finding in piece.findings}.values()),
    )


def _column(piece: Piece, name: str) -> Floats:
    return piece.values[name] if name in piece.values else np.full(len(piece.usable), np.nan)


def _join_optional(columns: Sequence[CodedTexts | None]) -> CodedTexts | None:
    given = [column for column in columns if column is not None]
    return _join_texts(given) if given else None


def _join_texts(columns: Sequence[CodedTexts]) -> CodedTexts:
    """Return the rows of columns of text below each other."""
    codes, used = pd.factorize(np.array([text for column in columns for text in column.texts], dtype=object))
    starts = np.cumsum([0, *(len(column.texts) for column in columns)])
    joined: list[Ints] = [
        codes[start : start + len(column.texts)][column.codes]
        for start, column in zip(starts[:-1], columns, strict=True)
    ]
    return CodedTexts(np.concatenate(joined).astype(np.int64), tuple(used.tolist()))
