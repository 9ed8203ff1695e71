"""Settings that series and tables share: a file of dated values, and when they were known."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from features.own_data import check_feature
from market.readers.dated.settings import DatedSettings, check_text
from pipeline.settings.section import LONGEST_NAME, FilePath, Section, SettingError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def _check_name(given: str) -> str:
    """Refuse names that cannot be the parameter of a feature."""
    if not _NAME.fullmatch(given) or len(given) > LONGEST_NAME:
        raise ValueError(
            f"expected a letter and then letters, digits and _, {LONGEST_NAME} characters at most, such as yield_curve"
        )
    return given


DatedName = Annotated[str, AfterValidator(_check_name)]


class DatedSection(Section):
    """A file of dated values, and when they were known."""

    path: FilePath
    column: str | None = None
    columns: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    date_column: str | None = None
    lag: Annotated[str, AfterValidator(partial(check_text, "lag"))] | None = None
    known_at: str | None = None
    stamps: Literal["period_start", "period_end"] | None = None
    max_age: Annotated[str, AfterValidator(partial(check_text, "max_age"))] | None = None
    transform: Annotated[str, AfterValidator(partial(check_text, "transform"))] | None = None

    @model_validator(mode="after")
    def _says_when_it_was_known(self) -> DatedSection:
        if wrong := self.reading().explain_clocks():
            raise ValueError(wrong)
        if self.column is not None and self.columns is not None:
            raise SettingError(("columns",), "column is given too: one of them says which columns are read")
        return self

    def reading(self) -> DatedSettings:
        """Return how to read the file."""
        return DatedSettings(**self.model_dump(exclude={"path", "features"}))

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
