"""Series: one value a date for all assets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from market.errors import IntegrityError, SourceError
from market.findings import Finding
from market.macro import MacroSeries
from market.readers.dated.opening import read_source
from market.readers.dated.rows import Rows, date_known, read_rows, refuse_infinite
from market.readers.dated.settings import DatedSettings
from market.sources.kinds import Source
from market.sources.settings import FetchSettings


def load_series(
    source: Path | Source,
    name: str,
    settings: DatedSettings,
    *,
    fetch: FetchSettings | None = None,
    known_by: pd.Timestamp | None = None,
) -> tuple[dict[str, MacroSeries], tuple[Finding, ...]]:
    """Read the series of a source.

    Parameters
    ----------
    source : Path or Source
        A file, or another kind of source; several files are pieces of one table.
    name : str
        Name of the series; several columns of one file are called `<name>_<column>`.
    settings : DatedSettings
    fetch : FetchSettings, optional
        How to ask a source that is no local file.
    known_by : Timestamp, optional
        Read only what was known at the close of this date.

    Returns
    -------
    series : dict of str to MacroSeries
    findings : tuple of Finding
        How the file was read, and warnings.

    Raises
    ------
    SourceError
        If the source cannot be read, it is not said when its values were known, or it can be read in two ways.
    IntegrityError
        If a cell is wrong, or a value was known before the end of its period.
    """
    made, findings = read_source(
        f"data.series.{name}", source, fetch, lambda files, label: _read(files, label, name, settings)
    )
    if known_by is not None:
        made = {each: series.known_by(known_by) for each, series in made.items()}
    return made, findings


def _read(
    files: Sequence[Path], source: str, name: str, settings: DatedSettings
) -> tuple[dict[str, MacroSeries], tuple[Finding, ...]]:
    """Return the series of files, and how they were read."""
    by = f"data.series.{name}"
    rows = read_rows(files, source, settings, by)
    names = name_columns(by, name, rows.values, settings)
    made = {
        names[column]: _make(f"{by}: {source}", column, names[column], rows, settings)
        for column in rows.values
    }
    return made, rows.findings


def name_columns(by: str, name: str, columns: Iterable[str], settings: DatedSettings) -> dict[str, str]:
    """Return the name of the series or table of each column."""
    if settings.columns is None:
        return dict.fromkeys(columns, name)
    names: dict[str, str] = {}
    for column in columns:
        made = f"{name}_{re.sub(r'[^A-Za-z0-9]+', '_', column).strip('_')}"
        if made in names.values():
            other = next(each for each, known in names.items() if known == made)
            raise SourceError(
                f"{by}: the columns {other!r} and {column!r} would both be called {made!r}; rename one"
            )
        names[column] = made
    return names


def _make(where: str, column: str, name: str, rows: Rows, settings: DatedSettings) -> MacroSeries:
    """Return the series of one column."""
    value = rows.values[column]
    used = rows.usable & ~np.isnan(value)
    ends = rows.periods.ends[rows.periods.codes[used]]
    refuse_infinite(where, column, value[used], ends)
    known = date_known(rows, used)[rows.periods.codes[used]] if rows.known is None else rows.known[used]
    frame = pd.DataFrame({"observed": ends, "known": known, "value": value[used]})
    _refuse_early(where, column, frame)
    frame = frame[frame["known"].notna()].sort_values(["known", "observed"], kind="stable")
    _refuse_twice(where, column, frame, declared=rows.lag is not None)
    if rows.known is not None:
        before = frame.groupby("observed", sort=False)["value"].shift()
        frame = frame[(before != frame["value"]).to_numpy()]
    return MacroSeries(
        name,
        frame["value"].to_numpy(),
        pd.DatetimeIndex(frame["observed"]),
        pd.DatetimeIndex(frame["known"]),
        rows.max_age,
        settings.transform or rows.transforms.get(column, "level"),
        rows.periods.months,
    )


def _refuse_early(where: str, column: str, frame: pd.DataFrame) -> None:
    """Raise if a value was known before the end of its period."""
    early = frame[(frame["known"] < frame["observed"]).to_numpy()]
    if len(early):
        first = early.iloc[0]
        raise IntegrityError(
            f"{where}: column {column!r}: the value of the period that ends on {first['observed']:%Y-%m-%d} is said to"
            f" be known on {first['known']:%Y-%m-%d}, before that ({len(early)} such rows); correct known_at, or say"
            " stamps: period_end if the dates are days and not the beginnings of periods"
        )


def _refuse_twice(where: str, column: str, frame: pd.DataFrame, *, declared: bool) -> None:
    """Raise if two values of one period became known at the same time."""
    twice = frame[frame.duplicated(["observed", "known"]).to_numpy()]
    if len(twice):
        first = twice.iloc[0]
        advice = (
            "keep one, or name the column that tells their publication as known_at instead of a lag"
            if declared
            else "keep one of them"
        )
        raise IntegrityError(
            f"{where}: column {column!r}: two values of {first['observed']:%Y-%m-%d} are known from"
            f" {first['known']:%Y-%m-%d} on; {advice}"
        )
