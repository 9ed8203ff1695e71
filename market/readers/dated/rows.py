"""Rows of a file with two clocks: from the path to columns of values, periods and dates of knowledge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.suggestions import list_names
from foundation.types import Bools, Floats
from market.errors import IntegrityError, SourceError
from market.findings import Finding
from market.readers.dated.code_lines import fill_stamps, find_code_line, read_codes
from market.readers.dated.columns import find_assets, find_column, find_dates, find_values, refuse_text
from market.readers.dated.lags import Lag, add_lag, default_age, parse_age, parse_lag
from market.readers.dated.periods import Periods, read_periods
from market.readers.dated.settings import DatedSettings
from market.text.coded_texts import CodedTexts
from market.text.columns import read_columns
from market.text.dates import read_dates
from market.text.headers import read_header
from market.text.options import TextOptions
from market.text.stamps import read_stamp

_WITH_CODES = TextOptions(keep_codes=True)


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
    path: Path, settings: DatedSettings, by: str, *, is_table: bool = False, assets: Sequence[str] = ()
) -> Rows:
    """Read the values of a file with their clocks.

    Parameters
    ----------
    path : Path
    settings : DatedSettings
    by : str
        The key of the configuration, for messages: `data.series.x`.
    is_table : bool
        Whether values are of assets.
    assets : sequence of str
        Those of the panel, which name the columns of a wide table.

    Raises
    ------
    SourceError
        If the file cannot be read, a column is missing, it is not said when values were known, or stamps can be read in
        two ways.
    IntegrityError
        If a cell is no number or date.
    """
    if wrong := settings.explain_clocks():
        raise SourceError(f"{by}: {wrong}")
    header = read_header(path, _WITH_CODES)
    where = f"{by}: {path}"
    if len(header) < 2:
        raise SourceError(f"{where}: it has the column {header[0]!r} alone, expected dates and values")
    dates = find_dates(where, header, settings.date_column)
    known = None if settings.known_at is None else find_column(where, "known_at", header, settings.known_at)
    label = find_assets(where, header, settings.asset_column) if is_table else None
    texts = [name for name in (dates, known, label) if name is not None]
    wide = is_table and label is None
    names = find_values(where, header, texts, settings, assets if wide else ())
    contents = read_columns(path, header, texts=texts, numbers=names, options=_WITH_CODES)
    kept, findings = refuse_text(where, contents, names, settings.columns == "all" or wide)
    values = {name: contents.numbers[name] for name in kept}
    control, usable = find_code_line(contents.coded[dates], values)
    if not any(np.isfinite(each[usable]).any() for each in values.values()):
        raise IntegrityError(f"{where}: no row holds a value in {list_names(kept)}")
    transforms = {} if control is None else read_codes(where, values, control)
    stamps = fill_stamps(contents.coded[dates], usable)
    since = None if known is None else _read_known(path, known, contents.coded[known], usable)
    periods = read_periods(str(path), dates, stamps, settings.stamps, by, None if since is None else since[0])
    lag = None if settings.lag is None else parse_lag(settings.lag)
    age = _choose_age(where, settings, periods, lag, is_table=is_table)
    note = _explain(
        where, dates, periods, settings, lag, age, transforms if settings.transform is None else {}
    )
    findings = (*findings, *periods.warnings, *(since[1] if since else ()), note)
    labels = None if label is None else contents.coded[label]
    return Rows(
        values,
        periods,
        since and since[0],
        lag,
        labels,
        usable,
        transforms,
        age,
        (*contents.warnings, *findings),
    )


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


def _read_known(
    path: Path, column: str, texts: CodedTexts, usable: Bools
) -> tuple[pd.DatetimeIndex, tuple[Finding, ...]]:
    """Return the dates on which rows became known: the day after one with a time of day, which may follow the close."""
    filled = fill_stamps(texts, usable)
    dates = read_dates(str(path), column, filled)
    late = np.array([not read_stamp(text).is_midnight for text in filled.texts], dtype=np.bool_)
    if not late.any():
        return dates.rows, dates.warnings
    shown = filled.texts[int(np.argmax(late))]
    text = (
        f"{path}: column {column!r}: values with a time of day such as {shown!r} may come after the close: they"
        " count as known on the next day"
    )
    by_text = dates.by_text + pd.to_timedelta(late.astype(np.int64), unit="D")
    return by_text[filled.codes], (*dates.warnings, Finding("interpretation", "note", None, None, text))


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
    known = f"known {lag} later" if lag is not None else f"known from {settings.known_at!r} on"
    if lag is not None and lag.count == 0:
        known = "known at the close of that day"
    parts = [f"{column!r}: {periods.reading or 'each date is the day that its value describes'}", known]
    parts.append(f"missing when older than {age} days")
    if transforms:
        kinds = ", ".join(dict.fromkeys(transforms.values()))
        parts.append(f"transformed by the file's own line of codes ({kinds})")
    return Finding("interpretation", "note", None, None, f"{where}: {'; '.join(parts)}")


def refuse_infinite(where: str, name: str, value: Floats, ends: pd.DatetimeIndex) -> None:
    """Raise if a value is infinite."""
    wrong = np.flatnonzero(np.isinf(value))
    if len(wrong):
        raise IntegrityError(f"{where}: column {name!r} is infinite on {ends[wrong[0]]:%Y-%m-%d}")
