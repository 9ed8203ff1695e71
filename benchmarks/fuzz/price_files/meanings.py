"""Mutations that change the apparent meaning of a file: the original content is the reference."""

from __future__ import annotations

import datetime as dt
import unicodedata

from benchmarks.fuzz.price_files.corpus import Rng, choose
from benchmarks.fuzz.price_files.drafts import RAW, Draft
from benchmarks.fuzz.price_files.reading import UnreadableError, is_number, read_date

ADJUSTED_NAMES = (
    *("adjClose", "adjclose", "Adj. Close", "close_adj", "adjusted", "Adj Close*", "Adj Close**", "AdjClose"),
    *(
        "Adjusted_Close",
        "ADJ CLOSE",
        "adj close price",
        "Close (adjusted)",
        "close_adjusted",
        "adj_close_price",
    ),
    *("Adj_Close ", "adj-close", "5. adjusted close", "closeAdj", "adjusted_closing_price", "adj. close usd"),
    *("split_adjusted_close", "total_return_close", "Close Adj", "aclose", "adj_px_last", "PX_ADJ_CLOSE"),
)
INVISIBLE = ("\u200b", "\ufeff", "\u200d", "\x07", "\u2060", "\u00ad", "\u200e")
HIDDEN = (*INVISIBLE, "\u00a0", " ", "\t", "\x1f")
LEAST_ROWS = {"prices": 26, "returns": 26, "percent_returns": 50}
"""Number of rows from which wrongly declared values can be detected."""
ZONES = (-10, -5, 0, 0, 1, 2, 9, 11)
"""Hours from UTC."""


def open_quote(draft: Draft, rng: Rng) -> str | None:
    """Leave a quote open in a cell, which may swallow the rows up to the next one."""
    if draft.style.is_parquet or not draft.rows:
        return None
    texts = [n for n, name in enumerate(draft.header) if name in ("comment", draft.reading.asset)]
    column = choose(rng, texts or range(len(draft.header)))
    rows = sorted(int(n) for n in rng.integers(0, len(draft.rows), 2))
    for row in rows if rng.random() < 0.6 else rows[:1]:
        text = draft.rows[row][column].removeprefix(RAW)
        draft.is_strict = True
        draft.rows[row][column] = RAW + ('"' + text if rng.random() < 0.8 else text + '"')
    return f"open quotes in rows {rows}, column {draft.header[column]!r}"


def break_line(draft: Draft, rng: Rng) -> str | None:
    """Write a line break into a quoted cell."""
    if draft.style.is_parquet or not draft.rows or "comment" not in draft.header:
        return None
    row, column = int(rng.integers(len(draft.rows))), draft.column("comment")
    draft.rows[row][column] = choose(
        rng, ("two\nlines", "two\r\nlines", "\n", "2020-01-31,A,1\n2020-02-28,B,2")
    )
    return f"line break in row {row}"


def rename_adjusted(draft: Draft, rng: Rng) -> str | None:
    """Give the adjusted close another common name."""
    if not draft.reading.unadjusted:
        return None
    column = draft.column(draft.reading.price)
    if column < 0:
        return None
    name = choose(rng, ADJUSTED_NAMES)
    draft.header[column] = name
    draft.named += (name.strip(),)
    return f"adjusted close is called {name!r}"


def offset_dates(draft: Draft, rng: Rng) -> str | None:
    """Write dates as timestamps with an offset: midnight or the close at the exchange, shown in another time zone."""
    column = draft.column(draft.reading.date)
    if column < 0 or draft.style.is_parquet or not draft.rows:
        return None
    exchange, clock = int(choose(rng, ZONES)), int(choose(rng, ZONES))
    signed = f"{clock:+03d}"
    offset = choose(rng, ("Z", "+00:00", " UTC", "+0000") if clock == 0 else (f"{signed}:00", f"{signed}00"))
    hour = int(choose(rng, (0, 0, 16)))
    changed = []
    for row in draft.rows:
        try:
            day = read_date(row[column], draft.reading.day_first)
            stamp = dt.datetime.combine(day, dt.time(hour)) + dt.timedelta(hours=clock - exchange)
        except (UnreadableError, OverflowError):  # the last day that Python knows
            return None
        changed.append(f"{stamp:%Y-%m-%d %H:%M:%S}{offset}")
    for row, text in zip(draft.rows, changed, strict=True):
        row[column] = text
    return f"{hour} o'clock {exchange:+d} h from UTC as {changed[0]!r}"


def zone_dates(draft: Draft, rng: Rng) -> str | None:
    """Store dates in Parquet as timestamps with a time zone: midnight UTC is another day in New York."""
    if not draft.style.date_type.startswith("timestamp"):
        return None
    zone = choose(rng, ("UTC", "America/New_York", "Asia/Tokyo", "-05:00", "Europe/Zurich"))
    draft.style.date_type += f" {zone}"
    return f"time zone {zone}"


def vary_names(draft: Draft, rng: Rng) -> str | None:
    """Write the name of an asset differently in some rows of a long table, or in the header."""
    is_long = draft.reading.layout == "long"
    how = choose(rng, ("hidden", "hidden", "decomposed", *(("case", "wide letters") if is_long else ())))
    hidden = choose(rng, HIDDEN if is_long else INVISIBLE)

    def vary(name: str) -> str:
        if how == "case":
            return name.swapcase()
        if how == "decomposed":
            return unicodedata.normalize("NFD", name)
        if how == "wide letters":
            return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in name)
        at = int(rng.integers(0, len(name) + 1))
        return name[:at] + hidden + name[at:]

    if is_long:
        column = draft.column(draft.reading.asset)
        if column < 0 or not draft.rows:
            return None
        name = choose(rng, draft.rows)[column]
        rows = [row for row in draft.rows if row[column] == name and rng.random() < 0.5]
        if vary(name) == name:
            return None
        for row in rows:
            row[column] = vary(name)
        draft.is_strict = True
        return f"{len(rows)} rows of {name!r} named by {how} {hidden!r}"
    columns = draft.value_columns()
    if draft.reading.layout != "wide" or not columns:
        return None
    column = choose(rng, columns)
    draft.header[column] = vary(draft.header[column])
    draft.is_strict = True
    return f"column {column} named by {how} {hidden!r}: {draft.header[column]!r}"


def repeat_rows(draft: Draft, rng: Rng) -> str | None:
    """Repeat a row directly or at the end, or repeat the whole table."""
    if not draft.rows:
        return None
    if rng.random() < 0.3:
        draft.rows += [list(row) for row in draft.rows]
        return "all rows twice"
    row = int(rng.integers(len(draft.rows)))
    at = choose(rng, (row, len(draft.rows)))
    draft.rows.insert(at, list(draft.rows[row]))
    return f"row {row} again at {at}"


def shift_cells(draft: Draft, rng: Rng) -> str | None:
    """Delete or insert a cell of a row, so that the others shift."""
    if draft.style.is_parquet or not draft.rows:
        return None
    row = int(rng.integers(len(draft.rows)))
    at = int(rng.integers(len(draft.rows[row])))
    if rng.random() < 0.5:
        del draft.rows[row][at]
        return f"cell {at} of row {row} lost"
    draft.rows[row].insert(at, choose(rng, ("", "1", "x")))
    return f"a cell more at {at} of row {row}"


def mistake_unit(draft: Draft, rng: Rng) -> str | None:
    """Declare a wrong kind of values."""
    kinds = ("prices", "returns", "percent_returns")
    given = draft.reading.values
    if draft.expectation == "suspect":
        return None  # the second mistake might undo the first
    other = choose(rng, [kind for kind in kinds if kind != given])
    if draft.reading.layout != "wide" or len(draft.rows) < LEAST_ROWS[other]:
        return None
    draft.reading = type(draft.reading)(**{**vars(draft.reading), "values": other})
    draft.expectation = "suspect"
    return f"{given} declared as {other}"


def mistake_cash(draft: Draft, _rng: Rng) -> str | None:
    """Omit the kind of values in the column of cash, which then counts as returns."""
    if draft.reading.cash is None or draft.reading.cash_values == "returns":
        return None
    if len(draft.rows) < draft.reading.steps_per_year // 4 + 1:
        return None  # cash is judged by the median over a quarter of a year
    draft.reading = type(draft.reading)(**{**vars(draft.reading), "is_cash_declared": False})
    draft.expectation = "suspect"
    return f"cash of {draft.reading.cash_values} read as returns"


def write_gross(draft: Draft, _rng: Rng) -> str | None:
    """Write returns of 0.3 % as 1.003, and declare them as returns."""
    column = draft.column(draft.reading.date)
    if draft.reading.values != "returns" or draft.reading.cash or column < 0:
        return None
    if len({row[column] for row in draft.rows}) < LEAST_ROWS["returns"]:
        return None
    cells = [(row, n) for row in draft.rows for n in draft.value_columns() if n < len(row)]
    numbers = [(row, n) for row, n in cells if is_number(row[n])]
    if 2 * len(numbers) <= len(cells):
        return None  # cells written with a currency sign, say: the file would hold the true returns
    for row, n in numbers:
        row[n] = f"{1.0 + float(row[n]):.6f}"
    draft.expectation = "suspect"
    return "gross returns declared as returns"


MEANINGS = (
    *(open_quote, open_quote, break_line, rename_adjusted, rename_adjusted, offset_dates, zone_dates),
    *(
        vary_names,
        vary_names,
        repeat_rows,
        shift_cells,
        mistake_unit,
        mistake_cash,
        mistake_cash,
        write_gross,
        write_gross,
    ),
)
