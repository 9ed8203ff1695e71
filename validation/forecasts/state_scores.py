"""Scores of forecasts of a state: log score and Brier score, their difference from baselines, and reliability.

Forecasts are distributions (T, S); outcomes are states (T,), -1 where not known. Both scores are losses: smaller is
better. They are proper: nobody gains by stating other probabilities than those believed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foundation.types import Floats, Ints
from validation.errors import StatisticError
from validation.forecasts.scores import MeanTest, hac_mean


@dataclass(frozen=True, eq=False)
class StateScores:
    """Scores of one forecast, by date.

    Attributes
    ----------
    log, brier : ndarray of shape (T,)
        Minus the logarithm of the probability of the state that came; squared distance of the distribution from that
        state, between 0 and 2. NaN where forecast or outcome is not known.
    """

    log: Floats
    brier: Floats

    @property
    def mean(self) -> tuple[float, float]:
        """Mean log score and mean Brier score, NaN without a date."""
        known = np.isfinite(self.brier)
        return (
            (float(self.log[known].mean()), float(self.brier[known].mean()))
            if known.any()
            else (np.nan, np.nan)
        )


@dataclass(frozen=True)
class StateComparison:
    """Whether a forecast of a state beats a baseline.

    Attributes
    ----------
    log, brier : MeanTest
        Of the baseline's score less the forecast's: above 0 if the forecast is better; `p_greater` is its one-sided p.
    """

    log: MeanTest
    brier: MeanTest


def score_states(forecast: Floats, outcome: Ints) -> StateScores:
    """Return log score (Good, 1952) and Brier score (1950) of each date.

    Raises
    ------
    StatisticError
        If shapes do not fit, or a row of the forecast is no distribution.
    """
    if forecast.ndim != 2 or outcome.shape != forecast.shape[:1]:
        raise StatisticError(
            f"forecasts of shape {forecast.shape} do not fit outcomes of shape {outcome.shape}"
        )
    known = np.isfinite(forecast).all(axis=1) & (outcome >= 0)
    stated, came = forecast[known], outcome[known]
    if (stated < 0).any() or not np.allclose(stated.sum(axis=1), 1.0, atol=1e-6):
        raise StatisticError("forecasts of a state: expected rows that are not negative and sum to 1")
    log, brier = np.full(len(forecast), np.nan), np.full(len(forecast), np.nan)
    with np.errstate(divide="ignore"):
        log[known] = -np.log(stated[np.arange(len(came)), came])
    brier[known] = np.square(stated - np.eye(forecast.shape[1])[came]).sum(axis=1)
    return StateScores(log, brier)


def compare_state_scores(scores: StateScores, baseline: StateScores, horizon: int) -> StateComparison:
    """Test whether a forecast scores better than a baseline on the dates that both have.

    Parameters
    ----------
    scores, baseline : StateScores
    horizon : int
        Rows ahead: outcomes of neighbouring dates overlap.

    Notes
    -----
    Diebold and Mariano (1995), with the lags and degrees of freedom of `hac_mean`: states last, so that differences
    are correlated beyond the overlap.
    """
    return StateComparison(
        hac_mean(baseline.log - scores.log, horizon - 1), hac_mean(baseline.brier - scores.brier, horizon - 1)
    )


def persist_surely(label: Ints, n_states: int, clip: float) -> Floats:
    """Return the forecast (T, S) that the state stays, with certainty but for `clip`, which the others share.

    Without the clip one change would cost an infinite log score. Rows without a state are NaN.
    """
    others = clip / max(1, n_states - 1)
    certain = np.full((n_states, n_states), others) + (1.0 - clip - others) * np.eye(n_states)
    if n_states == 1:
        certain = np.ones((1, 1))
    return np.where((label >= 0)[:, None], certain[label], np.nan)


@dataclass(frozen=True, eq=False)
class Reliability:
    """Stated probabilities against how often the states came, all states together.

    Attributes
    ----------
    stated, came : ndarray of shape (B,)
        Mean stated probability, and share in which the state came, by bin; bins without a forecast are left out.
    stderr : ndarray of shape (B,)
        Standard error of the share if the forecast is right, and neighbouring outcomes overlap by the horizon.
    count : ndarray of int, shape (B,)
        Stated probabilities in each bin: one a date and state.
    """

    stated: Floats
    came: Floats
    stderr: Floats
    count: Ints

    @property
    def error(self) -> float:
        """Mean distance of stated and observed, weighted by count."""
        if not self.count.sum():
            return np.nan
        return float((self.count * np.abs(self.stated - self.came)).sum() / self.count.sum())


def measure_reliability(forecast: Floats, outcome: Ints, horizon: int, bins: int = 10) -> Reliability:
    """Return stated and observed frequencies in bins of equal width (Murphy and Winkler, 1977)."""
    known = np.isfinite(forecast).all(axis=1) & (outcome >= 0)
    stated = forecast[known].ravel()
    came = np.eye(forecast.shape[1])[outcome[known]].ravel()
    bin_of = np.minimum((stated * bins).astype(np.int64), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    used = count > 0
    totals = (np.bincount(bin_of, weights=values, minlength=bins)[used] for values in (stated, came))
    mean, share = (total / count[used] for total in totals)
    return Reliability(mean, share, np.sqrt(mean * (1 - mean) * horizon / count[used]), count[used])
