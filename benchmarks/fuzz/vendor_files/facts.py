"""Facts: what a vendor's file is about, from which the file and the right answer are both made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from benchmarks.fuzz.price_files.corpus import Rng, choose
from benchmarks.fuzz.price_files.drafts import Content
from foundation.types import Floats

BARS = ("open", "high", "low", "volume")
FACTORS = {"daily": 1.0, "weekly": 2.2, "monthly": 4.5}
"""Typical size of a return in percent."""


@dataclass(frozen=True, eq=False)
class Facts:
    """Values by date and asset; a missing one is NaN.

    Attributes
    ----------
    dates : list of date, length T
        Increasing.
    assets : tuple of str, length N
    fields : dict of str to ndarray of shape (T, N)
        "price" (or return), and perhaps "adjusted", and bars with "volume". Rounded to `decimals`.
    decimals : int
    values : {"prices", "percent_returns"}
    """

    dates: list[dt.date]
    assets: tuple[str, ...]
    fields: dict[str, Floats]
    decimals: int
    values: str = "prices"

    def content(self, names: Sequence[str]) -> Content:
        """Return what a panel must hold if the file has the fields of these names."""
        used = {name: self.fields[name] for name in names}
        extra = {name: used[name] for name in BARS if name in used}
        if "adjusted" in used:
            extra["unadjusted"] = used["price"]
        days = np.array(self.dates, dtype="datetime64[D]")
        return Content(days, self.assets, used.get("adjusted", used["price"]), extra)

    def take(self, rows: Sequence[int]) -> Facts:
        """Return some of the dates."""
        kept = {name: array[list(rows)] for name, array in self.fields.items()}
        return replace(self, dates=[self.dates[n] for n in rows], fields=kept)

    def with_field(self, name: str, values: Floats) -> Facts:
        """Return the facts with one field changed."""
        return replace(self, fields={**self.fields, name: values})


@dataclass
class Sheet:
    """A file as rows of cells, before it is written.

    Attributes
    ----------
    top : list of list of str
        Lines above the data.
    rows : list of list of object
        Texts, dates, and numbers as texts with a decimal point.
    options : dict
        Settings that the file needs.
    fields : tuple of str
        The fields of the facts that it holds.
    stem : str
    bottom : list of list of str
        Lines below the data.
    date_form : str
        How dates are written: codes of strftime, or "yyyymm", "s", "ms", "excel".
    notes : list of str
    """

    top: list[list[str]]
    rows: list[list[Any]]
    options: dict[str, Any]
    fields: tuple[str, ...]
    stem: str = "prices"
    bottom: list[list[str]] = field(default_factory=list)
    date_form: str = "%Y-%m-%d"
    notes: list[str] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Number of columns that are read; the others of some vendors are not."""
        return min(len(self.rows[0]), 1 + len(self.fields)) if self.stem != "prices" else len(self.rows[0])


def make_facts(
    rng: Rng, names: Sequence[str], values: str, frequency: str, *, first_year: int = 1975
) -> Facts:
    """Return random facts of some assets."""
    size = int(choose(rng, (30, 45, 60, 80)))
    dates = make_dates(rng, frequency, size, first_year)
    returns = rng.standard_normal((size, len(names))) * FACTORS[frequency]
    decimals = int(choose(rng, (2, 2, 3, 4)))
    if values != "prices":
        fields = {"price": np.round(returns, decimals)}
        return Facts(dates, tuple(names), fields, decimals, values)
    level = rng.uniform(20.0, 5000.0, len(names))
    close = np.maximum(level * np.cumprod(1.0 + returns / 100.0, axis=0), 1.0)
    opened = close * (1.0 + 0.004 * rng.standard_normal(close.shape))
    fields = {
        "price": close,
        "open": opened,
        "high": 1.02 * np.maximum(opened, close),
        "low": 0.98 * np.minimum(opened, close),
        "adjusted": close * 0.98 ** (np.arange(size)[:, None] < size // 2),
    }
    rounded = {name: np.round(array, decimals) for name, array in fields.items()}
    rounded["volume"] = 10_000.0 * rng.integers(120, 90_000, close.shape)
    return Facts(dates, tuple(names), rounded, decimals)


def make_dates(rng: Rng, frequency: str, size: int, first_year: int) -> list[dt.date]:
    """Return weekdays, Fridays or month ends."""
    start = dt.date(int(rng.integers(first_year, 2020)), int(rng.integers(1, 13)), int(rng.integers(1, 28)))
    if frequency == "monthly":
        months = [start.year * 12 + start.month + k for k in range(1, size + 1)]
        return [dt.date(m // 12, m % 12 + 1, 1) - dt.timedelta(days=1) for m in months]
    if frequency == "weekly":
        friday = start + dt.timedelta(days=(4 - start.weekday()) % 7)
        return [friday + dt.timedelta(weeks=k) for k in range(size)]
    days = (start + dt.timedelta(days=k) for k in range(2 * size))
    return [day for day in days if day.weekday() < 5][:size]
