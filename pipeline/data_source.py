"""The source of prices: from the settings of the section `data` to a panel."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from pathlib import Path

import pandas as pd

from market.findings import Finding
from market.load import load_panel
from market.panel import Panel
from market.readers.membership.reading import UniverseFiles
from market.readers.prices import FileSettings
from pipeline.settings.data import DataSection


def read_file_settings(data: DataSection) -> FileSettings:
    """Return how to read the files of a section."""
    given = data.model_dump()
    return FileSettings(**{field.name: given[field.name] for field in fields(FileSettings)})


def load_source(
    data: DataSection,
    output: Path,
    *,
    end: dt.date | None,
    known_by: pd.Timestamp | None,
    repeats: bool = False,
) -> tuple[Panel, tuple[Finding, ...]]:
    """Load the prices that a section names, without its series, tables and scores.

    Parameters
    ----------
    data : DataSection
    output : Path
        Output folder, which holds the cache of sources that are no local files.
    end : date or None
        Last date of the panel.
    known_by : Timestamp or None
        Read the source as if it ended there.
    repeats : bool
        Whether to take the answer that this process fetched before.

    Raises
    ------
    DataError
        If the source cannot be read or contradicts itself.
    """
    return load_panel(
        data.source,
        path=data.place(),
        settings=read_file_settings(data),
        fetch=data.fetch.settings(output, repeats=repeats),
        start=data.start,
        end=end,
        known_by=known_by,
        universe=None if data.universe is None else UniverseFiles(**data.universe.model_dump()),
    )
