"""Settings of `data.series` and `data.tables`: the user's own dated values, and when they were known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from features.own_data import check_feature
from market.as_of.expressions import parse_transform
from market.readers.dated.lags import LAG_WISH, parse_age, parse_lag
from market.readers.dated.settings import DatedSettings, StampKind
from pipeline.settings.section import LONGEST_NAME, FilePath, Section, SettingError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def _check_name(given: str) -> str:
    """Refuse names that cannot be the parameter of a feature."""
    if not _NAME.fullmatch(given) or len(given) > LONGEST_NAME:
        raise ValueError(
            f"expected a letter and then letters, digits and _, {LONGEST_NAME} characters at most, such as yield_curve"
        )
    return given


def _check_transform(given: str) -> str:
    parse_transform(given)
    return given


def _check_lag(given: str) -> str:
    parse_lag(given)
    return given


def _check_age(given: str) -> str:
    parse_age(given)
    return given


DatedName = Annotated[str, AfterValidator(_check_name)]


class _DatedSection(Section):
    """A file of dated values, and when they were known."""

    path: FilePath
    column: str | None = None
    columns: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    date_column: str | None = None
    lag: Annotated[str, AfterValidator(_check_lag)] | None = None
    known_at: str | None = None
    stamps: StampKind | None = None
    max_age: Annotated[str, AfterValidator(_check_age)] | None = None
    transform: Annotated[str, AfterValidator(_check_transform)] | None = None

    @model_validator(mode="after")
    def _says_when_it_was_known(self) -> _DatedSection:
        if (self.lag is None) == (self.known_at is None):
            what = "both are given" if self.lag is not None else "neither is given"
            raise ValueError(
                "when was a value known? Give lag, the time from the end of its period until it was published, or"
                f" known_at, the column with the date of publication; {what}. For lag, {LAG_WISH}"
            )
        if self.column is not None and self.columns is not None:
            raise SettingError(("columns",), "column is given too: one of them says which columns are read")
        return self

    def _check_features(self, features: tuple[str, ...], *, table: bool) -> None:
        for place, feature in enumerate(features):
            try:
                check_feature(feature, table=table)
            except ValueError as error:
                raise SettingError(("features", place), str(error)) from error
            if feature == "surprise" and self.known_at is None:
                raise SettingError(
                    ("features", place), "surprise compares vintages, which only a file with known_at has"
                )


def find_name_conflict(series: Mapping[str, _DatedSection], tables: Mapping[str, _DatedSection]) -> str:
    """Return why two entries cannot be called as they are; "" if they can."""
    if both := sorted(series.keys() & tables.keys()):
        return f"tables.{both[0]}: a series has this name too"
    several = [name for name, each in (*series.items(), *tables.items()) if each.columns is not None]
    for name in several:
        for other in (*series, *tables):
            if other.startswith(f"{name}_"):
                return f"{other!r} may be a column of {name!r}, whose columns are called {name}_<column>; rename one"
    return ""


def owners(entries: Mapping[str, _DatedSection], names: Iterable[str]) -> dict[str, str]:
    """Return the entry of the configuration that each series or table belongs to."""
    return {
        each: name
        for each in names
        for name, entry in entries.items()
        if each == name or (entry.columns is not None and each.startswith(f"{name}_"))
    }


class SeriesSection(_DatedSection):
    """One value a date for all assets."""

    features: tuple[str, ...] = ("level",)

    @model_validator(mode="after")
    def _features_exist(self) -> SeriesSection:
        self._check_features(self.features, table=False)
        return self

    def reading(self) -> DatedSettings:
        """Return how to read the file."""
        return DatedSettings(**self.model_dump(exclude={"path", "features"}))


class TableSection(_DatedSection):
    """One value a date and asset."""

    asset_column: str | None = None
    features: tuple[str, ...] = ("level",)

    @model_validator(mode="after")
    def _features_exist(self) -> TableSection:
        self._check_features(self.features, table=True)
        return self

    def reading(self) -> DatedSettings:
        """Return how to read the file."""
        return DatedSettings(**self.model_dump(exclude={"path", "features"}))
