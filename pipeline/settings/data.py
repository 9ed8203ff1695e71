"""Settings of the section `data`: the source of returns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Tag, model_validator

from market.findings import Kind, ValueKind
from market.values.cash import CashKind
from market.values.periods import PeriodName
from pipeline.settings.section import Date, FilePath, Section


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


class DataSection(Section):
    """Source of returns."""

    source: str
    path: FilePath | None = None
    layout: Literal["wide", "long"] | None = None
    values: ValueKind = "prices"
    date_column: str | None = None
    cash: CashSetting = None
    market: MarketSetting = None
    calendar: str | None = None
    sessions: str | None = None
    frequency: PeriodName | None = None
    running_period: Literal["keep", "drop"] | None = None
    start: Date | None = None
    end: Date | None = None

    @model_validator(mode="after")
    def _path_goes_with_prices(self) -> DataSection:
        if (self.source == "prices") != (self.path is not None):
            raise ValueError("source 'prices' needs a path to a CSV or Parquet file, and only it takes one")
        return self
