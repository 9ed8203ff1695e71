"""The corpus: generated valid price files in common layouts, dialects and types."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.fuzz.price_files.drafts import Draft, Reading, Style

NAMES = (
    *("AAPL", "BRK.B", "^GSPC", "BTC-USD", "EURUSD=X", "MSFT", "S&P 500", "0700.HK", "Société", "Zürich"),
    *("NoDur", "Hlth", "US10Y", "gold", "x1", "7203", "Small Value", "GLD", "日経", "TLT"),
)
PERIODS = {"daily": (1.0, 252), "weekly": (2.2, 52), "monthly": (4.5, 12)}
"""Frequencies, with the typical size of a stock's return in percent, and the steps per year."""
BOND = 0.15
"""Size of a bond's return, as a fraction of a stock's."""
DATE_FORMS = ("%Y-%m-%d",) * 8 + (
    *("%Y/%m/%d", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y"),
    *("%Y-%m-%d 00:00:00", "%Y-%m-%dT16:00:00", "%Y-%m-%d 16:00:00.000"),
)
MISSING = ("", "", "", "NA", "NaN", "null", ".", "#N/A")
DATE_NAMES = ("date", "date", "Date", "DATE", "Datetime", "timestamp", "trade_date", "")

Rng = np.random.Generator


def choose(rng: Rng, options: Sequence[Any]) -> Any:
    """Return one of the options unchanged."""
    return options[int(rng.integers(len(options)))]


def make_draft(rng: Rng) -> Draft:
    """Return a valid file, which must be read."""
    draft = _make_draft(rng)
    if draft.style.number_type == "float32":
        for row in draft.rows:
            for n in draft.value_columns():
                row[n] = repr(float(np.float32(row[n])))
    return draft


def _make_draft(rng: Rng) -> Draft:
    layout = choose(rng, ("wide", "wide", "long", "long", "single"))
    values = "prices" if layout == "single" else choose(rng, ("prices",) * 4 + ("returns", "percent_returns"))
    frequency = choose(rng, tuple(PERIODS))
    style = _make_style(rng)
    dates = _make_dates(rng, frequency, int(choose(rng, (14, 21, 27, 33, 40, 54, 70))))
    names = [NAMES[n] for n in rng.permutation(len(NAMES))[: 1 if layout == "single" else rng.integers(1, 5)]]
    returns = rng.standard_normal((len(dates), len(names))) * PERIODS[frequency][0] / 100.0
    returns *= choose(rng, (1.0, 1.0, 1.0, BOND))
    decimals = int(choose(rng, (2, 2, 3, 4, 6)))
    form = choose(rng, DATE_FORMS)
    is_row_number = style.is_parquet and style.date_type == "int64"
    form = "%Y%m%d" if is_row_number else "%Y-%m-%d" if style.is_parquet else form
    days = [day.strftime(form) for day in dates]
    date_name = choose(rng, DATE_NAMES)
    year = PERIODS[frequency][1]
    reading = Reading(layout, date_name, day_first=form.startswith("%d"), values=values, steps_per_year=year)
    notes = [f"{layout} {values} {frequency} {style.ending} {decimals} decimals, dates {form}"]
    if values != "prices":
        numbers = returns * 100.0 if values == "percent_returns" else returns
        texts = [
            [f"{x:.{decimals if values != 'returns' else decimals + 3}f}" for x in row] for row in numbers
        ]
        return _lay_out(rng, Draft([], [], reading, style, "file", notes), days, names, texts)
    level = rng.uniform(8.0, 900.0, len(names))
    prices = np.maximum(level * np.cumprod(1.0 + returns, axis=0), 1.0)
    draft = Draft([], [], reading, style, "file", notes)
    if layout == "wide" or (layout == "long" and rng.random() < 0.4):
        texts = [[f"{x:.{decimals}f}" for x in row] for row in prices]
        return _lay_out(rng, draft, days, names, texts)
    return _lay_out_bars(rng, draft, days, names, prices, decimals)


def _make_style(rng: Rng) -> Style:
    ending = choose(rng, (".csv",) * 9 + (".csv.gz", ".csv.bz2", ".parquet", ".parquet", ".pq"))
    style = Style(ending)
    if style.is_parquet:
        style.number_type = choose(rng, ("float64", "float64", "float32", "decimal", "string", "dictionary"))
        style.date_type = choose(
            rng,
            ("string", "date32", "timestamp[s]", "timestamp[ms]", "timestamp[us]", "timestamp[ns]", "int64"),
        )
        return style
    style.line_end = choose(rng, ("\n", "\n", "\n", "\r\n"))
    style.quote = choose(rng, ("needed", "needed", "text", "all"))
    style.encoding = choose(rng, ("utf-8",) * 5 + ("utf-8-sig",))
    return style


def _make_dates(rng: Rng, frequency: str, n: int) -> list[dt.date]:
    """Return dates of a frequency: sessions, Fridays or month ends."""
    start = dt.date(int(rng.integers(1962, 2024)), int(rng.integers(1, 13)), int(rng.integers(1, 28)))
    if frequency == "monthly":
        months = [start.year * 12 + start.month + k for k in range(1, n + 1)]
        return [dt.date(m // 12, m % 12 + 1, 1) - dt.timedelta(days=1) for m in months]
    if frequency == "weekly":
        friday = start + dt.timedelta(days=(4 - start.weekday()) % 7)
        return [friday + dt.timedelta(weeks=k) for k in range(n)]
    every_day = bool(rng.random() < 0.15)
    days = (start + dt.timedelta(days=k) for k in range(2 * n))
    return [day for day in days if every_day or day.weekday() < 5][:n]


def _lay_out(rng: Rng, draft: Draft, days: list[str], names: list[str], texts: list[list[str]]) -> Draft:
    """Write one number per date and asset, in wide or long layout."""
    reading, style = draft.reading, draft.style
    if reading.layout == "wide":
        draft.header = [reading.date, *names]
        draft.rows = [[day, *row] for day, row in zip(days, texts, strict=True)]
        _leave_out(rng, draft, range(1, 1 + len(names)))
        _add_roles(rng, draft)
        return draft
    price = choose(rng, ("price", "adj_close", "close") if reading.values == "prices" else ("return", "ret"))
    asset = choose(rng, ("asset", "symbol", "ticker", "Ticker"))
    draft.reading = _replace(reading, price=price, asset=asset, date=reading.date or "date")
    draft.header = [draft.reading.date, asset, price]
    draft.rows = [
        [day, name, text]
        for day, row in zip(days, texts, strict=True)
        for name, text in zip(names, row, strict=True)
    ]
    _add_note(rng, draft)
    if style.ending == ".csv" and rng.random() < 0.3:
        draft.rows.sort(key=lambda row: row[1])
    return draft


def _lay_out_bars(
    rng: Rng, draft: Draft, days: list[str], names: list[str], closes: NDArray[np.float64], decimals: int
) -> Draft:
    """Write bars of one asset or in long layout, with or without an adjusted close."""
    reading = draft.reading
    shape = closes.shape
    opens = closes * (1.0 + 0.005 * rng.standard_normal(shape))
    spread = 0.02 + 0.01 * rng.random(shape)
    highs, lows = (1.0 + spread) * np.maximum(opens, closes), (1.0 - spread) * np.minimum(opens, closes)
    volume = rng.integers(1_000, 9_000_000, shape)
    columns = [("Open", opens), ("High", highs), ("Low", lows), ("Close", closes)]
    adjusted = choose(rng, ("", "Adj Close", "adj_close", "Adjusted Close"))
    if adjusted:
        # A dividend of 2 % and a split of 2 for 1, for which the adjusted close corrects the past.
        day = int(rng.integers(3, shape[0] - 2))
        factor = np.where(np.arange(shape[0])[:, None] < day, 0.49, 1.0)
        columns = [(name, array / np.where(factor < 1.0, 0.5, 1.0)) for name, array in columns]
        columns.append((adjusted, columns[-1][1] * factor))
    table = {name: [[f"{x:.{decimals}f}" for x in row] for row in array] for name, array in columns}
    table["Volume"] = [[str(x) for x in row] for row in volume]
    bars = {"open": "Open", "high": "High", "low": "Low", "volume": "Volume"}
    draft.reading = _replace(
        reading,
        price=adjusted or "Close",
        bars=bars,
        unadjusted="Close" if adjusted else "",
        asset=names[0] if reading.layout == "single" else "ticker",
        date=reading.date or "date",
    )
    order = list(table)
    if rng.random() < 0.3:
        order = [order[n] for n in rng.permutation(len(order))]
    is_long = reading.layout == "long"
    draft.header = [draft.reading.date, *(["ticker"] if is_long else []), *order]
    draft.rows = [
        [day, *([name] if is_long else []), *(table[column][t][n] for column in order)]
        for t, day in enumerate(days)
        for n, name in enumerate(names)
    ]
    if is_long:
        _add_note(rng, draft)
    else:
        draft.stem = names[0].replace("/", "_")
    return draft


def _leave_out(rng: Rng, draft: Draft, columns: Sequence[int]) -> None:
    """In some files, let assets start late, end early or miss values; each keeps at least two values."""
    if draft.style.is_parquet or rng.random() < 0.6:
        return
    text = choose(rng, MISSING)
    for n in columns:
        if rng.random() < 0.5:
            start = int(rng.integers(0, len(draft.rows) - 4))
            for row in draft.rows[start : start + int(rng.integers(1, 4))]:
                row[n] = text


def _add_roles(rng: Rng, draft: Draft) -> None:
    """Add a column of cash, of the market, or an index, to some wide tables."""
    size = len(draft.rows)
    if rng.random() < 0.4:
        year = draft.reading.steps_per_year
        rates = {
            "returns": 0.03 / year,
            "percent_returns": 3.0 / year,
            "annual_percent": 3.0,
            "annual_rate": 0.03,
        }
        unit = choose(rng, (*rates, "returns", "percent_returns"))
        draft.header.append("RF")
        for row, value in zip(draft.rows, rates[unit] * (1.0 + 0.1 * rng.random(size)), strict=True):
            row.append(f"{value:.8f}")
        draft.reading = _replace(draft.reading, cash="RF", cash_values=unit)
        draft.notes.append(f"cash as {unit}")
    if rng.random() < 0.15:
        source = draft.header.index(draft.header[1])
        draft.header.append("Mkt")
        for row in draft.rows:
            row.append(row[source])
        draft.reading = _replace(draft.reading, market="Mkt")
        draft.notes.append("market")
    if draft.reading.date and rng.random() < 0.1:
        draft.header.insert(0, "")
        for n, row in enumerate(draft.rows):
            row.insert(0, str(n))
        draft.reading = _replace(draft.reading, ignored=("",))
        draft.notes.append("index")


def _add_note(rng: Rng, draft: Draft) -> None:
    """Add an unused text column to some long tables."""
    if rng.random() < 0.4:
        draft.header.append("comment")
        for row in draft.rows:
            row.append(choose(rng, ("", "ok", "revised, by vendor", 'so-called "close"', "it's final")))
        draft.notes.append("comment")


def _replace(reading: Reading, **changes: Any) -> Reading:
    return Reading(**{**vars(reading), **changes})
