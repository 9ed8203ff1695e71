"""Minimum training: how many dates and rows a fit needs by default, from the number of features K.

A fit needs 2 K rows, two per coefficient. Rows of one date share its news, so a date counts for at most 16 of them: a
fit needs K / 8 dates, and never fewer than 8. Labels that overlap share their news too, so dates are counted at the
distance of one horizon.
"""

from __future__ import annotations

from math import ceil

ROWS_PER_FEATURE = 2
ROWS_PER_DATE = 16
"""Maximum number of rows that one date counts for."""
FEWEST_DATES = 8
"""Minimum number of dates without overlap, for any number of features; also the minimum per regime."""


def minimum_regime_dates(states: int, n_features: int, kind: str, covariance: str | None) -> int:
    """Return the minimum number of dates of the first fit of regimes: 8 per state, and two numbers per parameter.

    Parameters
    ----------
    states, n_features : int
    kind : {"kmeans", "hmm", "jump"}
    covariance : {"full", "diagonal"} or None
        Of a hidden Markov model; None is full.
    """
    parameters = states * n_features
    if kind == "hmm":
        full = covariance != "diagonal"
        shape = n_features * (n_features + 1) // 2 if full else n_features
        parameters += states * (shape + states - 1)
    return max(FEWEST_DATES * states, ceil(ROWS_PER_FEATURE * parameters / n_features))


def minimum_training(n_features: int, horizon: int, train_every: int) -> tuple[int, int]:
    """Return the minimum number of training dates and rows of a fit.

    Parameters
    ----------
    n_features : int
    horizon, train_every : int
        Observations.
    """
    periods = max(FEWEST_DATES, ceil(ROWS_PER_FEATURE * n_features / ROWS_PER_DATE))
    dates = ceil(periods * horizon / train_every) if train_every < horizon else periods
    return dates, ROWS_PER_FEATURE * n_features
