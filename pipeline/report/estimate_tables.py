"""Tables of what a run forecasts beside returns: regimes and covariances."""

from __future__ import annotations

from typing import Any

from pipeline.report.columns import digits, share
from pipeline.report.formats import chance, number, percent
from pipeline.report.page_tables import format_table
from pipeline.stages.results import Evaluated

_REGIME_COLUMNS = (
    ("log score", "log_score", digits(3)),
    ("Brier score", "brier", digits(3)),
    ("log score saved", "log_gain", digits(3)),
    ("HAC t", "log_gain_t", digits(1)),
    ("p, one-sided", "log_gain_p", chance),
    ("Brier score saved", "brier_gain", digits(3)),
    ("p, one-sided ", "brier_gain_p", chance),
)
_COVARIANCE_COLUMNS = (
    ("QLIKE an asset", "qlike", digits(3)),
    ("saved", "qlike_gain", digits(3)),
    ("HAC t", "qlike_gain_t", digits(1)),
    ("p, one-sided", "qlike_gain_p", chance),
    ("volatility of its minimum-variance portfolio", "minimum_variance_volatility", share(2)),
    ("lower variance, t", "variance_gain_t", digits(1)),
    ("p, one-sided ", "variance_gain_p", chance),
    ("decisions", "n_decisions", digits(0)),
)
_NAMES = {
    "forecast": "forecast",
    "persistence": "persistence, as often as in training",
    "certain_persistence": "persistence, 99 %",
    "shares": "historical shares",
}
_NOTHING = float("nan")


def summarise_regime_forecast(done: Evaluated) -> dict[str, Any]:
    """Return the forecast of the last date, its scores and those of its baselines."""
    content = done.regime_score.as_dict(done.trained.prepared.panel.dates)
    mine = dict.fromkeys((key for _, key, _ in _REGIME_COLUMNS), _NOTHING)
    mine |= {"log_score": content["log_score"], "brier": content["brier"]}
    rows = {"forecast": mine, **content["baselines"]}
    return {
        "kind": content["kind"],
        "horizon": content["horizon"],
        "probabilities": [percent(p, 0) for p in content["probabilities"]],
        "table": format_table(rows, _REGIME_COLUMNS, lambda name: _NAMES[name]),
        "n_dates": content["n_dates"],
        "p_better": chance(content["p_better"]),
        "error": number(content["calibration_error"], 3),
    }


def covariance_table(done: Evaluated) -> dict[str, Any]:
    """Return the scores of the run's covariances beside simple estimators."""
    scores = done.covariance_scores
    rows = scores.rows()
    own = rows.pop(scores.estimator)
    own = dict.fromkeys((key for _, key, _ in _COVARIANCE_COLUMNS), _NOTHING) | own
    return format_table(
        {scores.estimator: own} | rows, _COVARIANCE_COLUMNS, lambda name: name.replace("_", " ")
    )
