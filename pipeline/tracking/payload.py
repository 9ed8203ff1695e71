"""Payload of a run for MLflow, as plain values; `pipeline/tracking/send.py` sends it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pipeline.audit.certificate import Certificate
from pipeline.drift.drift import Drift
from pipeline.report.formats import number, percent
from pipeline.report.narrative import best_baseline, describe_run
from pipeline.stages.evaluation import ForecastScore
from pipeline.stages.results import Evaluated
from pipeline.tracking.experiment_view import GAP, P_VALUE
from pipeline.tracking.pending_runs import MlflowRun, Step
from pipeline.verdict.evidence import Evidence


def make_mlflow_run(
    done: Evaluated, certificate: Certificate | None, evidence: Evidence, drift: Drift
) -> MlflowRun:
    """Return the MLflow record of this run and of each model below it."""
    config, record = done.trained.prepared.config, done.record()
    tags = {
        "config_hash": record.config_hash,
        "data_hash": record.data_hash,
        "code_hash": record.code_hash,
        "git_sha": record.git_sha,
        "traded": config.allocation.strategy or config.allocation.forecast,
        "verdict": evidence.verdict,
        "certificate": "none" if certificate is None else certificate.brief()["digest"],
        "mlflow.note.content": describe_run(done, evidence),
    }
    return MlflowRun(
        tags,
        _parameters(config.model_dump(mode="json", exclude={"schedule"})),
        (
            *_steps(_headline(done, evidence) | _estimates(done) | _drift(drift)),
            *_folds(done.scores[config.allocation.forecast]),
            *_regime_folds(done),
        ),
        children={name: _child(name, done, certificate is not None) for name in done.scores},
    )


def _child(name: str, done: Evaluated, certified: bool) -> MlflowRun:
    """Return the MLflow record of one model; only certified models are logged for others to load."""
    config = done.trained.prepared.config
    walk, score = done.trained.walks[name], done.scores[name]
    metrics = {f"forecast/{key}": value for key, value in score.metrics.items()}
    portfolio = f"model:{name}"
    metrics |= {f"portfolio/{key}": value for key, value in done.performance[portfolio].items()}
    for base, values in done.comparisons[portfolio].items():
        metrics |= {f"versus {base.replace(':', ' ')}/{key}": value for key, value in values.items()}
    metrics |= _benchmarks(done, portfolio)
    metrics |= {f"transfer/{key}": value for key, value in done.transfer[portfolio].items()}
    last = walk.last
    files: dict[str, Any] = {"model.json": {**last, "booster": None} if "booster" in last else last}
    if walk.fits[-1].importance.any():
        shares = dict(zip(done.trained.names, walk.fits[-1].importance.tolist(), strict=True))
        files["importance.json"] = dict(sorted(shares.items(), key=lambda item: -item[1]))
    return MlflowRun(
        {"model": name, "mlflow.note.content": _describe_model(done, name)},
        _parameters(config.models[name].model_dump(mode="json")),
        (*_steps(metrics), *_folds(score)),
        files,
        last if certified and ("booster" in last or "coefficients" in last) else {},
    )


def _headline(done: Evaluated, evidence: Evidence) -> dict[str, float]:
    """Return the metrics of the traded portfolio and forecast, and those of the baselines.

    The UI shows one section of charts per prefix, in alphabetical order, so the prefixes put the main results first.
    """
    config = done.trained.prepared.config
    base = best_baseline(done.performance)
    gap = done.comparisons[done.chosen][base]
    metrics = {
        "answer/net sharpe": done.performance[done.chosen]["sharpe"],
        GAP: gap["sharpe_difference"],
        P_VALUE: gap["p_value"],
        "answer/trials": float(evidence.trials["count"]),
        "answer/rank ic": done.scores[config.allocation.forecast].metrics["rank_ic"],
        "answer/r2": done.scores[config.allocation.forecast].metrics["r2"],
    }
    metrics |= {f"evidence/{key}": value for key, value in evidence.tests.items()}
    metrics |= {f"forecast/{k}": v for k, v in done.scores[config.allocation.forecast].metrics.items()}
    metrics |= {f"portfolio/{k}": v for k, v in done.performance[done.chosen].items()}
    return metrics | _strategies(done) | _baselines(done) | _benchmarks(done, done.chosen) | _transfer(done)


def _benchmarks(done: Evaluated, portfolio: str) -> dict[str, float]:
    """Return alpha, beta and more of a portfolio against each benchmark."""
    return {
        f"benchmark {name.replace(':', ' ')}/{key}": value
        for name, values in done.benchmarks[portfolio].items()
        for key, value in values.items()
    }


def _transfer(done: Evaluated) -> dict[str, float]:
    """Return how much of its forecast the traded portfolio holds, and where its active return comes from."""
    found = done.active_return
    metrics = {f"transfer/{key}": value for key, value in done.transfer[done.chosen].items()}
    metrics |= {
        "transfer/implied_breadth": found["implied_breadth"],
        "transfer/fair_size": found["fair_size"],
    }
    for name, values in found["sources"].items():
        metrics |= {f"active return/{name}": values["mean"], f"active return/{name}_stderr": values["stderr"]}
    return metrics


def _strategies(done: Evaluated) -> dict[str, float]:
    """Return the main results of each strategy."""
    return {
        f"strategy {name}/{key}": done.performance[f"strategy:{name}"][key]
        for name in done.trained.prepared.config.strategies
        for key in ("net_return", "sharpe", "max_drawdown", "turnover")
    }


def _baselines(done: Evaluated) -> dict[str, float]:
    """Return the Sharpe ratio of each baseline, and the comparison of the traded portfolio with it."""
    metrics = {}
    for base, values in done.comparisons[done.chosen].items():
        name = base.replace(":", " ")
        metrics[f"baseline sharpe/{name}"] = done.performance[base]["sharpe"]
        metrics |= {f"versus {name}/{key}": value for key, value in values.items()}
    return metrics


def _estimates(done: Evaluated) -> dict[str, float]:
    """Return the scores of the regime forecast and of the covariances."""
    scores = done.covariance_scores
    metrics = {f"regime/{key}": value for key, value in done.regime_score.metrics().items()}
    for name, values in scores.rows().items():
        prefix = "covariance" if name == scores.estimator else f"covariance/{name}"
        metrics |= {f"{prefix}/{key}": value for key, value in values.items()}
    return metrics


def _regime_folds(done: Evaluated) -> list[Step]:
    """Return the log score of the regime forecast and of persistence, one step a refit."""
    return [
        (f"fold/regime_{key}", refit[key], step)
        for step, refit in enumerate(done.regime_score.by_refit)
        for key in ("log_score", "persistence_log_score")
        if math.isfinite(refit[key])
    ]


def _drift(drift: Drift) -> dict[str, float]:
    """Return the shifted importance, and the level and p-value of each watch."""
    metrics = {
        "drift/alarms": float(len(drift.all_alarms)),
        "drift/features shifted": float(sum(one.alarm for one in drift.features)),
        "drift/shifted importance": drift.shifted_importance,
        "drift/smallest p of a feature": min(
            (one.corrected for one in drift.features if math.isfinite(one.corrected)), default=math.nan
        ),
    }
    for finding in drift.findings:
        name = f"drift/{finding.watch.subject} {finding.watch.what}"
        metrics |= {
            name: finding.watch.recent,
            f"{name} before": finding.watch.before,
            f"{name} p": finding.corrected,
        }
    return metrics


def _parameters(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested settings to dotted names."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _parameters(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)[:6000]
    return flat


def _steps(metrics: Mapping[str, float]) -> list[Step]:
    return [(key, float(value), 0) for key, value in metrics.items() if math.isfinite(value)]


def _folds(score: ForecastScore) -> list[Step]:
    """Return each fold's scores as one step of a metric; 60 child runs per model would flood the list."""
    return [
        (f"fold/{key}", float(value), step)
        for step, fold in enumerate(score.by_fold)
        for key, value in fold.items()
        if math.isfinite(value)
    ]


def _describe_model(done: Evaluated, name: str) -> str:
    """Describe the result of one model."""
    skill, money = done.scores[name].metrics, done.performance[f"model:{name}"]
    return (
        f"{name}: rank IC {number(skill['rank_ic'], 3)} (t {number(skill['rank_ic_t'], 1)}), R2 "
        f"{percent(skill['r2'], 2)}, mean slope {number(skill['mean_slope'])}; traded alone: net Sharpe "
        f"{number(money['sharpe'])} (standard error {number(money['sharpe_se'])}), turnover "
        f"{number(money['turnover'], 1)} a year."
    )
