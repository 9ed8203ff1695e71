"""How to read a file of a series or table with two clocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from market.as_of.expressions import parse_transform
from market.readers.dated.lags import explain_clocks, parse_age, parse_lag
from market.text.options import DecimalMark, TextOptions

StampKind = Literal["period_start", "period_end"]


@dataclass(frozen=True)
class DatedSettings:
    """How to read a file, and when its values became known.

    Attributes
    ----------
    column : str, optional
        The column of values; it can be left out if there is only one.
    columns : {"all"} or tuple of str, optional
        Several columns, each of which becomes a series or table of its own.
    date_column, asset_column : str, optional
        Found by their usual names if they are not given.
    lag : str, optional
        Time from the end of a period until its value was known.
    known_at : str, optional
        Column of the dates on which values became known, instead of a lag.
    stamps : {"period_start", "period_end"}, optional
        Which day of its period a date is; inferred by default.
    max_age : str, optional
        Age from the end of its period after which a value counts as missing.
    transform : str, optional
        Of the values of one vintage; by default that of the file's own line of codes, else none.
    skip_rows : int, optional
        Lines above the line of column names.
    table : int, optional
        Which of several tables in a text file is read, counted from 1.
    decimal : {".", ","}, optional
        The decimal mark of a text file.
    date_format : str, optional
        How dates are written, as in files of prices; dates of publication like 2020-01-31 are read without it.
    na_values : tuple of str or float
        More texts and numbers that stand for no value.
    """

    column: str | None = None
    columns: Literal["all"] | tuple[str, ...] | None = None
    date_column: str | None = None
    asset_column: str | None = None
    lag: str | None = None
    known_at: str | None = None
    stamps: StampKind | None = None
    max_age: str | None = None
    transform: str | None = None
    skip_rows: int | None = None
    table: int | None = None
    decimal: DecimalMark | None = None
    date_format: str | None = None
    na_values: tuple[str | float, ...] = ()

    @property
    def text_options(self) -> TextOptions:
        """What is stated about the text of the files, whose lines of transform codes are kept."""
        codes = tuple(map(str, self.na_values))
        return TextOptions(self.skip_rows, self.table, self.decimal, self.date_format, codes, keep_codes=True)

    def explain_clocks(self) -> str:
        """Return what is wrong with the lag or known_at; "" if they say once when a value was known."""
        return explain_clocks(self.lag, self.known_at)


def check_text(key: str, text: str) -> str:
    """Return the text of a lag, an age or a transform.

    Raises
    ------
    ValueError
        If it is none; says what is expected.
    """
    {"lag": parse_lag, "max_age": parse_age, "transform": parse_transform}[key](text)
    return text
