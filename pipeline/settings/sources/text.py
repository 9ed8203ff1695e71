"""Settings that say how the text of files is written, where the files do not show it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from market.text.options import DecimalMark
from pipeline.settings.section import Section


class TextSection(Section):
    """How the text of files is written."""

    skip_rows: Annotated[int, Field(ge=0)] | None = None
    table: Annotated[int, Field(ge=1)] | None = None
    decimal: DecimalMark | None = None
    date_format: str | None = None
    na_values: tuple[str | float, ...] = ()
