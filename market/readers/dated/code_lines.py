"""Lines above the data of FRED-MD and FRED-QD: how each column is to be transformed."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from foundation.types import Bools, Floats
from market.errors import SourceError
from market.text.coded_texts import CodedTexts

_TRANSFORMS = {
    1: "level",
    2: "change_1",
    3: "second_change",
    4: "log",
    5: "log_change_1",
    6: "second_log_change",
    7: "growth_change",
}
"""Transforms by their code in FRED-MD (McCracken and Ng, 2016, *Journal of Business & Economic Statistics* 34)."""
_CODES = re.compile(r"(transform|tcode)s?:?", re.IGNORECASE)
_CONTROL = re.compile(r"(transform|tcode|factor)s?:?", re.IGNORECASE)
"""First cells of the lines above the data of FRED-MD and FRED-QD."""


def find_code_line(dates: CodedTexts, values: dict[str, Floats]) -> tuple[int | None, Bools]:
    """Return the row of transform codes, and which rows are data: not above it, and not without any cell."""
    usable = np.ones(len(dates), dtype=np.bool_)
    codes = None
    for row in range(min(len(dates), 2)):
        text = dates.texts[dates.codes[row]].strip()
        if _CONTROL.fullmatch(text):
            usable[row] = False
            codes = row if _CODES.fullmatch(text) else codes
    empty = np.array([not text.strip() for text in dates.texts], dtype=np.bool_)[dates.codes]
    for row in np.flatnonzero(empty).tolist():
        usable[row] = any(np.isfinite(column[row]) for column in values.values())
    return codes, usable


def read_codes(where: str, values: dict[str, Floats], row: int) -> dict[str, str]:
    """Return the transform of each column from the line of codes."""
    found = {}
    for name, column in values.items():
        code = column[row]
        if code not in _TRANSFORMS:
            raise SourceError(
                f"{where}: column {name!r} has the transform code {code:g}, expected 1 to 7; or give transform"
            )
        found[name] = _TRANSFORMS[int(code)]
    return found


def fill_stamps(texts: CodedTexts, usable: Bools) -> CodedTexts:
    """Return texts in which rows without data have the text of the first row with data; rows keep their numbers."""
    if usable.all():
        return texts
    if not usable.any():
        return CodedTexts(np.zeros(0, dtype=np.int64), ())
    first = texts.codes[np.argmax(usable)]
    codes, used = pd.factorize(np.where(usable, texts.codes, first))
    return CodedTexts(codes.astype(np.int64), tuple(texts.texts[code] for code in used))
