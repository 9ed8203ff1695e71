"""Answers: a file read with plain pandas, and the values known at dates, by brute force."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.fuzz.dated_files.clocks import (
    AGES,
    MONTHS,
    add_lag,
    add_months,
    end_month,
    longest,
    read_stamp,
)
from foundation.types import Floats

NOTHING = ("", ".", "na", "n/a", "#n/a", "nan", "null", "none", "n.a.", "-")


@dataclass(frozen=True)
class Spec:
    """How a file is to be read.

    Attributes
    ----------
    frequency, form : str
        Of the stamps: keys and values of `clocks.STAMPS`.
    date, value, asset, known_at : str
        Columns; "" for none. A table without a column of assets has one column for each.
    assets : tuple of str
        Of a table; empty for a series.
    lag : str
        "" with `known_at`.
    max_age : int or None
        Days; None for the default.
    transform : str
    codes : bool
        Whether the first row below the names holds codes and no data.
    """

    frequency: str
    form: str
    date: str
    value: str
    asset: str = ""
    known_at: str = ""
    assets: tuple[str, ...] = ()
    lag: str = ""
    max_age: int | None = None
    transform: str = "level"
    codes: bool = False

    @property
    def months(self) -> int:
        """Months of a period; 0 for days and weeks."""
        return MONTHS[self.frequency]

    @property
    def age(self) -> int:
        """Days after which a value expires."""
        if self.max_age is not None:
            return self.max_age
        return AGES[self.frequency] + (longest(self.lag, self.months) if self.lag else 0)


@dataclass
class Records:
    """Values of one series or asset by (known, end)."""

    values: dict[tuple[dt.date, dt.date], float] = field(default_factory=dict)

    def add(self, end: dt.date, known: dt.date, value: float) -> None:
        """Add a value; ValueError if it was known too early, or contradicts another."""
        if known < end:
            raise ValueError(f"{end} was known on {known}")
        if (known, end) in self.values:
            raise ValueError(f"{end} appears twice, known on {known}")
        if not math.isfinite(value):
            raise ValueError(f"{end} is {value}")
        self.values[known, end] = value

    def at(self, day: dt.date, spec: Spec) -> float:
        """Return the value known at the close of a day."""
        newest: dict[dt.date, float] = {}
        for (known, end), value in sorted(self.values.items()):
            if known <= day:
                newest[end] = value
        if not newest or (day - max(newest)).days > spec.age:
            return math.nan
        return _transform(newest, spec)


def read_records(path: Path, spec: Spec) -> dict[str, Records]:
    """Return the records of a file by asset ("" for a series); ValueError if it cannot be read."""
    try:
        frame = _read_frame(path)
    except Exception as error:  # pandas may refuse in any way
        raise ValueError(f"pandas cannot read it: {error}") from error
    frame.columns = [str(name).strip() for name in frame.columns]
    wanted = [name for name in (spec.date, spec.known_at, spec.asset, spec.value) if name]
    if missing := [name for name in wanted if name not in frame.columns]:
        raise ValueError(f"no column {missing[0]!r}")
    if frame.columns.duplicated().any():
        raise ValueError("two columns have one name")
    frame = frame.iloc[1:] if spec.codes else frame
    wide = bool(spec.assets) and not spec.asset
    out: dict[str, Records] = {name: Records() for name in spec.assets or ("",)}
    for name in [asset for asset in spec.assets if asset in frame.columns] if wide else [spec.value]:
        cells = [_number(text) for text in frame[name]]
        kept = [not math.isnan(cell) for cell in cells]
        owners = [name if wide else ""] * len(cells) if not spec.asset else list(frame[spec.asset])
        _add_all(out, frame, spec, cells, kept, owners)
    return out


def _read_frame(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path).astype(object)
        return frame.map(_text)
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def _text(cell: object) -> str:
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return f"{cell:%Y-%m-%d}" if isinstance(cell, dt.date) else str(cell)


def _add_all(
    out: dict[str, Records],
    frame: pd.DataFrame,
    spec: Spec,
    cells: list[float],
    kept: list[bool],
    owners: list[str],
) -> None:
    """Add the values of one column to the records of their assets."""
    ends = [read_stamp(text.strip(), spec.form, spec.months) for text in frame[spec.date]]
    distinct = sorted({end for end, keep in zip(ends, kept, strict=True) if keep})
    for n, (end, value) in enumerate(zip(ends, cells, strict=True)):
        if not kept[n] or owners[n].strip() not in out:
            continue
        if spec.lag:
            known = add_lag(end, spec.lag, spec.months, [each for each in distinct if each > end])
        else:
            known = _read_known(frame[spec.known_at].iloc[n].strip())
        if known is not None:
            out[owners[n].strip()].add(end, known, value)


def _read_known(text: str) -> dt.date:
    at = dt.datetime.fromisoformat(text)
    return at.date() + dt.timedelta(days=at.time() != dt.time())


def _number(text: str) -> float:
    return math.nan if text.strip().casefold() in NOTHING else float(text)


def _transform(newest: dict[dt.date, float], spec: Spec) -> float:
    """Return the transform of the newest value, from values that were known at the same day."""
    ends = sorted(newest)
    last = ends[-1]

    def before(count: int) -> float:
        if spec.months and not spec.assets:
            by_month = {(end.year, end.month): newest[end] for end in ends}
            then = end_month(add_months(last.replace(day=1), -count * spec.months))
            return by_month.get((then.year, then.month), math.nan)
        return newest[ends[-1 - count]] if len(ends) > count else math.nan

    name, _, digits = spec.transform.rpartition("_")
    count = int(digits) if digits.isdigit() else 0
    now = newest[last]
    with np.errstate(all="ignore"):
        if spec.transform == "level":
            return now
        if spec.transform == "log":
            return _log(now)
        if name == "change":
            return now - before(count)
        if name == "log_change":
            return _log(now) - _log(before(count))
        if name == "growth":
            then = before(count)
            return now / then - 1.0 if then > 0.0 and now > 0.0 else math.nan
        second = [now, before(1), before(2)]
        if spec.transform == "second_log_change":
            second = [_log(value) for value in second]
        return second[0] - 2.0 * second[1] + second[2]


def _log(value: float) -> float:
    return math.log(value) if value > 0.0 else math.nan


def values_at(records: dict[str, Records], days: list[dt.date], spec: Spec) -> Floats:
    """Return the values known at the close of each day, shape (T, N) (N is 1 for a series)."""
    return np.array([[each.at(day, spec) for each in records.values()] for day in days])
