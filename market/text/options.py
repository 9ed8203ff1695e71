"""Options: how to read the text of a file where the file itself does not say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DecimalMark = Literal[".", ","]
Scale = Literal["fraction", "percent"]
DuplicateRows = Literal["refuse", "first", "last"]


@dataclass(frozen=True)
class TextOptions:
    """What a user states about the text of a file. None leaves it to the evidence in the file.

    Attributes
    ----------
    skip_rows : int, optional
        Lines above the line of column names.
    table : int, optional
        Which table of a file with several is read, counted from 1. By default the first.
    decimal : {".", ","}, optional
        The decimal mark; the other one separates thousands.
    date_format : str, optional
        How dates are written: codes of strptime such as "%d/%m/%Y", or "excel" or "yyyyq".
    na_values : tuple of str
        More texts that stand for no value. A number also stands for every other way to write it.
    keep_percent : bool
        Whether 1.5% is 1.5, as in columns of percent; otherwise 0.015.
    keep_codes : bool
        Whether lines of codes between names and data, as FRED-MD has them, are read as rows.
    """

    skip_rows: int | None = None
    table: int | None = None
    decimal: DecimalMark | None = None
    date_format: str | None = None
    na_values: tuple[str, ...] = ()
    keep_percent: bool = False
    keep_codes: bool = False


PLAIN = TextOptions()
