"""Names of transforms and statistics of a series, such as `log_change_12` and `zscore_60`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from foundation.suggestions import suggest

SEPARATOR = "."
"""Stands between the name of a series or table and that of a statistic of it, as an input of features."""

LEVEL, CHANGE, LOG, LOG_CHANGE, GROWTH, SECOND_CHANGE, SECOND_LOG_CHANGE, GROWTH_CHANGE = range(8)
_TRANSFORMS = {
    "level": LEVEL,
    "change": CHANGE,
    "log": LOG,
    "log_change": LOG_CHANGE,
    "growth": GROWTH,
    "second_change": SECOND_CHANGE,
    "second_log_change": SECOND_LOG_CHANGE,
    "growth_change": GROWTH_CHANGE,
}
_COUNTED = ("change", "log_change", "growth")
"""Transforms that take a number of observations."""
TRANSFORM_FORMS = (
    "level, change_N, growth_N, log, log_change_N, second_change, second_log_change, growth_change"
)
VALUE, VALUE_CHANGE, ZSCORE, SURPRISE, AGE, CHAIN = range(6)
_STATISTICS = {
    "level": VALUE,
    "change": VALUE_CHANGE,
    "zscore": ZSCORE,
    "surprise": SURPRISE,
    "age": AGE,
    "chain": CHAIN,
}
_MONTHLY = ("change", "zscore")
"""Statistics that take a number of months."""


@dataclass(frozen=True)
class Expression:
    """A transform or statistic: its code, and its number of observations or months (0 if it takes none)."""

    code: int
    count: int = 0


def parse_transform(text: str) -> Expression:
    """Return the transform of a name.

    Raises
    ------
    ValueError
        If there is no such transform; lists them.
    """
    found = _parse(text, _TRANSFORMS, _COUNTED)
    if found is None:
        raise ValueError(
            f"{text!r} is no transform{suggest(text, _TRANSFORMS)}; expected {TRANSFORM_FORMS}, where N counts"
            " observations of the series, such as log_change_12"
        )
    return found


def needs_positive(transform: str) -> bool:
    """Whether a transform has no value where an observation is not above 0."""
    return parse_transform(transform).code not in (LEVEL, CHANGE, SECOND_CHANGE)


def parse_statistic(text: str) -> Expression:
    """Return the statistic of a name; raises ValueError if there is none."""
    found = _parse(text, _STATISTICS, _MONTHLY)
    if found is None:
        raise ValueError(f"{text!r} is no statistic of a series{suggest(text, _STATISTICS)}")
    return found


def _parse(text: str, names: dict[str, int], counted: tuple[str, ...]) -> Expression | None:
    stem, _, digits = text.rpartition("_")
    if stem in counted and re.fullmatch(r"[1-9]\d{0,3}", digits):
        return Expression(names[stem], int(digits))
    return Expression(names[text]) if text in names and text not in counted else None


def split_input(name: str) -> tuple[str, str]:
    """Return the name of a series or table and that of a statistic, `level` if the input names none."""
    base, _, statistic = name.partition(SEPARATOR)
    return base, statistic or "level"
