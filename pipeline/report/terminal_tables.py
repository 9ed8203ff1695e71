"""Tables of a run for the terminal."""

from __future__ import annotations

import numpy as np
from rich.table import Table

from pipeline.audit.certificate import Certificate
from pipeline.report.formats import label, number, percent
from pipeline.report.text_table import Column, TextTable
from pipeline.stages.results import Evaluated
from pipeline.verdict.evidence import Evidence


def _forecast_table(done: Evaluated) -> TextTable:
    """Return the table of models."""
    headings = ("rank IC", "HAC t", "IC", "R2", "R2 in risk units", "mean slope")
    rows = []
    for name, score in done.scores.items():
        m = score.metrics
        rows.append(
            (
                name,
                number(m["rank_ic"], 3),
                number(m["rank_ic_t"], 1),
                number(m["ic"], 3),
                percent(m["r2"], 2),
                percent(m["r2_target"], 2),
                number(m["mean_slope"]),
            )
        )
    return TextTable(_columns("Forecasts, out of sample", *headings), tuple(rows))


def _portfolio_table(done: Evaluated) -> TextTable:
    """Return the table of portfolios, with the traded one marked."""
    headings = ("return", "volatility", "Sharpe", "(se)", "drawdown", "turnover", "cost")
    rows = [
        (
            ("* " if name == done.chosen else "  ") + label(name),
            percent(m["net_return"]),
            percent(m["volatility"]),
            number(m["sharpe"]),
            f"({number(m['sharpe_se'])})",
            percent(m["max_drawdown"]),
            number(m["turnover"], 1),
            percent(m["cost"], 2),
        )
        for name, m in done.performance.items()
    ]
    return TextTable(_columns("Portfolios, net of costs (* traded)", *headings), tuple(rows))


def _columns(first: str, *others: str) -> tuple[Column, ...]:
    """Return a column of names and columns of numbers."""
    return Column(first), *(Column(heading, "right") for heading in others)


def _verdict_table(evidence: Evidence) -> TextTable:
    """Return the verdict and its reason."""
    rows = ((f"[bold]Verdict: {evidence.verdict}[/bold]",), (evidence.reason,))
    return TextTable((Column(overflow="fold"),), rows, show_header=False, width=118)


def tables(done: Evaluated, evidence: Evidence) -> tuple[TextTable, ...]:
    """Return the tables that the command line prints for an evaluation."""
    return _forecast_table(done), _portfolio_table(done), _target_table(done), _verdict_table(evidence)


def audit_table(certificate: Certificate) -> Table:
    """Return the number of compared values by stage."""
    table = Table(box=None, pad_edge=False)
    table.add_column("Unchanged whatever came later")
    table.add_column("values compared", justify="right")
    count: dict[str, int] = {}
    for item in certificate.checked:
        kind = item["stage"].split()[0]  # one row for all models
        count[kind] = count.get(kind, 0) + item["values"]
    for stage, values in count.items():
        table.add_row(stage, f"{values:,}")
    for rule in certificate.rules:
        table.add_row(rule["rule"], f"{rule['checked']:,}")
    cuts = ", ".join(cut["date"] for cut in certificate.cuts)
    table.caption = f"cut at {cuts}; digest {certificate.brief()['digest'][:16]}"
    return table


def _target_table(done: Evaluated) -> TextTable:
    """Return today's target weights."""
    panel, target = done.trained.prepared.panel, done.target
    first = f"Target weights at the close of {panel.dates[target.position]:%Y-%m-%d}, {target.description}"
    order = np.argsort(-target.weights, kind="stable")
    rows = [(panel.assets[i], percent(float(target.weights[i]))) for i in order if target.weights[i] != 0]
    return TextTable(_columns(first, "weight"), (*rows, ("cash", percent(target.cash))))
