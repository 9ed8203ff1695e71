"""Scores of the regime forecast against persistence and historical shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foundation.types import Floats, Ints
from models.regimes.ahead.transitions import persist
from models.regimes.path import RegimePath
from validation.forecasts.state_scores import (
    Reliability,
    StateComparison,
    StateScores,
    compare_state_scores,
    measure_reliability,
    persist_surely,
    score_states,
)

_CLIP = 0.01
"""Probability that certain persistence leaves to a change."""
_DEMANDING = ("persistence", "shares")
"""Baselines that a forecast must both beat to say something."""


@dataclass(frozen=True, eq=False)
class RegimeForecastScore:
    """Scores of the regime forecast over the evaluation dates whose outcome is known.

    Attributes
    ----------
    kind : str
        How it is made: `regimes.forecast`.
    horizon : int
    ahead : ndarray of shape (S,)
        Forecast at the last date of the data.
    positions : ndarray of int, shape (D,)
        Rows of the panel.
    scores : mapping of str to StateScores
        By date, of the "forecast" and of each baseline: "persistence" (the state stays as often as states stayed in
        the training window), "certain_persistence" (it stays with 99 %) and "shares" (those of the training window).
    comparisons : mapping of str to StateComparison
        The forecast against each baseline.
    reliability : Reliability
    by_refit : tuple of dict
        Scores of each refit with a scored date, with the row of its first test date under "first_test".
    """

    kind: str
    horizon: int
    ahead: Floats
    positions: Ints
    scores: Mapping[str, StateScores]
    comparisons: Mapping[str, StateComparison]
    reliability: Reliability
    by_refit: tuple[dict[str, float], ...]

    @property
    def p_better(self) -> float:
        """One-sided p of the log score, that the forecast beats persistence and historical shares both."""
        return float(np.max([self.comparisons[name].log.p_greater for name in _DEMANDING]))

    def as_dict(self, dates: pd.DatetimeIndex) -> dict[str, Any]:
        """Return the scores for JSON."""
        log, brier = self.scores["forecast"].mean
        found = self.reliability
        parts = (found.stated.tolist(), found.came.tolist(), found.stderr.tolist(), found.count.tolist())
        return {
            "kind": self.kind,
            "horizon": self.horizon,
            "probabilities": self.ahead.tolist(),
            "n_dates": len(self.positions),
            "log_score": log,
            "brier": brier,
            "p_better": self.p_better,
            "baselines": {name: self._against(name) for name in self.comparisons},
            "calibration_error": found.error,
            "reliability": [
                dict(zip(("stated", "came", "stderr", "count"), row, strict=True))
                for row in zip(*parts, strict=True)
            ],
            "by_refit": [
                {**refit, "first_test": f"{dates[int(refit['first_test'])]:%Y-%m-%d}"}
                for refit in self.by_refit
            ],
        }

    def metrics(self) -> dict[str, float]:
        """Return the scores as plain numbers by name."""
        log, brier = self.scores["forecast"].mean
        flat = {"log_score": log, "brier": brier, "p_better": self.p_better}
        flat["calibration_error"] = self.reliability.error
        for name in self.comparisons:
            flat |= {f"{name}/{key}": value for key, value in self._against(name).items()}
        return flat

    def _against(self, name: str) -> dict[str, float]:
        """Return the scores of a baseline, and the forecast's gain over it."""
        log, brier = self.scores[name].mean
        tests = self.comparisons[name]
        return {
            "log_score": log,
            "brier": brier,
            "log_gain": tests.log.mean,
            "log_gain_t": tests.log.t,
            "log_gain_p": tests.log.p_greater,
            "brier_gain": tests.brier.mean,
            "brier_gain_t": tests.brier.t,
            "brier_gain_p": tests.brier.p_greater,
        }


def score_regimes(path: RegimePath, kind: str, first: int) -> RegimeForecastScore:
    """Score the regime forecasts from a row on, as far as their outcomes are known.

    Parameters
    ----------
    path : RegimePath
    kind : str
        Setting `regimes.forecast`.
    first : int
        First row of the panel that is judged.
    """
    forecast, n_states = path.forecast, path.probabilities.shape[1]
    rows = np.arange(first, len(path.label))
    rows = rows[(forecast.outcome[rows] >= 0) & (path.label[rows] >= 0)]
    # Rows before the first fit have no label, and so no forecast.
    fit = np.searchsorted(path.refits, rows, side="right") - 1
    label, outcome = path.label[rows], forecast.outcome[rows]
    stated = {
        "forecast": forecast.probabilities[rows],
        "persistence": persist(label, forecast.stay[fit], forecast.share[fit]),
        "certain_persistence": persist_surely(label, n_states, _CLIP),
        "shares": forecast.share[fit],
    }
    scores = {name: score_states(each, outcome) for name, each in stated.items()}
    mine = scores["forecast"]
    return RegimeForecastScore(
        kind,
        forecast.horizon,
        forecast.probabilities[-1],
        rows,
        scores,
        {
            name: compare_state_scores(mine, each, forecast.horizon)
            for name, each in scores.items()
            if name != "forecast"
        },
        measure_reliability(stated["forecast"], outcome, forecast.horizon),
        tuple(_by_refit(path, scores, fit)),
    )


def _by_refit(path: RegimePath, scores: Mapping[str, StateScores], fit: Ints) -> Iterator[dict[str, float]]:
    """Yield the mean scores of each refit."""
    for number in np.unique(fit).tolist():
        own = fit == number
        means = {f"{name}_log_score": float(each.log[own].mean()) for name, each in scores.items()}
        yield {
            "first_test": float(path.refits[number]),
            "n_dates": float(own.sum()),
            "log_score": means.pop("forecast_log_score"),
            "brier": float(scores["forecast"].brier[own].mean()),
            **means,
            "classifier_weight": float(path.forecast.weight[number]),
        }
