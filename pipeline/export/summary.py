"""Summary of a run: its results for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocation.decision_status import DecisionStatus

if TYPE_CHECKING:
    from pipeline.audit.certificate import Certificate
    from pipeline.drift.drift import Drift
    from pipeline.stages.results import Evaluated
    from pipeline.verdict.evidence import Evidence


def summary(
    done: Evaluated, certificate: Certificate | None, evidence: Evidence, drift: Drift
) -> dict[str, Any]:
    """Return the results of a run for programs; the keys are documented in docs/outputs.md."""
    from pipeline.stages.evaluation import (
        compare_forecasts,  # imports models, which are not needed if nothing changed
    )

    prepared = done.trained.prepared
    panel, schedule = prepared.panel, prepared.schedule
    return {
        "config": prepared.config.name,
        "verdict": evidence.verdict,
        "evidence": evidence.as_dict(),
        "data": {
            "source": panel.name,
            "n_dates": len(panel.dates),
            "n_assets": len(panel.assets),
            "first": f"{panel.dates[0]:%Y-%m-%d}",
            "last": f"{panel.dates[-1]:%Y-%m-%d}",
            "notes": list(panel.notes),
            "findings": [finding.as_dict() for finding in prepared.findings],
        },
        "features": list(prepared.matrix.names),
        "features_missing": dict(prepared.matrix.missing),
        "n_folds": len(schedule.folds),
        "n_decisions": len(schedule.decisions),
        "evaluated_from": f"{panel.dates[schedule.decisions[0]]:%Y-%m-%d}",
        "forecast": {name: dict(score.metrics) for name, score in done.scores.items()},
        "forecast_p_same_error": compare_forecasts(done.scores, schedule.labels.horizon),
        "portfolio": {name: dict(metrics) for name, metrics in done.performance.items()},
        "comparison": {n: {b: dict(m) for b, m in by.items()} for n, by in done.comparisons.items()},
        "benchmarks": done.benchmarks,
        "transfer": done.transfer,
        "active_return": done.active_return,
        "attribution": done.attributions(),
        "fallbacks": _count_fallbacks(done),
        "traded": done.chosen,
        "target": {
            "as_of": f"{panel.dates[done.target.position]:%Y-%m-%d}",
            "weights": dict(zip(panel.assets, done.target.weights.tolist(), strict=True)),
            "cash": done.target.cash,
            "status": done.target.status.label,
            "note": done.target.note,
            "limits_hold": done.target.certificate.holds,
            "slack": dict(done.target.certificate.slack),
            "gap": done.target.certificate.gap,
            "kkt_residual": done.target.certificate.residual,
        },
        "regime": _regime(done),
        "covariance": done.covariance_scores.as_dict(),
        "drift": drift.as_dict(),
        "certificate": None if certificate is None else certificate.brief(),
        "record": done.record().as_dict(),
    }


def _count_fallbacks(done: Evaluated) -> dict[str, dict[str, Any]]:
    """Return per portfolio the number of decisions with relaxed limits or held-back trades, and the first of them."""
    dates, out = done.trained.prepared.panel.dates, {}
    for name, result in done.results.items():
        decided = zip(result.decisions.tolist(), result.statuses, result.notes, strict=True)
        fallback = DecisionStatus.RELAXED | DecisionStatus.HELD
        events = [(row, note) for row, status, note in decided if status & fallback]
        holds = zip(result.holds.tolist(), result.hold_statuses, result.reasons, strict=True)
        events = sorted([*events, *((row, reason) for row, status, reason in holds if status & fallback)])
        if events:
            row, text = events[0]
            first = f"{dates[row]:%Y-%m-%d}: {text}"
            out[name] = {"relaxed": result.relaxed, "held": result.held, "first": first}
    return out


def _regime(done: Evaluated) -> dict[str, Any]:
    from pipeline.verdict.regime_evidence import (
        weigh_regimes,  # imports models, which are not needed if nothing changed
    )

    regimes = done.trained.regimes
    return {
        "as_of": f"{done.trained.prepared.panel.dates[-1]:%Y-%m-%d}",
        "label": int(regimes.label[-1]),
        "probabilities": regimes.probabilities[-1].tolist(),
        "anomaly": float(regimes.anomaly[-1]),
        "evidence": weigh_regimes(done).as_dict(),
        "forecast": done.regime_score.as_dict(done.trained.prepared.panel.dates),
    }
