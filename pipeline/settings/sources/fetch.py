"""Settings of fetching: how sources that are no local files are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from market.sources.settings import FetchSettings
from pipeline.settings.section import Section


class FetchSection(Section):
    """How sources that are no local files are asked."""

    when_offline: Literal["use_cache", "refuse"] = "use_cache"
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    max_megabytes: Annotated[float, Field(gt=0, le=1_000_000)] = 1000.0

    def settings(self, output: Path, *, repeats: bool = False) -> FetchSettings:
        """Return the settings, with the cache below the output folder."""
        return FetchSettings(
            output / "sources",
            self.when_offline,
            self.timeout_seconds,
            self.attempts,
            int(self.max_megabytes * 1e6),
            repeats,
        )
