"""Features: the catalogue of a run, with the features of its series and tables."""

from __future__ import annotations

from collections.abc import Mapping

from features.catalogue import catalogue
from features.own_data import make_specs
from features.spec import FeatureSpec
from market.panel import Panel
from pipeline.settings.data import DataSection
from pipeline.settings.dated.sections import find_owners


def _own_features(panel: Panel, data: DataSection) -> dict[str, tuple[str, ...]]:
    """Return the configured features of each series and table of the panel, by its name."""
    series, tables = data.series, data.tables
    return {
        **{each: series[name].features for each, name in find_owners(series, panel.macro).items()},
        **{each: tables[name].features for each, name in find_owners(tables, panel.tables).items()},
    }


def feature_specs(
    panel: Panel, data: DataSection
) -> tuple[Mapping[str, FeatureSpec] | None, tuple[str, ...]]:
    """Return all features, those of own data included, and the names of the latter; None if there is no own data."""
    features = _own_features(panel, data)
    if not data.series and not data.tables:
        return None, ()
    known = catalogue()
    series = {name: each for name, each in features.items() if name in panel.macro}
    tables = {name: each for name, each in features.items() if name in panel.tables}
    made = make_specs(series, tables, known)
    return {**known, **made}, tuple(made)
