"""What a run shows and hands out, as plain texts and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.drift.drift import Drift
from pipeline.report.text_table import TextTable

TITLE = "@@run id@@"
"""Stands in a page for the name of the run, which each run puts in."""


@dataclass(frozen=True)
class RunArtifacts:
    """What does not differ between two runs of the same record.

    Attributes
    ----------
    summary : dict
        summary.json without the name of the run and its times.
    weights : str
        weights.csv.
    forecasts : bytes
        forecasts.parquet.
    trials : str
        trials.csv; empty if nothing was tuned.
    certificate : str or None
        certificate.json, if there is one.
    model : str
        model.json, which `pipeline.export.frozen.Frozen` takes.
    inputs : str
        inputs.json: what the models are asked at the last date, as columns and rows.
    config : str
        config.json.
    report : str
        report.html with `TITLE` in place of the name of the run.
    plots : mapping of str to str
        Charts by name, as SVG.
    tables : tuple of TextTable
        What the command line prints.
    tracked : str
        JSON of what MLflow is told, which `MlflowRun.from_json` takes; thousands of metrics are read where they
        are sent.
    trial : dict
        What the ledger keeps.
    drift : Drift
        Of the last date.
    told : mapping of stage to str
        What was said of each stage.
    warnings : tuple of str
        What was warned of.
    """

    summary: dict[str, Any]
    weights: str
    forecasts: bytes
    trials: str
    certificate: str | None
    model: str
    inputs: str
    config: str
    report: str
    plots: Mapping[str, str]
    tables: tuple[TextTable, ...]
    tracked: str
    trial: dict[str, Any]
    drift: Drift
    told: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    def page(self, title: str) -> str:
        """Return the report under this title."""
        return self.report.replace(TITLE, title)
