"""Run artifacts: the results of a run, as plain texts and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.drift.drift import Drift
from pipeline.report.text_table import TextTable

TITLE = "@@run id@@"
"""Placeholder in a page for the name of the run, which each run fills in."""


@dataclass(frozen=True)
class RunArtifacts:
    """Contents that are equal for two runs of the same record.

    Attributes
    ----------
    summary : dict
        summary.json without the name of the run and its times.
    weights : str
        weights.csv.
    active : str
        active.csv.
    forecasts : bytes
        forecasts.parquet.
    trials : str
        trials.csv; empty if nothing was tuned.
    certificate : str or None
        certificate.json, if there is one.
    model : str
        model.json, the input of `pipeline.export.frozen.Frozen`.
    inputs : str
        inputs.json: the models' inputs at the last date, as columns and rows.
    config : str
        config.json.
    report : str
        report.html with `TITLE` in place of the name of the run.
    plots : mapping of str to str
        Charts by name, as SVG.
    tables : tuple of TextTable
        Tables printed by the command line.
    tracked : str
        MLflow record as JSON, for `MlflowRun.from_json`. It is decoded only when it is sent, since it has thousands of
        metrics.
    trial : dict
        Entry for the ledger.
    drift : Drift
        Drift at the last date.
    stage_lines : mapping of stage to str
        Line that was printed for each stage.
    warnings : tuple of str
        Printed warnings.
    """

    summary: dict[str, Any]
    weights: str
    active: str
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
    stage_lines: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    def page(self, title: str) -> str:
        """Return the report under this title."""
        return self.report.replace(TITLE, title)
