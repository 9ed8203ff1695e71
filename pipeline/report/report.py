"""Report: one HTML page that needs no network."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import jinja2
import numpy as np

from pipeline.audit.certificate import Certificate
from pipeline.drift.drift import Drift
from pipeline.report.active_table import active_table, describe_transfer
from pipeline.report.columns import (
    ACCURACY_COLUMNS,
    AGAINST_COLUMNS,
    BENCHMARK_COLUMNS,
    FORECAST_COLUMNS,
    PORTFOLIO_COLUMNS,
    RANKING_COLUMNS,
    TRANSFER_COLUMNS,
)
from pipeline.report.drift_table import SHIFTS, shift_cells, watch_cells
from pipeline.report.estimate_tables import covariance_table, summarise_regime_forecast
from pipeline.report.formats import label, percent
from pipeline.report.narrative import describe_run
from pipeline.report.page_tables import (
    effort_table,
    evidence_rows,
    format_table,
    headline_tiles,
    same_error_table,
    sleeve_table,
    summarise_regimes,
    tuning_table,
)
from pipeline.stages.results import Evaluated
from pipeline.verdict.evidence import Evidence


@functools.cache
def _template() -> jinja2.Template:
    """Return the page template, compiled once per process."""
    loader = jinja2.PackageLoader("pipeline")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("report.html")


def render(
    done: Evaluated,
    title: str,
    charts: Mapping[str, str],
    certificate: Certificate | None,
    evidence: Evidence,
    drift: Drift,
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    done : Evaluated
    title : str
        Run id, or the name of the configuration.
    charts : mapping of str to str
        SVG by name.
    certificate : Certificate or None
    evidence : Evidence
    drift : Drift
    """
    trained = done.trained
    prepared = trained.prepared
    panel, target = prepared.panel, done.target
    order = np.argsort(-target.weights, kind="stable")
    held = [(panel.assets[i], percent(float(target.weights[i]))) for i in order if target.weights[i] != 0]
    return _template().render(
        title=title,
        config=prepared.config,
        story=describe_run(done, evidence).split("\n\n")[1:],
        headline=headline_tiles(done),
        evidence=evidence,
        tests=evidence_rows(evidence),
        ranking=format_table({n: s.metrics for n, s in done.scores.items()}, RANKING_COLUMNS, str),
        accuracy=format_table({n: s.metrics for n, s in done.scores.items()}, ACCURACY_COLUMNS, str),
        svg=charts,
        portfolios=format_table(done.performance, PORTFOLIO_COLUMNS, label),
        chosen=label(done.chosen),
        sleeves=sleeve_table(done),
        forecasts=format_table({n: s.metrics for n, s in done.scores.items()}, FORECAST_COLUMNS, str),
        benchmarks=format_table(done.benchmarks[done.chosen], BENCHMARK_COLUMNS, label),
        transfer=format_table(done.transfer, TRANSFER_COLUMNS, label),
        transfer_text=describe_transfer(done),
        active=active_table(done),
        against=format_table(done.comparisons[done.chosen], AGAINST_COLUMNS, label),
        same_error=same_error_table(done),
        effort=effort_table(done),
        tuning=tuning_table(done),
        panel=panel,
        findings=prepared.findings,
        missing=prepared.matrix.missing,
        n_features=len(trained.names),
        held=[*held, ("cash", percent(target.cash))],
        as_of=f"{panel.dates[target.position]:%Y-%m-%d}",
        target=target,
        gap=target.certificate.gap,
        residual=target.certificate.residual,
        slack=sorted(target.certificate.slack.items(), key=lambda item: item[1]),
        regime=summarise_regimes(done),
        ahead=summarise_regime_forecast(done),
        covariances=covariance_table(done),
        drift=drift,
        watches=[watch_cells(finding) for finding in sorted(drift.findings, key=lambda one: not one.alarm)],
        shifts=[shift_cells(one) for one in drift.features[:SHIFTS]],
        record=done.record().as_dict(),
        certificate=None if certificate is None else certificate.as_dict(),
        not_compared=() if certificate is None else certificate.not_compared,
        compared=0 if certificate is None else certificate.brief()["compared"],
        n_folds=len(prepared.schedule.folds),
        date_range=f"{panel.dates[prepared.schedule.decisions[0]]:%Y-%m} to {panel.dates[-1]:%Y-%m}",
    )
