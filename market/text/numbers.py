"""Numbers in other notations: decimal commas, separators of thousands, signs of percent and currency, units.

All cells of a file share one decimal mark. It is never guessed: a cell such as 59,82 or 1,234.5 decides, one such as
1,234 does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.suggestions import shorten_text
from foundation.types import Bools, Floats
from market.errors import AmbiguityError, SourceError
from market.text.number_texts import NO_VALUE, NO_VALUE_SIGNS
from market.text.options import DecimalMark

_CELL = re.compile(
    r"(?P<open>\()?(?P<sign>[-+\u2212]?)(?P<left>[$€£¥] ?)?(?P<inner>[-+\u2212]?)"
    r"(?P<digits>\d[\d.,'\u2019 \u00a0\u202f]*\d|\d[.,]?|[.,]\d+)(?P<power>[eE][-+]?\d+)?"
    r" ?(?P<unit>[KMB])? ?(?P<right>[$€£¥%])?(?P<close>\))?"
)
_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9}
_BLANKS = re.compile(r"\d{1,3}([ '\u2019\u00a0\u202f]\d{3})+([.,]\d*)?")
_INDIAN = r"\d{1,2}(,\d{2})+,\d{3}(\.\d*)?"
_POINT = re.compile(
    rf"{_INDIAN}|"
    r"\d{1,3}(,\d{3})+\.\d*|\d{1,3}(,\d{3}){2,}|0?\.\d+|0\.\d*|\d+\.(\d{1,2}|\d{4,})?|\d{4,}\.\d*"
)
_COMMA = re.compile(
    r"\d{1,3}(\.\d{3})+,\d*|\d{1,3}(\.\d{3}){2,}|0?,\d+|0,\d*|\d+,(\d{1,2}|\d{4,})?|\d{4,},\d*"
)
_GROUPS: dict[DecimalMark, re.Pattern[str]] = {
    ".": re.compile(rf"\d{{1,3}}(,\d{{3}})+(\.\d*)?|{_INDIAN}"),
    ",": re.compile(r"\d{1,3}(\.\d{3})+(,\d*)?"),
}
_PLAIN = re.compile(r"\d+\.?\d*|\.\d+")
_OTHER: dict[DecimalMark, DecimalMark] = {".": ",", ",": "."}


@dataclass(eq=False)
class ParsedTexts:
    """Distinct texts of a column as numbers.

    Attributes
    ----------
    values : ndarray of shape (k,)
        NaN where a text stands for no value, or is no number.
    wrong : ndarray of bool, shape (k,)
        Texts that are no number and stand for no value.
    marks : dict of str to list of int
        Positions of texts by what is not as in a plain number: "decimal comma", "thousands", "percent", "currency",
        "unit", "brackets", "minus", "no value".
    """

    values: Floats
    wrong: Bools
    marks: dict[str, list[int]] = field(default_factory=dict)


def find_decimal(source: str, columns: Mapping[str, Iterable[str]], *, points_decide: bool) -> DecimalMark:
    """Return the decimal mark of a file.

    Parameters
    ----------
    source : str
        What to call the file in messages.
    columns : mapping of str to iterable of str
        Distinct texts of the columns of numbers.
    points_decide : bool
        Whether a cell such as 1.234 has decimals, as in every file with commas between its columns.

    Raises
    ------
    AmbiguityError
        If there are cells such as 1,234, and no cell decides.
    SourceError
        If some cells need a decimal point and others a decimal comma.
    """
    first: dict[str, str] = {}
    for name, texts in columns.items():
        for text in texts:
            kind = _judge(text, points_decide=points_decide)
            if kind is not None:
                first.setdefault(kind, f"{text.strip()!r} in column {name!r}")
    if "." in first and "," in first:
        raise SourceError(
            f"{source}: {first['.']} has a decimal point and {first[',']} a decimal comma; write all numbers alike, or"
            " set data.decimal to '.' or ','"
        )
    if "?" in first and not {".", ","} & first.keys():
        text = re.sub(r"[^\d.,]", "", first["?"].split("'")[1])
        plain = re.sub(r"[.,]", "", text)
        raise AmbiguityError(
            f"{source}: {first['?']} may be {plain} or {text.replace(',', '.')}, and no cell decides which; write"
            " numbers with a decimal point and no separators of thousands, or set data.decimal to '.' or ','"
        )
    return "," if "," in first else "."


def parse_texts(
    texts: Sequence[str], decimal: DecimalMark, missing: Collection[str], percent: float
) -> ParsedTexts:
    """Return distinct texts as numbers.

    Parameters
    ----------
    texts : sequence of str
    decimal : {".", ","}
    missing : collection of str
        Texts that stand for no value, besides the usual ones.
    percent : float
        What a number with a percent sign is divided by: 100 makes fractions, 1 leaves percent.
    """
    bare = [text.strip() for text in texts]
    none = {*NO_VALUE, *missing}
    kept = [None if text in none or (decimal == "," and "." in text) else text for text in bare]
    values = np.array(pd.to_numeric(pd.Series(kept, dtype=object), errors="coerce"), dtype=np.float64)
    parsed = ParsedTexts(values, np.zeros(len(texts), dtype=np.bool_))
    for position in np.flatnonzero(np.isnan(values)).tolist():
        text = bare[position]
        if text in none:
            continue
        if text in NO_VALUE_SIGNS:
            parsed.marks.setdefault("no value", []).append(position)
            continue
        found = _parse(text, decimal, percent)
        if found is None:
            parsed.wrong[position] = True
            continue
        values[position], marks = found
        for mark in marks:
            parsed.marks.setdefault(mark, []).append(position)
    _refuse_mixed_percent(parsed)
    return parsed


def describe_marks(columns: Mapping[str, tuple[Sequence[str], ParsedTexts]]) -> Iterator[str]:
    """Word what was read otherwise than a plain number, one sentence for each sort of mark."""
    say: dict[str, Callable[[float], str]] = {
        "decimal comma": lambda value: f"has a decimal comma: read as {value:.12g}",
        "thousands": lambda value: f"has separators of thousands: read as {value:.12g}",
        "percent": lambda value: f"has a percent sign: read as {value:.12g}",
        "currency": lambda value: f"has a currency sign: read as {value:.12g}",
        "unit": lambda value: f"has a unit (K thousand, M million, B billion): read as {value:.12g}",
        "brackets": lambda value: f"is a negative number in brackets: read as {value:.12g}",
        "minus": lambda value: f"has a minus sign of print: read as {value:.12g}",
        "no value": lambda value: "stands for no value",
    }
    for mark, word in say.items():
        places = [(name, texts, parsed) for name, (texts, parsed) in columns.items() if mark in parsed.marks]
        if places:
            name, texts, parsed = places[0]
            position = parsed.marks[mark][0]
            count = sum(len(parsed.marks[mark]) for _, _, parsed in places)
            yield (
                f"{shorten_text(texts[position].strip())!r} in column {name!r} {word(float(parsed.values[position]))}"
                f" ({format_count(count, 'different cell')} like it)"
            )


def _judge(text: str, *, points_decide: bool) -> str | None:
    """Return the decimal mark that a cell needs, "?" if it may have either, None if it has neither."""
    if "." not in text and "," not in text:
        return None
    cell = _CELL.fullmatch(text.strip())
    if cell is None:
        return None
    digits = _join_groups(cell["digits"])
    if _POINT.fullmatch(digits) or (points_decide and re.fullmatch(r"\d+\.\d+", digits)) or cell["power"]:
        return "," if cell["power"] and "," in digits else "."
    if _COMMA.fullmatch(digits):
        return ","
    return "?" if re.fullmatch(r"\d{1,3}[.,]\d{3}", digits) else None


def _parse(text: str, decimal: DecimalMark, percent: float) -> tuple[float, list[str]] | None:
    """Return the number of a text, and what is not plain about it; None if it is no number."""
    cell = _CELL.fullmatch(text)
    if cell is None or (cell["open"] is None) != (cell["close"] is None):
        return None
    signs = f"{cell['sign']}{cell['inner']}"
    if len(signs) > 1 or (signs and cell["open"]) or (cell["left"] and (cell["right"] or "%") != "%"):
        return None
    marks, digits = [], _join_groups(cell["digits"])
    grouped = digits != cell["digits"]
    if _GROUPS[decimal].fullmatch(digits):
        digits, grouped = digits.replace(_OTHER[decimal], ""), True
    if grouped:
        marks.append("thousands")
    if decimal == "," and "," in digits:
        if "." in digits:
            return None
        marks.append("decimal comma")
        digits = digits.replace(",", ".")
    elif decimal == "," and "." in digits:
        return None
    if not _PLAIN.fullmatch(digits):
        return None
    value = float(digits + (cell["power"] or "")) * _UNITS.get(cell["unit"] or "", 1.0)
    marks += ["unit"] if cell["unit"] else []
    marks += ["currency"] if {cell["left"], cell["right"]} - {None, "%"} else []
    if cell["right"] == "%":
        marks.append("percent")
        value /= percent
    marks += ["brackets"] if cell["open"] else []
    marks += ["minus"] if signs == "\u2212" else []
    return (-value if cell["open"] or signs in ("-", "\u2212") else value), marks


def _join_groups(digits: str) -> str:
    """Return digits without blanks or apostrophes between groups of three."""
    return re.sub(r"[ '\u2019\u00a0\u202f]", "", digits) if _BLANKS.fullmatch(digits) else digits


def _refuse_mixed_percent(parsed: ParsedTexts) -> None:
    """Mark numbers without a percent sign as wrong, in a column where others have one; 0 is 0 in both."""
    if "percent" in parsed.marks:
        signed = np.zeros(len(parsed.values), dtype=np.bool_)
        signed[parsed.marks["percent"]] = True
        parsed.wrong |= np.isfinite(parsed.values) & ~signed & (parsed.values != 0)
        parsed.values[parsed.wrong] = np.nan
