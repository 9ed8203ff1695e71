"""Walk of regimes: refit at each fold, and classify each test date by the fit in force."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import clone

from foundation.types import Floats, Ints
from models.regimes.path import RegimeModel, RegimePath
from validation.folds.walk_forward import Fold
from validation.forecasts.regime_stability import regime_stability

_COLD_SHARE = 0.05
"""A cold restart is tried when the last one had not seen this share of the training rows."""

RECENT = 250
"""Training rows on which two successive fits are compared."""

MARGIN = 0.01
"""By how much a cold restart's loss must be lower to replace the warm one: states that change their meaning cost
more than one per cent of inertia."""


def walk_regimes(
    X: Floats,
    folds: Sequence[Fold],
    names: Sequence[str],
    model: RegimeModel,
    previous: RegimePath | None = None,
) -> RegimePath:
    """Refit the regimes at each fold, and classify each test date by the fit in force on that date.

    Each fit starts from the one before. From time to time a fit from random starts is tried too, and kept only if it
    is better by `MARGIN`: a warm start can stay in a poor local optimum of the first, short windows.

    Parameters
    ----------
    X : ndarray of shape (T, K)
        Market features; the first orders the states.
    folds : sequence of Fold
        Test rows directly after the training rows.
    names : sequence of str, length K
    model : RegimeModel
        Left as it is; copies are fitted.
    before : RegimePath, optional
        The same path over fewer dates. Its fits are reused, and the last of them classifies its test dates again.
    """
    probabilities, anomaly = np.full((len(X), model.n_states), np.nan), np.full(len(X), np.nan)
    current, seen_cold, done = None, -1, 0
    fits: list[tuple[Floats, bool, float, float, float]] = []
    if previous is not None and previous.current is not None:
        current, seen_cold, done = previous.current, previous.seen_cold, len(previous.refits)
        kept = (previous.centres, previous.restarted, previous.loss, previous.agreement, previous.relabelled)
        fits += zip(*kept, strict=True)
        last = folds[done - 1].test
        known = slice(last[0])
        probabilities[known], anomaly[known] = previous.probabilities[known], previous.anomaly[known]
        # The last fold may have more test dates now; its earlier dates get the same values again.
        probabilities[last], anomaly[last] = current.predict_states(X[last])
    for fold in folds[done:]:
        due = fold.train[-1] - seen_cold >= _COLD_SHARE * len(fold.train)
        last_fit = current
        current, fresh = _refit(model, X[fold.train], current, due)
        agreement, relabelled = _agreement(last_fit, current, X[fold.train[-RECENT:]])
        seen_cold = int(fold.train[-1]) if due else seen_cold
        probabilities[fold.test], anomaly[fold.test] = current.predict_states(X[fold.test])
        fits.append((current.centres_, fresh, current.loss_, agreement, relabelled))
    return RegimePath(
        probabilities,
        _most_probable(probabilities),
        anomaly,
        np.array([centres for centres, _, _, _, _ in fits]),
        np.array([fold.test[0] for fold in folds], dtype=np.int64),
        np.array([fresh for _, fresh, _, _, _ in fits], dtype=np.bool_),
        np.array([loss for _, _, loss, _, _ in fits]),
        np.array([agreement for _, _, _, agreement, _ in fits]),
        np.array([relabelled for _, _, _, _, relabelled in fits]),
        tuple(names),
        current,
        seen_cold,
    )


def _most_probable(probabilities: Floats) -> Ints:
    """Return the most probable state of each row, -1 where there are no probabilities."""
    known = np.isfinite(probabilities[:, 0])
    return np.where(known, np.argmax(np.where(known[:, None], probabilities, 0.0), axis=1), -1)


def _agreement(previous: RegimeModel | None, now: RegimeModel, X: Floats) -> tuple[float, float]:
    """Return adjusted Rand index and share relabelled of two fits on the same rows."""
    if previous is None:
        return np.nan, np.nan
    stability = regime_stability(
        _most_probable(previous.predict_states(X)[0]), _most_probable(now.predict_states(X)[0])
    )
    return stability.adjusted_rand, stability.relabelled


def _refit(
    model: RegimeModel, X: Floats, previous: RegimeModel | None, due: bool
) -> tuple[RegimeModel, bool]:
    """Return a fitted copy, and whether it came from a cold start."""
    warm: RegimeModel = clone(model).fit(X, previous)
    if previous is None or not due:
        return warm, previous is None
    cold: RegimeModel = clone(model).fit(X, previous, cold=True)
    return (cold, True) if cold.loss_ < warm.loss_ - MARGIN else (warm, False)
