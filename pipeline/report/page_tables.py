"""Tables and tiles of the page."""

from __future__ import annotations

from typing import Any

import numpy as np

from backtest.attribution import TOTAL, merge_nested_sleeves
from pipeline.report.columns import EVIDENCE_ROWS, SLEEVE_COLUMNS, TUNING_COLUMNS
from pipeline.report.formats import chance, label, number, p_value, percent
from pipeline.report.narrative import best_baseline
from pipeline.settings.models import CombinationModel
from pipeline.stages.evaluation import compare_forecasts
from pipeline.stages.results import Evaluated
from pipeline.verdict.evidence import Evidence
from pipeline.verdict.regime_evidence import weigh_regimes

SLEEVE = " · "
"""Separator between a strategy and its sleeve in the table; the strategy's name is not repeated."""


def format_table(rows: Any, columns: Any, name: Any) -> dict[str, Any]:
    """Return headings and formatted rows."""
    return {
        "heads": [head for head, _, _ in columns],
        "rows": [
            (name(key), [show(values[column]) for _, column, show in columns]) for key, values in rows.items()
        ],
    }


def sleeve_table(done: Evaluated) -> dict[str, Any]:
    """Return each strategy followed by its sleeves; nested sleeves are summed into the outer one."""
    rows: dict[str, Any] = {}
    for name, found in done.attributions().items():
        parts = merge_nested_sleeves(found)
        rows[label(name)] = parts.pop(TOTAL)
        rows |= {
            f"{label(name)}{SLEEVE}{sleeve.replace('_', ' ')}": values for sleeve, values in parts.items()
        }
    return format_table(rows, SLEEVE_COLUMNS, str)


def same_error_table(done: Evaluated) -> dict[str, Any]:
    """Return for each pair of models the p-value of equal squared errors."""
    p_values = compare_forecasts(done.scores, done.trained.prepared.schedule.labels.horizon)
    rows = [(name, [chance(p) for p in others.values()]) for name, others in p_values.items()]
    return {"heads": list(p_values), "rows": rows}


def tuning_table(done: Evaluated) -> dict[str, Any]:
    """Return the trials of the parameter search, and its gain out of sample."""
    rows = {}
    for name, walk in done.trained.walks.items():
        if walk.untuned is not None:
            searches = len({trial.first_test for trial in walk.trials})
            counts = {
                "searches": searches,
                "trials": len(walk.trials),
                "pruned": sum(t.pruned for t in walk.trials),
            }
            rows[name] = done.scores[name].metrics | counts | {"seconds": sum(t.seconds for t in walk.trials)}
    return format_table(rows, TUNING_COLUMNS, str)


def evidence_rows(evidence: Evidence) -> list[tuple[str, str]]:
    """Return the tests behind the verdict and their results."""
    tests = evidence.tests
    return [(text, show(tests[key])) for key, text, show in EVIDENCE_ROWS]


def effort_table(done: Evaluated) -> dict[str, Any]:
    """Return each model's costs and results: fits, chosen parameters, seconds, and the value of its forecast."""
    rows = []
    for name, walk in done.trained.walks.items():
        fits, skill = walk.fits, done.scores[name].metrics
        chosen = {key: np.median([fit.chosen[key] for fit in fits]) for key in fits[-1].chosen}
        rows.append(
            (
                name,
                [
                    str(len(fits)),
                    f"{fits[0].n_rows} to {fits[-1].n_rows}",
                    _name_features(done, name),
                    "; ".join(f"{key.replace('_', ' ')} {value:.3g}" for key, value in chosen.items()) or "–",
                    number(sum(fit.seconds for fit in fits), 1),
                    number(skill["rank_ic"], 3),
                    percent(skill["r2_target"], 2),
                ],
            )
        )
    heads = [
        "refits",
        "training rows",
        "features",
        "chosen, median",
        "seconds",
        "rank IC",
        "R2 in units of risk",
    ]
    return {"heads": heads, "rows": rows}


def _name_features(done: Evaluated, model: str) -> str:
    """Return the features that a model sees: their number, or the name of a single one."""
    section, total = done.trained.prepared.config.models[model], len(done.trained.names)
    if isinstance(section, CombinationModel):
        return "–"
    if section.features is not None and len(section.features) == 1:
        return section.features[0]
    count = section.count_features(total)
    return f"{count} of {total}" if 0 < count < total else str(count or "–")


def headline_tiles(done: Evaluated) -> list[tuple[str, str, str]]:
    """Return the tiles at the top: value, description, and a value to compare it with."""
    mine, base = done.performance[done.chosen], best_baseline(done.performance)
    skill = done.scores[done.trained.prepared.config.allocation.forecast].metrics
    gap = done.comparisons[done.chosen][base]
    return [
        (number(mine["sharpe"]), "net Sharpe ratio", f"± {number(mine['sharpe_se'])} standard error"),
        (number(gap["sharpe_difference"]), f"Sharpe above {label(base)}", p_value(gap["p_value"])),
        (number(skill["rank_ic"], 3), "mean rank IC", f"HAC t = {number(skill['rank_ic_t'], 1)}"),
        (percent(skill["r2"], 2), "R2 out of sample", "against the historical mean"),
        (percent(mine["max_drawdown"], 0), "maximum drawdown", f"{label(base)}: {_fall(done, base)}"),
        (number(mine["turnover"], 1), "turnover a year", f"costs {percent(mine['cost'], 2)} a year"),
    ]


def _fall(done: Evaluated, name: str) -> str:
    return percent(done.performance[name]["max_drawdown"], 0)


def summarise_regimes(done: Evaluated) -> dict[str, Any]:
    """Return the regime of the last date, the evidence on regimes, and the centres of the last fit."""
    found, year = weigh_regimes(done), done.trained.prepared.panel.periods_per_year
    regimes = done.trained.regimes
    return {
        "label": int(regimes.label[-1]),
        "probabilities": [percent(float(p), 0) for p in regimes.probabilities[-1]],
        "anomaly": percent(float(regimes.anomaly[-1]), 0),
        "features": regimes.features,
        "rows": [
            [
                percent(float(found.persistence.share[s]), 0),
                number(float(found.persistence.duration[s]), 1),
                percent(float(found.following.mean[s]) * year),
                percent(float(found.following.volatility[s]) * year**0.5),
            ]
            for s in range(len(found.persistence.share))
        ],
        "flips": percent(found.persistence.flip_rate, 0),
        "p_mean": number(found.following.p_mean_shift, 3),
        "p_volatility": number(found.following.p_volatility_shift, 3),
        "agreement": number(found.agreement),
        "relabelled": percent(found.relabelled, 1),
        "centres": [[number(float(v), 3) for v in centre] for centre in regimes.centres[-1]],
    }
