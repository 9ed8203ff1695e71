"""Sections of `data.series` and `data.tables`, by the name of a series or table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import model_validator

from pipeline.settings.dated.file_section import DatedSection


def find_name_conflict(series: Mapping[str, DatedSection], tables: Mapping[str, DatedSection]) -> str:
    """Return why two entries cannot be called as they are; "" if they can."""
    if both := sorted(series.keys() & tables.keys()):
        return f"tables.{both[0]}: a series has this name too"
    several = [name for name, each in (*series.items(), *tables.items()) if each.columns is not None]
    for name in several:
        for other in (*series, *tables):
            if other.startswith(f"{name}_"):
                return f"{other!r} may be a column of {name!r}, whose columns are called {name}_<column>; rename one"
    return ""


def find_owners(entries: Mapping[str, DatedSection], names: Iterable[str]) -> dict[str, str]:
    """Return the entry of the configuration that each series or table belongs to."""
    return {
        each: name
        for each in names
        for name, entry in entries.items()
        if each == name or (entry.columns is not None and each.startswith(f"{name}_"))
    }


class SeriesSection(DatedSection):
    """One value a date for all assets."""

    features: tuple[str, ...] = ("level",)

    @model_validator(mode="after")
    def _features_exist(self) -> SeriesSection:
        self.check_features(self.features, table=False)
        return self


class TableSection(DatedSection):
    """One value a date and asset."""

    asset_column: str | None = None
    features: tuple[str, ...] = ("level",)

    @model_validator(mode="after")
    def _features_exist(self) -> TableSection:
        self.check_features(self.features, table=True)
        return self
