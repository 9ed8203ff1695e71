"""Section: a part of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MOST = 1_000_000
"""Larger counts of observations or trees are mistakes, and overflow on the way."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=60)]
Positive = Annotated[int, Field(ge=1, le=MOST)]


class Section(BaseModel):
    """A part of the configuration: immutable, and a key that nobody reads is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
