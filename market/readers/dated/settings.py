"""How to read a file of a series or table with two clocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
