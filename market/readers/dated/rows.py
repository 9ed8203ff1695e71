"""Rows of files with two clocks: from the paths to columns of values, periods and dates of knowledge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.types import Bools, Floats
from market.errors import IntegrityError, SourceError
from market.findings import INTERPRETATION, Finding
from market.readers.dated.code_lines import fill_stamps
from market.readers.dated.frequencies import check_frequencies
from market.readers.dated.lags import Lag, add_lag, default_age, parse_age, parse_lag
from market.readers.dated.periods import Periods, read_periods
from market.readers.dated.pieces import Piece, join_pieces, read_piece
from market.readers.dated.settings import DatedSettings
from market.text.coded_texts import CodedTexts
from market.text.dates import read_dates
from market.text.stamps import read_stamp


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a file.

    Attributes
    ----------
    values : dict of str to ndarray of shape (n,)
        By column.
    periods : Periods
    known : DatetimeIndex of length n, or None
        When each row became known, as the file says; None if a lag was declared.
    lag : Lag or None
    labels : CodedTexts or None
        Assets of a long table.
    usable : ndarray of bool, shape (n,)
        False for rows that hold no data.
    transforms : dict of str to str
        By column, from the file's own line of codes.
    max_age : int
        Days after which a value expires.
    findings : tuple of Finding
    """

    values: dict[str, Floats]
    periods: Periods
    known: pd.DatetimeIndex | None
    lag: Lag | None
    labels: CodedTexts | None
    usable: Bools
    transforms: dict[str, str]
    max_age: int
    findings: tuple[Finding, ...]


def read_rows(
    files: Sequence[Path],
    source: str,
    settings: DatedSettings,
    by: str,
    *,
    assets: Sequence[str] | None = None,
) -> Rows:
    """Read the values of files with their clocks.

    Parameters
    ----------
    files : sequence of Path
        Pieces of one table: one at least.
    source : str
        What messages call them together.
    settings : DatedSettings
    by : str
        The key of the configuration, for messages: `data.series.x`.
    assets : sequence of str, optional
        Those of the panel, which name the columns of a wide table; None for a series.

    Raises
    ------
    SourceError
        If a file cannot be read, a column is missing, it is not said when values were known, or stamps can be read in
        two ways.
    IntegrityError
        If a cell is no number or date.
    """
    if wrong := settings.explain_clocks():
        raise SourceError(f"{by}: {wrong}")
    is_table, several = assets is not None, len(files) > 1
    pieces = [read_piece(path, settings, by, assets=assets, by_name=several) for path in files]
    piece = join_pieces(source, pieces, settings, by, is_table=is_table)
    try:
        since = _read_known(piece, settings)
        periods = _read_periods(piece, settings, by, since and since[0])
    except IntegrityError:
        for each in pieces if several else ():  # its own rows are easier to find
            with suppress(SourceError):
                known = _read_known(each, settings)
                _read_periods(each, settings, by, known and known[0])
        raise
    where = f"{by}: {source}"
    if piece.labels is not None or not is_table:
        check_frequencies(where, periods, piece)
    lag = None if settings.lag is None else parse_lag(settings.lag)
    age = _choose_age(where, settings, periods, lag, is_table=is_table)
    transforms = piece.transforms if settings.transform is None else {}
    note = _explain(where, piece.date, periods, settings, lag, age, transforms)
    return Rows(
        piece.values,
        periods,
        since and since[0],
        lag,
        piece.labels,
        piece.usable,
        piece.transforms,
        age,
        (
            *piece.findings,
            *periods.warnings,
            *_note_order(where, periods, lag),
            *(since[1] if since else ()),
            note,
        ),
    )


def _read_periods(piece: Piece, settings: DatedSettings, by: str, known: pd.DatetimeIndex | None) -> Periods:
    """Return the periods of the rows; those without any value do not decide how stamps are read."""
    stamps = fill_stamps(piece.dates, piece.usable)
    return read_periods(piece.source, piece.date, stamps, settings, by, piece.valued, known)


def date_known(rows: Rows, used: Bools) -> pd.DatetimeIndex:
    """Return when the value of each of `rows.periods.ends` became known by the lag, NaT where that is still to come.

    Parameters
    ----------
    rows : Rows
        With a lag.
    used : ndarray of bool, shape (n,)
        Rows with a value: the next observation is one of them.
    """
    assert rows.lag is not None  # noqa: S101  the caller has none of a file with dates of knowledge
    ends = rows.periods.ends
    present = np.bincount(rows.periods.codes[used], minlength=len(ends)) > 0
    distinct, place = np.unique(ends[present].to_numpy(), return_inverse=True)
    out = np.full(len(ends), np.datetime64("NaT", "us"))
    out[present] = add_lag(pd.DatetimeIndex(distinct), rows.lag, rows.periods.months).to_numpy()[place]
    return pd.DatetimeIndex(out)


def _read_known(piece: Piece, settings: DatedSettings) -> tuple[pd.DatetimeIndex, tuple[Finding, ...]] | None:
    """Return the dates on which rows became known: the day after one with a time of day, which may follow the close."""
    if piece.known is None or settings.known_at is None:
        return None
    column, filled = settings.known_at, fill_stamps(piece.known, piece.usable)
    iso = bool(filled.texts) and re.match(r"\s*\d{4}-\d{2}-\d{2}", filled.texts[0]) is not None
    dates = read_dates(piece.source, column, filled, None if iso else settings.date_format)
    late = np.array([not read_stamp(text).is_midnight for text in filled.texts], dtype=np.bool_)
    if not late.any():
        return dates.rows, dates.warnings
    shown = filled.texts[int(np.argmax(late))]
    text = (
        f"{piece.source}: column {column!r}: values with a time of day such as {shown!r} may come after the close: they"
        " count as known on the next day"
    )
    by_text = dates.by_text + pd.to_timedelta(late.astype(np.int64), unit="D")
    return by_text[filled.codes], (*dates.warnings, Finding(INTERPRETATION, "note", None, None, text))


def _choose_age(
    where: str, settings: DatedSettings, periods: Periods, lag: Lag | None, *, is_table: bool
) -> int:
    """Return the age at which a value expires, by the distance of the dates if it is not given.

    The dates of a table do not show it: fiscal quarters of many firms end in every month.
    """
    if settings.max_age is not None:
        return parse_age(settings.max_age)
    within = 31 * (periods.months or 1) if lag and lag.unit == "observation" else lag.most_days if lag else 0
    found = None if is_table and periods.months else default_age(periods.months, periods.gap, within)
    if found is None:
        why = (
            "how often each asset has a value is unknown" if is_table else "its dates have no usual distance"
        )
        raise SourceError(
            f"{where}: {why}: say after which age a value counts as missing, such as max_age: 18 months"
        )
    return found


def _note_order(where: str, periods: Periods, lag: Lag | None) -> tuple[Finding, ...]:
    """Return a note if the rows run from new to old."""
    days = periods.ends.asi8[periods.codes]
    if lag is None or len(days) < 2 or not (days[1:] < days[:-1]).all():
        return ()
    return (
        Finding("unsorted dates", "note", None, None, f"{where}: rows run from new to old; turned round"),
    )


def _explain(
    where: str,
    column: str,
    periods: Periods,
    settings: DatedSettings,
    lag: Lag | None,
    age: int,
    transforms: dict[str, str],
) -> Finding:
    """Return the notice of how a file was read."""
    known = f"known from {settings.known_at!r} on"
    if lag is not None:
        known = f"known {lag} later, with all revisions that the file holds"
        known = "known at the close of that day" if lag.count == 0 else known
    parts = [f"{column!r}: {periods.reading or 'each date is the day that its value describes'}", known]
    parts.append(f"missing when older than {age} days")
    if transforms:
        kinds = ", ".join(dict.fromkeys(transforms.values()))
        parts.append(f"transformed by the file's own line of codes ({kinds})")
    return Finding(INTERPRETATION, "note", None, None, f"{where}: {'; '.join(parts)}")


def refuse_infinite(where: str, name: str, value: Floats, ends: pd.DatetimeIndex) -> None:
    """Raise if a value is infinite."""
    wrong = np.flatnonzero(np.isinf(value))
    if len(wrong):
        raise IntegrityError(f"{where}: column {name!r} is infinite on {ends[wrong[0]]:%Y-%m-%d}")
