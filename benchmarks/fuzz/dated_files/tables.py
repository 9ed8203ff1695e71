"""Files of series and tables before they are written: rows of texts, and how they are to be read."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from benchmarks.fuzz.dated_files.answers import Spec
from benchmarks.fuzz.dated_files.clocks import (
    DATE_COLUMNS,
    LAGS,
    MONTHS,
    STAMPS,
    add_months,
    end_month,
    write_stamp,
)
from benchmarks.fuzz.price_files.corpus import Rng, choose

ASSETS = ("AAA", "BBB", "CCC", "DDD")
TRANSFORMS = (
    *("level", "level", "level", "change_1", "change_3", "growth_1", "growth_12", "log", "log_change_1"),
    *("log_change_12", "second_change", "second_log_change"),
)
CODES = {"level": 1, "change_1": 2, "second_change": 3, "log": 4, "log_change_1": 5, "second_log_change": 6}
MISSING = ("", "", ".", "NA", "#N/A", "nan")
ODD_NUMBERS = ("abc", "1.2.3", "#REF!", "inf", "-inf", "1e999", "12:30", "0x1F", "--3", "1_000", "=A1", "(")
ODD_STAMPS = ("abc", "2020-13-01", "2020-02-30", "0000-00-00", "x", "99999999", "2020-01-01 25:61", "-1")


@dataclass
class DatedFile:
    """Rows of a file, and how they are to be read."""

    header: list[str]
    rows: list[list[str]]
    spec: Spec
    settings: dict[str, Any]


def make_file(rng: Rng) -> DatedFile:
    """Return a valid file."""
    frequency = choose(rng, tuple(STAMPS))
    form = choose(rng, STAMPS[frequency])
    date = DATE_COLUMNS.get(form) or choose(rng, ("date", "DATE", "sasdate", "observation_date"))
    kind = choose(rng, ("series", "series", "series", "long", "wide"))
    spec = Spec(frequency, form, date, "" if kind == "wide" else choose(rng, ("value", "T10Y", "cpi")))
    transform = choose(rng, TRANSFORMS)
    spec = replace(spec, transform=transform)
    settings: dict[str, Any] = {} if transform == "level" else {"transform": transform}
    if kind != "series":
        spec = replace(spec, assets=ASSETS, asset="symbol" if kind == "long" else "")
    if kind == "wide" or rng.random() < 0.6:
        spec = replace(spec, lag=choose(rng, LAGS))
        if spec.assets and spec.lag.endswith(("observation", "observations")) and not spec.months:
            spec = replace(spec, lag="1 month")
        settings["lag"] = spec.lag
    else:
        spec = replace(spec, known_at=choose(rng, ("realtime_start", "filed", "release_date")))
        settings["known_at"] = spec.known_at
    if (spec.assets and spec.months) or rng.random() < 0.4:
        age = int(choose(rng, (40, 100, 400, 1200)))
        spec = replace(spec, max_age=age)
        settings["max_age"] = f"{age} days"
    made = _add_rows(rng, spec, settings)
    if kind == "series":
        made = _decorate(rng, made)
    if rng.random() < 0.2 and not made.spec.codes:
        made.rows = [made.rows[n] for n in rng.permutation(len(made.rows))]
    return made


def _add_rows(rng: Rng, spec: Spec, settings: dict[str, Any]) -> DatedFile:
    """Return a file with values of all assets, and revisions where they have dates of publication."""
    ends = _make_ends(rng, spec.frequency)
    wide = bool(spec.assets) and not spec.asset
    if wide:
        header = [spec.date, *spec.assets]
        rows = [
            [write_stamp(end, spec.form, spec.months), *(_value(rng) for _ in spec.assets)] for end in ends
        ]
        return DatedFile(header, rows, spec, settings)
    header = [spec.date, *([spec.asset] if spec.asset else []), spec.value]
    header += [spec.known_at] if spec.known_at else []
    has_time = bool(rng.random() < 0.2)
    rows = []
    for end in ends:
        for owner in spec.assets or ("",):
            start = [write_stamp(end, spec.form, spec.months), *([owner] if spec.asset else [])]
            known = end + dt.timedelta(days=int(rng.integers(1, 40)))
            for _ in range(int(choose(rng, (1, 1, 1, 2, 3))) if spec.known_at else 1):
                text = f"{known:%Y-%m-%d}" + (" 08:30:00" if has_time and rng.random() < 0.5 else "")
                rows.append([*start, _value(rng), *([text] if spec.known_at else [])])
                known += dt.timedelta(days=int(rng.integers(2, 200)))
    return DatedFile(header, rows, spec, settings)


def _make_ends(rng: Rng, frequency: str) -> list[dt.date]:
    size = int(choose(rng, (26, 30, 44)))
    start = dt.date(int(rng.integers(1960, 2015)), int(rng.integers(1, 13)), int(rng.integers(1, 28)))
    if months := MONTHS[frequency]:
        first = end_month(start.replace(month=-(-start.month // months) * months, day=1))
        return [end_month(add_months(first.replace(day=1), months * k)) for k in range(size)]
    if frequency == "weekly":
        friday = start + dt.timedelta(days=(4 - start.weekday()) % 7)
        return [friday + dt.timedelta(weeks=k) for k in range(size)]
    days = (start + dt.timedelta(days=k) for k in range(2 * size))
    return [day for day in days if day.weekday() < 5][:size]


def _value(rng: Rng) -> str:
    return choose(rng, MISSING) if rng.random() < 0.05 else f"{rng.uniform(-5.0, 95.0):.3f}"


def _decorate(rng: Rng, made: DatedFile) -> DatedFile:
    """Add another column, or a line of codes, to some files of series."""
    spec, settings = made.spec, made.settings
    if rng.random() < 0.4:
        made.header.append("other")
        for row in made.rows:
            row.append(_value(rng))
        settings |= choose(
            rng, ({"column": spec.value}, {"columns": "all"}, {"columns": (spec.value, "other")})
        )
    elif rng.random() < 0.3:
        settings["column"] = spec.value
    if spec.transform in CODES and spec.lag and rng.random() < 0.4:
        code = str(CODES[spec.transform])
        made.rows.insert(0, ["Transform:", *[code] * (len(made.header) - 1)])
        settings.pop("transform", None)
        made.spec = replace(spec, codes=True)
    return made


def write_file(made: DatedFile, ending: str) -> bytes:
    """Return the bytes of a CSV or Parquet file."""
    if ending == ".csv":
        lines = [",".join(row) for row in [made.header, *made.rows]]
        return ("\n".join(lines) + "\n").encode()
    columns = []
    for n, name in enumerate(made.header):
        texts: list[Any] = [row[n] for row in made.rows]
        columns.append(_type(texts, name, made.spec))
    out = io.BytesIO()
    pa_parquet.write_table(pa.Table.from_arrays(columns, names=made.header), out)
    return out.getvalue()


def _type(texts: list[str], name: str, spec: Spec) -> Any:
    """Return a column with the type of its cells, or as texts."""
    is_day = name == spec.date and spec.form in ("month start", "month end", "day") and not spec.codes
    try:
        if is_day:
            return pa.array([dt.date.fromisoformat(text) for text in texts])
        if name not in (spec.date, spec.asset, spec.known_at):
            return pa.array([None if text.casefold() in MISSING_TEXTS else float(text) for text in texts])
    except ValueError:
        pass
    return pa.array(texts)


MISSING_TEXTS = tuple(text.casefold() for text in MISSING)
