"""Settings of the section `data`: the source of returns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from market.findings import Kind, ValueKind
from market.text.options import DuplicateRows, Scale
from market.values.cash import CashKind
from market.values.dates.periods import PeriodName
from pipeline.settings.dated.file_section import DatedName
from pipeline.settings.dated.sections import SeriesSection, TableSection, find_name_conflict
from pipeline.settings.section import Date, FilePath, Section
from pipeline.settings.sources.fetch import FetchSection
from pipeline.settings.sources.place import PLACES, SourceSection
from pipeline.settings.sources.text import TextSection

_SCALES = (("returns", "fraction"), ("returns", "percent"), ("percent_returns", "percent"))


class CashColumn(Section):
    """Column of cash, and its unit."""

    column: str
    values: CashKind


class MarketColumn(Section):
    """Column of the market, and its unit."""

    column: str
    values: Kind


def _form(given: object) -> str:
    return "name" if given is None or isinstance(given, str) else "mapping"


CashSetting = Annotated[
    Annotated[str | None, Tag("name")] | Annotated[CashColumn, Tag("mapping")], Discriminator(_form)
]
MarketSetting = Annotated[
    Annotated[str | None, Tag("name")] | Annotated[MarketColumn, Tag("mapping")], Discriminator(_form)
]


class TradedFile(Section):
    """Wide file of traded prices."""

    path: FilePath


TradedSetting = Annotated[
    Annotated[str | None, Tag("name")] | Annotated[TradedFile, Tag("mapping")], Discriminator(_form)
]


class UniverseSection(Section):
    """Files of who could be held when, and of delisting returns."""

    path: FilePath
    delistings: FilePath | None = None


class DataSection(SourceSection, TextSection):
    """Source of returns."""

    source: str = "prices"
    fetch: FetchSection = FetchSection()
    layout: Literal["wide", "long"] | None = None
    values: ValueKind = "prices"
    date_column: str | None = None
    cash: CashSetting = None
    market: MarketSetting = None
    calendar: str | None = None
    sessions: str | None = None
    frequency: PeriodName | None = None
    running_period: Literal["keep", "drop"] | None = None
    scale: Scale | None = None
    asset_column: str | None = None
    price_column: str | None = None
    duplicate_rows: DuplicateRows = "refuse"
    traded: TradedSetting = None
    universe: UniverseSection | None = None
    start: Date | None = None
    end: Date | None = None
    series: dict[DatedName, SeriesSection] = Field(default_factory=dict)
    tables: dict[DatedName, TableSection] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _scale_goes_with_returns(self) -> DataSection:
        if self.scale is not None and (self.values, self.scale) not in _SCALES:
            raise ValueError(f"scale {self.scale!r} goes with values: returns, not with {self.values!r}")
        return self

    @model_validator(mode="after")
    def _path_goes_with_prices(self) -> DataSection:
        if (self.source == "prices") != (self.place() is not None):
            raise ValueError(
                "source 'prices' needs a path to a CSV, Parquet or Excel file, or one of"
                f" {', '.join(PLACES[1:])}, and only it takes one"
            )
        if self.traded is not None and (self.source != "prices" or self.values != "prices"):
            raise ValueError(
                "traded prices go with source 'prices' and values 'prices', of which they are the unadjusted ones"
            )
        return self

    @model_validator(mode="after")
    def _names_of_own_data_differ(self) -> DataSection:
        if wrong := find_name_conflict(self.series, self.tables):
            raise ValueError(wrong)
        return self
