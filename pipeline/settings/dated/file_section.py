"""Settings that series and tables share: a source of dated values, and when they were known."""

from __future__ import annotations

import re
from dataclasses import fields
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from features.own_data import check_feature
from market.readers.dated.settings import DatedSettings, check_text
from market.sources.kinds import PUBLISHED, Source
from pipeline.settings.section import LONGEST_NAME, SettingError
from pipeline.settings.sources.place import PLACES, SourceSection
from pipeline.settings.sources.text import TextSection

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NO_PLACE = f"where does it come from? Expected one of {', '.join(PLACES)}"


def _check_name(given: str) -> str:
    """Refuse names that cannot be the parameter of a feature."""
    if not _NAME.fullmatch(given) or len(given) > LONGEST_NAME:
        raise ValueError(
            f"expected a letter and then letters, digits and _, {LONGEST_NAME} characters at most, such as yield_curve"
        )
    return given


DatedName = Annotated[str, AfterValidator(_check_name)]


class DatedSection(SourceSection, TextSection):
    """A source of dated values, and when they were known."""

    column: str | None = None
    columns: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    date_column: str | None = None
    lag: Annotated[str, AfterValidator(partial(check_text, "lag"))] | None = None
    known_at: str | None = None
    stamps: Literal["period_start", "period_end"] | None = None
    max_age: Annotated[str, AfterValidator(partial(check_text, "max_age"))] | None = None
    transform: Annotated[str, AfterValidator(partial(check_text, "transform"))] | None = None

    @model_validator(mode="before")
    @classmethod
    def _fred_names_its_columns(cls, given: Any) -> Any:
        """Fill in what the kind of a FRED source says: the columns of values, and that of publication."""
        fred = given.get("fred") if isinstance(given, dict) else None
        if not isinstance(fred, dict):
            return given
        names = [fred["series"]] if isinstance(fred.get("series"), str) else fred.get("series")
        if not isinstance(names, list | tuple) or not names:
            return given
        if fred.get("vintages") is True:
            if given.get("lag") is not None:
                raise SettingError(
                    ("lag",), f"fred.vintages says when each value was known ({PUBLISHED}); leave lag out"
                )
            return {"column": names[0], "known_at": PUBLISHED, **given}
        several = len(names) > 1 and given.get("column") is None
        return {"columns": "all", **given} if several else given

    @model_validator(mode="after")
    def _has_a_place(self) -> DatedSection:
        if self.place() is None:
            raise ValueError(_NO_PLACE)
        return self

    @property
    def source(self) -> Source:
        """Where the values come from."""
        place = self.place()
        if place is None:
            raise ValueError(_NO_PLACE)  # the check of the section has refused it
        return place

    @model_validator(mode="after")
    def _says_when_it_was_known(self) -> DatedSection:
        if wrong := self.reading().explain_clocks():
            raise ValueError(wrong)
        if self.column is not None and self.columns is not None:
            raise SettingError(("columns",), "column is given too: one of them says which columns are read")
        return self

    def reading(self) -> DatedSettings:
        """Return how to read the files."""
        return DatedSettings(**self.model_dump(include={field.name for field in fields(DatedSettings)}))

    def check_features(self, features: tuple[str, ...], *, table: bool) -> None:
        """Refuse features that a series or table does not have."""
        for place, feature in enumerate(features):
            try:
                check_feature(feature, table=table)
            except ValueError as error:
                raise SettingError(("features", place), str(error)) from error
            if feature == "surprise" and self.known_at is None:
                raise SettingError(
                    ("features", place), "surprise compares vintages, which only a file with known_at has"
                )
