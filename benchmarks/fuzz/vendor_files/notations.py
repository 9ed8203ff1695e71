"""Notations: how the cells of a sheet are written, and the settings that say so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.fuzz.price_files.corpus import Rng, choose
from benchmarks.fuzz.vendor_files.facts import Facts, Sheet

DATE_FORMS = (
    *("%Y-%m-%d", "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%b-%Y", "%b %d, %Y", "%Y%m%d"),
    *("%d%b%Y", "%Y/%m/%d", "%Y.%m.%d", "s", "ms", "excel"),
)
ENDINGS = (".csv",) * 6 + (".txt", ".tsv", ".csv.gz", ".xlsx", ".xlsx", ".xlsx", ".parquet")
MISSING = ("", "NA", "n.a.", "-", "#N/A", ".", "null", "NaN", "-999", "fehlt")
OF_SETTINGS = ("-999", "fehlt")
"""Texts for missing values that only `na_values` explains."""
TITLES = (
    ["Prices of the fund"],
    ["Source: vendor, as of 31.12.2023"],
    [],
    ["Exported by user 7"],
    ["Close of the day"],
)


@dataclass
class Notation:
    """How a file is written.

    Attributes
    ----------
    ending : str
    separator, encoding, line_end : str
    decimal, thousands : str
    percent : bool
        Whether numbers have a percent sign.
    quote : bool
        Whether every cell is quoted.
    missing : str
    typed_dates : bool
        Whether workbooks and Parquet files hold dates and not texts.
    """

    ending: str
    separator: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"
    decimal: str = "."
    thousands: str = ""
    percent: bool = False
    quote: bool = False
    missing: str = ""
    typed_dates: bool = True

    @property
    def is_text(self) -> bool:
        """Whether the file is one of text."""
        return self.ending not in (".xlsx", ".parquet")

    def write_number(self, text: str) -> str:
        """Return a number with a decimal point in this notation."""
        bare = text.lstrip("-").rstrip("KMB%")
        if not bare.replace(".", "").isdigit():
            return text
        tail = text[len(text) - (len(text.lstrip("-")) - len(bare)) :]
        tail = "" if text.endswith(bare) else tail
        whole, point, part = bare.partition(".")
        if self.thousands and len(whole) > 3:
            groups = [whole[max(0, end - 3) : end] for end in range(len(whole), 0, -3)]
            whole = self.thousands.join(reversed(groups))
        sign = "-" if text.startswith("-") else ""
        percent = "%" if self.percent and not tail else ""
        return f"{sign}{whole}{self.decimal if point else ''}{part}{tail}{percent}"


def write_date(day: dt.date, form: str) -> str:
    """Return a date as text."""
    if form in ("s", "ms"):
        at = dt.datetime.combine(day, dt.time(), dt.UTC)
        return str(int(at.timestamp()) * (1000 if form == "ms" else 1))
    if form == "excel":
        return str((day - dt.date(1899, 12, 30)).days)
    return day.strftime("%Y%m" if form == "yyyymm" else form)


def choose_notation(rng: Rng, sheet: Sheet, facts: Facts) -> Notation:
    """Choose a notation that leaves one reading, or set what decides."""
    notation = Notation(choose(rng, ENDINGS))
    if notation.ending == ".parquet" and len(sheet.top) != 1:
        notation.ending = ".csv"
    is_fixed = sheet.date_form != "%Y-%m-%d"
    if not is_fixed:
        sheet.date_form = choose(rng, DATE_FORMS)
        if sheet.date_form in ("s", "ms") and facts.dates[0].year < 2002:
            sheet.date_form = "%Y-%m-%d"  # fewer digits may be anything
    notation.typed_dates = bool(rng.random() < 0.7) and sheet.date_form not in ("yyyymm", "us", "ms", "s")
    if not notation.is_text and notation.typed_dates:
        sheet.date_form = "%Y-%m-%d" if sheet.date_form != "excel" else "excel"
    if sheet.date_form == "excel" or ("%" in sheet.date_form and rng.random() < 0.25):
        sheet.options["date_format"] = sheet.date_form
    _choose_missing(rng, sheet, notation)
    if not notation.is_text:
        if notation.ending == ".xlsx" and len(sheet.top) == 1 and rng.random() < 0.25:
            sheet.top = [*TITLES[: int(rng.integers(1, 4))], *sheet.top]
            sheet.notes.append("title rows")
        return notation
    _choose_text(rng, sheet, facts, notation)
    return notation


def _choose_missing(rng: Rng, sheet: Sheet, notation: Notation) -> None:
    notation.missing = choose(rng, MISSING)
    if notation.missing in OF_SETTINGS:
        sheet.options["na_values"] = (float("-999") if notation.missing == "-999" else notation.missing,)


def _choose_text(rng: Rng, sheet: Sheet, facts: Facts, notation: Notation) -> None:
    if rng.random() < 0.4:
        notation.decimal = ","
    if rng.random() < 0.3:
        others = {",": (".", " ", "'", "\u00a0"), ".": (",", " ", "'")}[notation.decimal]
        notation.thousands = choose(rng, others)
    if notation.decimal == "," or notation.thousands or rng.random() < 0.1:
        doubtful = facts.decimals == 3 or notation.thousands or "volume" in sheet.fields
        if doubtful or rng.random() < 0.3:
            sheet.options["decimal"] = notation.decimal
    notation.separator = choose(rng, (";", "\t", "|")) if notation.decimal == "," else ","
    notation.separator = "\t" if notation.ending == ".tsv" else notation.separator
    if notation.separator != "," and facts.decimals == 3:
        sheet.options["decimal"] = notation.decimal  # 655.542 has decimals only where commas separate columns
    notation.quote = bool(rng.random() < 0.15)
    notation.encoding = choose(rng, ("utf-8",) * 4 + ("utf-8-sig", "utf-16", "utf-16-le-bom"))
    notation.line_end = choose(rng, ("\n", "\n", "\r\n"))
    if facts.values != "prices" and rng.random() < 0.3 and sheet.date_form != "yyyymm":
        notation.percent = True
        sheet.options.pop("scale", None)
    if len(sheet.top) == 1 and rng.random() < 0.25:
        lines = [choose(rng, TITLES) for _ in range(int(rng.integers(1, 4)))]
        sheet.top = [*lines, *sheet.top]
        sheet.options["skip_rows"] = len(lines)
        sheet.notes.append(f"{len(lines)} lines above the names")
    if rng.random() < 0.15 and not sheet.bottom:
        sheet.bottom = [[], [choose(rng, ("Source: vendor", "Total of 7 funds", "Downloaded from the web"))]]
        sheet.notes.append("footer")


def write_rows(sheet: Sheet, notation: Notation) -> tuple[list[list[str]], list[list[Any]], list[list[str]]]:
    """Return the lines above the data, the data and the lines below it, as cells in the notation."""
    typed = not notation.is_text

    def write(cell: Any) -> Any:
        if isinstance(cell, dt.datetime):
            return cell if typed and notation.typed_dates else cell.strftime("%Y-%m-%d %H:%M")
        if isinstance(cell, dt.date):
            if typed and notation.typed_dates:
                return float(write_date(cell, "excel")) if sheet.date_form == "excel" else cell
            return write_date(cell, sheet.date_form)
        if typed:
            return _type(cell, notation)
        is_stamp = sheet.date_form in ("ms", "us") and len(cell) > 12 and cell.isdigit()
        return cell if is_stamp else (notation.write_number(cell) or notation.missing)

    rows = [[write(row[0]), *(_keep_names(write, cell) for cell in row[1:])] for row in sheet.rows]
    bottom = [[line[0], *map(notation.write_number, line[1:])] if line else [] for line in sheet.bottom]
    return sheet.top, rows, bottom


def _keep_names(write: Callable[[Any], Any], cell: Any) -> Any:
    return cell if isinstance(cell, str) and cell[:1].isalpha() else write(cell)


def _type(text: str, notation: Notation) -> Any:
    """Return a typed cell of a workbook or Parquet file."""
    if text in ("", "#N/A N/A"):
        return (-999.0 if notation.missing == "-999" else None) if notation.missing in ("", "-999") else None
    if len(text) > 12 and text.isdigit():
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def write_text(
    top: list[list[str]], rows: list[list[str]], bottom: list[list[str]], notation: Notation
) -> bytes:
    """Return the bytes of a text file."""
    mark = notation.separator

    def join(line: list[str]) -> str:
        return mark.join(_quote(cell, notation, mark) for cell in line)

    text = notation.line_end.join(map(join, [*top, *rows, *bottom])) + notation.line_end
    if notation.encoding == "utf-16-le-bom":
        return ("\ufeff" + text).encode("utf-16-le")
    return text.encode(notation.encoding)


def _quote(cell: str, notation: Notation, mark: str) -> str:
    special = mark in cell or '"' in cell
    return '"' + cell.replace('"', '""') + '"' if special or notation.quote else cell
