"""Classifiers of the state one horizon ahead, and the weight that their past earned beside the transitions."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from foundation.types import Floats, Ints
from models.walk_forward.standardise import Standardiser

ClassifierKind = Literal["logit", "lightgbm"]

_INVERSE_PENALTY = 0.1
"""Of the multinomial logit, in periods: features have variance 1."""
_TREES: dict[str, Any] = {
    "n_estimators": 60,
    "learning_rate": 0.05,
    "num_leaves": 7,
    "reg_lambda": 10.0,
    "max_bin": 31,
}
_PERIODS_IN_LEAF = 10
_PRIOR_PERIODS = 36.0
"""Periods in which the transitions are taken to have been right before the classifier's first forecast."""
_ITERATIONS = 50


def predict_by_classifier(
    kind: ClassifierKind, X: Floats, later: Ints, rows: Floats, horizon: int, n_states: int, seed: int
) -> Floats:
    """Return the probabilities (m, S) of the state one horizon after the rows, by a classifier of training rows.

    A state that never came later in training has probability 0; with a single state that did, it is certain.

    Parameters
    ----------
    kind : {"logit", "lightgbm"}
    X : ndarray of shape (n, K)
        Training rows; missing values are their mean for the logit, and left to the trees.
    later : ndarray of int, shape (n,)
        State one horizon after each of them.
    rows : ndarray of shape (m, K)
    horizon : int
        The labels of so many neighbouring rows overlap, so that each counts as a part of one.
    n_states : int
    seed : int
    """
    out = np.zeros((len(rows), n_states))
    states = np.unique(later)
    if len(states) < 2:
        out[:, states] = 1.0
        return out
    model, inputs, asked = _make_classifier(kind, X, rows, horizon, seed)
    model.fit(inputs, later, sample_weight=np.full(len(later), 1.0 / horizon))
    out[:, states] = _logit_probabilities(model, asked) if kind == "logit" else model.predict_proba(asked)
    return out


def _logit_probabilities(model: Any, X: Floats) -> Floats:
    """Return the probabilities of a fitted logit, each row with the same bits whichever rows stand beside it."""
    # Not a matrix product: BLAS rounds differently with the number of rows.
    score = np.tile(model.intercept_, (len(X), 1))
    for column, weights in zip(X.T, model.coef_.T, strict=True):
        score = score + column[:, None] * weights
    if score.shape[1] == 1:  # two states: the score of the second against the first
        score = np.column_stack([np.zeros(len(X)), score])
    odds = np.exp(score - score.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _make_classifier(
    kind: ClassifierKind, X: Floats, rows: Floats, horizon: int, seed: int
) -> tuple[Any, Floats, Floats]:
    if kind == "logit":
        from sklearn.linear_model import LogisticRegression

        scaler = Standardiser().fit(X)
        return LogisticRegression(C=_INVERSE_PENALTY), scaler.transform(X), scaler.transform(rows)
    import lightgbm

    model = lightgbm.LGBMClassifier(
        **_TREES,
        min_child_samples=_PERIODS_IN_LEAF * horizon,
        min_child_weight=0.0,
        random_state=seed,
        deterministic=True,
        force_row_wise=True,
        n_jobs=1,
        verbose=-1,
    )
    return model, X, rows


def learn_weight(classified: Floats, counted: Floats, outcome: Ints, horizon: int) -> float:
    """Return the weight of the classifier in a mixture with the transitions, from past forecasts and their outcomes.

    The likeliest weight, if the transitions had been right in `_PRIOR_PERIODS` periods before: 0 without a past.

    Parameters
    ----------
    classified, counted : ndarray of shape (n, S)
        Past forecasts of both.
    outcome : ndarray of int, shape (n,)
        -1 where unknown.
    horizon : int
        Neighbouring outcomes overlap by so many rows.
    """
    known = np.flatnonzero((outcome >= 0) & np.isfinite(classified[:, 0]) & np.isfinite(counted[:, 0]))
    if not len(known):
        return 0.0
    mine, other = classified[known, outcome[known]], counted[known, outcome[known]]
    weight = 0.5
    for _ in range(_ITERATIONS):
        credit = weight * mine / (weight * mine + (1 - weight) * other)
        weight = float(credit.sum()) / horizon / (len(known) / horizon + _PRIOR_PERIODS)
    return weight
