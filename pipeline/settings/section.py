"""Section: base class of the parts of the configuration, and types shared by several sections."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MOST = 1_000_000
"""Maximum count of observations or trees; larger values are mistakes, and may overflow."""
OUTPUT = Path("runs")
"""Output folder, if a configuration names none."""
LONGEST_NAME = 60
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
FREE: Mapping[str, Any] = {
    **dict.fromkeys(("executor", "workers", "output", "gate", "drift", "schedule"), True),
    "evaluation": {"benchmarks"},
}
"""Settings of a run that decide no result: portfolios are compared with benchmarks after the fact."""


class SettingError(ValueError):
    """Error in a setting below the section that detected it.

    Attributes
    ----------
    key : tuple of str or int
        Path from the section to the setting.
    message : str
    """

    def __init__(self, key: tuple[str | int, ...], message: str) -> None:
        super().__init__(f"{'.'.join(map(str, key))}: {message}")
        self.key = key
        self.message = message


def _check_date(given: Any) -> Any:
    """Refuse numbers, which pydantic reads as seconds since 1970, and times with a time zone."""
    is_text = isinstance(given, str) and _ISO_DATE.fullmatch(given.strip())
    if not is_text and not isinstance(given, dt.date):
        raise ValueError("expected a date such as 2010-01-31")
    if isinstance(given, dt.datetime):
        if given.tzinfo is not None or given.time() != dt.time():
            raise ValueError("expected a date such as 2010-01-31, without a time of day")
        return given.date()
    return given


def _check_name(given: str) -> str:
    """Refuse names that cannot be part of a folder name on every system."""
    if not _NAME.fullmatch(given):
        raise ValueError(
            "expected letters from A to Z and a to z, digits, - and _, the first a letter or a digit, such as "
            "my-model-2"
        )
    if len(given) > LONGEST_NAME:
        raise ValueError(f"expected {LONGEST_NAME} characters at most, not {len(given)}")
    return given


def _check_path(given: Any) -> Any:
    """Refuse values that name no file: empty text, blanks, `~`, and characters that no name may contain."""
    if isinstance(given, Path):
        return given
    if not isinstance(given, str) or not given.strip():
        raise ValueError("expected a path such as runs or data/prices.csv")
    if any(ord(character) < 32 or ord(character) == 127 for character in given):
        raise ValueError("expected a path without control characters")
    if given != given.strip():
        raise ValueError("expected a path without blanks at its ends")
    if given.startswith("~"):
        raise ValueError("~ does not stand for a home folder here: write the whole path")
    return given


Name = Annotated[str, AfterValidator(_check_name)]
Positive = Annotated[int, Field(ge=1, le=MOST)]
Date = Annotated[dt.date, BeforeValidator(_check_date)]
FilePath = Annotated[Path, BeforeValidator(_check_path)]


class Section(BaseModel):
    """A part of the configuration: immutable, and unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
