"""Reading: the series and tables of a configuration, as far as they were known at a date."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from market.as_of.asset_tables import AssetTable
from market.checks.own_data.checks import check_own_data
from market.errors import SourceError
from market.findings import Finding
from market.macro import MacroSeries
from market.panel import Panel
from market.readers.dated.series import load_series
from market.readers.dated.tables import load_tables
from pipeline.settings.data import DataSection
from pipeline.settings.dated.sections import find_owners


def with_own_data(
    panel: Panel,
    data: DataSection,
    output: Path,
    known_by: pd.Timestamp | None = None,
    *,
    repeats: bool = False,
) -> tuple[Panel, tuple[Finding, ...]]:
    """Return the panel with the configured series and tables, as far as they were known at its end.

    Parameters
    ----------
    panel : Panel
    data : DataSection
    output : Path
        Output folder, which holds the cache of sources.
    known_by : Timestamp, optional
        Nothing that became known later is read.
    repeats : bool
        Whether to take the answers of sources that this process fetched before.

    Returns
    -------
    panel : Panel
    findings : tuple of Finding
        How the files were read, and what looks wrong in them.
    """
    if not data.series and not data.tables:
        return panel, ()
    end = panel.dates[-1] if known_by is None else min(panel.dates[-1], known_by)
    fetch = data.fetch.settings(output, repeats=repeats)
    macro: dict[str, MacroSeries] = dict(panel.macro)
    tables: dict[str, AssetTable] = {}
    findings: list[Finding] = []
    for name, entry in data.series.items():
        series, notes = load_series(entry.source, name, entry.reading(), fetch=fetch, known_by=end)
        findings += notes
        several = entry.columns is not None
        if taken := [each for each in macro if each in series or (several and each.startswith(f"{name}_"))]:
            raise SourceError(
                f"data.series.{name}: the source {panel.name!r} has a series {taken[0]!r}; rename yours"
            )
        macro |= series
    for name, table in data.tables.items():
        made, notes = load_tables(
            table.source, name, table.reading(), panel.assets, fetch=fetch, known_by=end
        )
        findings += notes
        tables |= made
    whole = replace(panel, macro=macro, tables=tables)
    own = [name for name in macro if name not in panel.macro]
    dated = {
        name for name, entry in (*data.series.items(), *data.tables.items()) if entry.known_at is not None
    }
    published = {
        each
        for each, name in (find_owners(data.series, own) | find_owners(data.tables, tables)).items()
        if name in dated
    }
    return whole, (*findings, *check_own_data(whole, own, published))
