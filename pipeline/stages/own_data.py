"""Own data: the series and tables of a configuration, their reading as of a date, and their features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from features.catalogue import catalogue
from features.own_data import make_specs
from features.spec import FeatureSpec
from market.asset_tables import AssetTable
from market.checks.own_data import check_series, check_tables
from market.errors import SourceError
from market.findings import Finding
from market.macro import MacroSeries
from market.panel import Panel
from market.readers.dated.series import load_series
from market.readers.dated.tables import load_tables
from pipeline.config import RunConfig
from pipeline.settings.dated import owners


def with_own_data(
    panel: Panel, config: RunConfig, known_by: pd.Timestamp | None = None
) -> tuple[Panel, tuple[Finding, ...]]:
    """Return the panel with the configured series and tables, as far as they were known at its end.

    Parameters
    ----------
    panel : Panel
    config : RunConfig
    known_by : Timestamp, optional
        Nothing that became known later is read.

    Returns
    -------
    panel : Panel
    findings : tuple of Finding
        How the files were read, and what looks wrong in them.
    """
    data = config.data
    if not data.series and not data.tables:
        return panel, ()
    end = panel.dates[-1] if known_by is None else min(panel.dates[-1], known_by)
    macro: dict[str, MacroSeries] = dict(panel.macro)
    tables: dict[str, AssetTable] = {}
    findings: list[Finding] = []
    for name, entry in data.series.items():
        series, notes = load_series(entry.path, name, entry.reading(), known_by=end)
        findings += notes
        if taken := sorted(series.keys() & macro.keys()):
            raise SourceError(
                f"data.series.{name}: the source {panel.name!r} has a series {taken[0]!r}; rename yours"
            )
        macro |= series
    for name, table in data.tables.items():
        made, notes = load_tables(table.path, name, table.reading(), panel.assets, known_by=end)
        findings += notes
        tables |= made
    whole = replace(panel, macro=macro, tables=tables)
    own = {name: series for name, series in macro.items() if name not in panel.macro}
    dated = {
        name for name, entry in (*data.series.items(), *data.tables.items()) if entry.known_at is not None
    }
    published = {
        each
        for each, name in (owners(data.series, own) | owners(data.tables, tables)).items()
        if name in dated
    }
    return whole, (*findings, *check_series(whole, own, published), *check_tables(whole, published))


def own_features(panel: Panel, config: RunConfig) -> dict[str, tuple[str, ...]]:
    """Return the configured features of each series and table of the panel, by its name."""
    series, tables = config.data.series, config.data.tables
    return {
        **{each: series[name].features for each, name in owners(series, panel.macro).items()},
        **{each: tables[name].features for each, name in owners(tables, panel.tables).items()},
    }


def feature_specs(
    panel: Panel, config: RunConfig
) -> tuple[Mapping[str, FeatureSpec] | None, tuple[str, ...]]:
    """Return all features, those of own data included, and the names of the latter; None if there is no own data."""
    features = own_features(panel, config)
    if not config.data.series and not config.data.tables:
        return None, ()
    known = catalogue()
    series = {name: each for name, each in features.items() if name in panel.macro}
    tables = {name: each for name, each in features.items() if name in panel.tables}
    made = make_specs(series, tables, known)
    return {**known, **made}, tuple(made)
