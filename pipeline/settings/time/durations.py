"""Durations: settings that count observations, given in time, such as 12 months."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from foundation.counts import format_count
from foundation.suggestions import suggest
from market.frequency import Frequency
from pipeline.settings.section import SettingError

Path = tuple[str, ...]

_INTERVALS = (
    "walk_forward.refit_every",
    "walk_forward.train_every",
    "regimes.refit_every",
    "models.*.refit_every",
    "models.*.tuning.every",
    "allocation.rebalance_every",
)
"""Settings that repeat something: where a row is longer, it is repeated at each row."""
_LAG = "target.execution_lag"
COUNTS = (
    *_INTERVALS,
    _LAG,
    "target.horizon",
    "target.risk_window",
    "walk_forward.window",
    "walk_forward.embargo",
    "walk_forward.min_train_dates",
    "regimes.min_train",
    "models.*.half_life",
    "models.*.tuning.space.half_life.low",
    "models.*.tuning.space.half_life.high",
    "allocation.covariance_window",
    "allocation.min_history",
    "allocation.covariance.half_life",
    "allocation.covariance.prior_rows",
    "drift.window",
    "gate.minimum_dates",
)
"""Settings that count observations; * is any name."""

_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")
_UNITS = ("day", "week", "month", "quarter", "year")
_PER_YEAR = {"week": 52, "month": 12, "quarter": 4, "year": 1}
_DAYS_A_WEEK = {252: 5, 302: 6, 365: 7}
_ROUNDING = Fraction(1, 10)
"""Largest relative difference between a duration and whole rows."""


@dataclass(frozen=True)
class Duration:
    """A setting given in time.

    Attributes
    ----------
    key : tuple of str
        Path from the configuration to the setting.
    amount : Fraction
    unit : str
        Such as month; of a text that is no duration, the word that it has instead.
    """

    key: Path
    amount: Fraction
    unit: str

    @property
    def text(self) -> str:
        """The duration in words."""
        amount = float(self.amount)
        return f"{amount:g} {self.unit}{'' if amount == 1 else 's'}"

    def count_rows(self, frequency: Frequency) -> tuple[int, str]:
        """Return the rows of the duration, and a sentence that says so.

        Raises
        ------
        SettingError
            If the unit is unknown, or no number of rows is about as long.
        """
        name = ".".join(self.key)
        if self.unit not in _UNITS:
            raise SettingError(
                self.key,
                f"{self.unit!r} is no unit of time{suggest(self.unit, [f'{unit}s' for unit in _UNITS])}",
            )
        exact = self._measure(frequency)
        rows = round(exact)
        if _matches(name, _INTERVALS):
            rows = max(rows, 1)
        elif name != _LAG and abs(rows - exact) > _ROUNDING * exact:
            raise SettingError(
                self.key,
                f"{self.text} = {float(exact):.3g} rows at {frequency.name} frequency, which is no whole number; "
                "write a number of observations, or a longer time",
            )
        rounded = (
            ""
            if rows == exact
            else f" ({'at least one' if rows > exact * 2 else 'rounded'}, {float(exact):.3g})"
        )
        return (
            rows,
            f"{name}: {self.text} = {format_count(rows, 'row')}{rounded} at {frequency.name} frequency",
        )

    def _measure(self, frequency: Frequency) -> Fraction:
        """Return the exact number of rows."""
        year = frequency.periods_per_year
        if self.unit == "day":
            if ".".join(self.key) != _LAG:
                raise SettingError(
                    self.key,
                    f"{self.text} may be days of the calendar or of trading: write weeks, months or years, or a number "
                    "of observations",
                )
            # A day between decision and trade is one row of daily data, and too short to show in rarer rows.
            return self.amount if year in _DAYS_A_WEEK else Fraction(0)
        if self.unit == "week" and year in _DAYS_A_WEEK:
            return self.amount * _DAYS_A_WEEK[year]
        return self.amount * year / _PER_YEAR[self.unit]


def find_durations(content: dict[str, Any]) -> Iterator[Duration]:
    """Yield the settings of a configuration that are given in time."""
    for key, given in _walk(content, ()):
        if isinstance(given, str) and _matches(".".join(key), COUNTS) and (found := _FORM.fullmatch(given)):
            amount, word = found.groups()
            yield Duration(key, Fraction(amount), word.lower().removesuffix("s"))


def replace_durations(content: dict[str, Any], rows: dict[Path, int]) -> dict[str, Any]:
    """Return the content of a configuration with numbers of rows in place of durations."""

    def copy(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {name: copy(part, (*path, name)) for name, part in value.items()}
        return rows.get(path, value)

    return {name: copy(part, (name,)) for name, part in content.items()}


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield the values of nested mappings, with their paths."""
    if not isinstance(value, dict):
        yield path, value
        return
    for name, part in value.items():
        yield from _walk(part, (*path, name))


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a dotted path is one of the patterns."""
    return any(re.fullmatch(pattern.replace(".", r"\.").replace("*", r"[^.]+"), name) for pattern in patterns)
