"""Walk of regimes: refit at each fold, and classify each test date by the fit in force."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import clone

from foundation.types import Floats
from models.regimes.ahead.forecast import ForecastPlan, ForecastRecorder, most_probable
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
    plan: ForecastPlan | None = None,
) -> RegimePath:
    """Refit the regimes at each fold, classify each test date by the fit in force, and forecast one horizon ahead.

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
    previous : RegimePath, optional
        The same path over fewer dates. Its fits are reused, and the last of them classifies its test dates again.
    plan : ForecastPlan, optional
        How the state ahead is forecast; by default one row ahead, by transitions.
    """
    walk = _Walk(X, model, ForecastRecorder(plan or ForecastPlan(), len(X), model.n_states))
    done = 0
    if previous is not None and previous.current is not None:
        done = len(previous.refits)
        walk.resume(previous, folds[:done])
    for fold in folds[done:]:
        walk.add_fold(fold)
    return walk.finish(folds, tuple(names))


class _Walk:
    """A walk in progress: what each fold left behind."""

    def __init__(self, X: Floats, model: RegimeModel, recorder: ForecastRecorder) -> None:
        self.X, self.model, self.recorder = X, model, recorder
        self.probabilities = np.full((len(X), model.n_states), np.nan)
        self.anomaly = np.full(len(X), np.nan)
        self.current: RegimeModel | None = None
        self.seen_cold = -1
        self.fits: list[tuple[Floats, bool, float, float, float]] = []
        self.pending: list[tuple[Fold, RegimeModel]] = []

    def resume(self, previous: RegimePath, folds: Sequence[Fold]) -> None:
        """Take over a path over fewer dates with these folds; the last may have more test dates now."""
        kept = (
            previous.centres,
            previous.restarted,
            previous.loss,
            previous.agreement,
            previous.relabelled,
        )
        self.fits += zip(*kept, strict=True)
        self.seen_cold = previous.seen_cold
        known = slice(folds[-1].test[0])
        self.probabilities[known] = previous.probabilities[known]
        self.anomaly[known] = previous.anomaly[known]
        self.recorder.resume(previous.forecast, len(folds) - 1, int(folds[-1].test[0]))
        waiting = folds[len(folds) - 1 - len(previous.pending) : -1]
        for fold, fit in zip(waiting, previous.pending, strict=True):
            self.recorder.add_outcomes(fold, fit.predict_states(self.X[self._ahead(fold)])[0])
            self._keep_pending(fold, fit)
        if previous.current is not None:
            self._classify(folds[-1], previous.current)

    def add_fold(self, fold: Fold) -> None:
        """Refit, and classify and forecast at the test rows."""
        due = fold.train[-1] - self.seen_cold >= _COLD_SHARE * len(fold.train)
        current, fresh = _refit(self.model, self.X[fold.train], self.current, due)
        agreement, relabelled = _agreement(self.current, current, self.X[fold.train[-RECENT:]])
        self.seen_cold = int(fold.train[-1]) if due else self.seen_cold
        self.fits.append((current.centres_, fresh, current.loss_, agreement, relabelled))
        self._classify(fold, current)

    def _classify(self, fold: Fold, fit: RegimeModel) -> None:
        states, anomaly = fit.predict_states(self.X[self._ahead(fold)])
        n = len(fold.test)
        self.probabilities[fold.test], self.anomaly[fold.test] = states[:n], anomaly[:n]
        self.recorder.add_fold(fold, fit.filter_training(self.X[fold.train]), states, fit.step)
        self._keep_pending(fold, fit)
        self.current = fit

    def _ahead(self, fold: Fold) -> slice:
        """Return the test rows and one horizon more, as far as there are rows."""
        return slice(int(fold.test[0]), int(fold.test[-1]) + 1 + self.recorder.plan.horizon)

    def _keep_pending(self, fold: Fold, fit: RegimeModel) -> None:
        if fold.test[-1] + self.recorder.plan.horizon >= len(self.X):
            self.pending.append((fold, fit))

    def finish(self, folds: Sequence[Fold], names: tuple[str, ...]) -> RegimePath:
        """Return the path."""
        return RegimePath(
            self.probabilities,
            most_probable(self.probabilities),
            self.anomaly,
            np.array([centres for centres, _, _, _, _ in self.fits]),
            np.array([fold.test[0] for fold in folds], dtype=np.int64),
            np.array([fresh for _, fresh, _, _, _ in self.fits], dtype=np.bool_),
            np.array([loss for _, _, loss, _, _ in self.fits]),
            np.array([agreement for _, _, _, agreement, _ in self.fits]),
            np.array([relabelled for _, _, _, _, relabelled in self.fits]),
            names,
            self.current,
            self.seen_cold,
            self.recorder.finish(),
            tuple(fit for _, fit in self.pending if fit is not self.current),
        )


def _agreement(previous: RegimeModel | None, now: RegimeModel, X: Floats) -> tuple[float, float]:
    """Return adjusted Rand index and share relabelled of two fits on the same rows."""
    if previous is None:
        return np.nan, np.nan
    stability = regime_stability(
        most_probable(previous.predict_states(X)[0]), most_probable(now.predict_states(X)[0])
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
