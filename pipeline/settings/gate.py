"""Settings of the gate that a retrained model must pass before it replaces the one in use."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.settings.drift import Subject
from pipeline.settings.section import Positive, Section


class GateSection(Section):
    """Limits of the gate; `docs/operations.md` explains each."""

    certificate: bool = True
    worse_at: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    margin: Annotated[float, Field(ge=0, le=1)] = 0.0
    minimum_dates: Positive = 12
    drift: tuple[Subject, ...] = ()
    turnover: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
