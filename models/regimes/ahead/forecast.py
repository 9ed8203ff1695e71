"""Forecast of the regime one horizon ahead, made fold by fold along the walk of the regimes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from foundation.types import Floats, Ints
from models.regimes.ahead.classifiers import ClassifierKind, learn_weight, predict_by_classifier
from models.regimes.ahead.transitions import Transitions, estimate_transitions, propagate
from validation.folds.walk_forward import Fold


@dataclass(frozen=True, eq=False)
class ForecastPlan:
    """How the regime one horizon ahead is forecast.

    Attributes
    ----------
    horizon : int
        Rows ahead.
    kind : {"transitions", "logit", "lightgbm"}
        Transitions alone, or a classifier beside them.
    inputs : ndarray of shape (T, K), optional
        What a classifier sees beside the regime's probabilities.
    every : int
        A classifier learns from each so many-th training row.
    seed : int
    """

    horizon: int = 1
    kind: Literal["transitions", "logit", "lightgbm"] = "transitions"
    inputs: Floats | None = None
    every: int = 1
    seed: int = 0


@dataclass(frozen=True, eq=False)
class RegimeForecast:
    """Distribution of the regime one horizon ahead, as forecast at each date, and what came.

    States are those of the fit in force at the date of the forecast, whatever later fits call them: the outcome is
    the state that this same fit assigns one horizon later, by the rows up to then.

    Attributes
    ----------
    horizon : int
        Rows ahead.
    probabilities : ndarray of shape (T, S)
        Forecast at row t of the state at row t + horizon; NaN where the state at t is not known.
    counted : ndarray of shape (T, S)
        The same by transitions alone.
    classified : ndarray of shape (T, S)
        The same by the classifier alone; NaN without one.
    outcome : ndarray of int, shape (T,)
        State at row t + horizon, -1 where it is not known (yet).
    matrix : ndarray of shape (F, S, S)
        Transitions over one horizon, by refit.
    stay : ndarray of shape (F,)
        Share of training rows whose state was that of one horizon later, by refit.
    share : ndarray of shape (F, S)
        Share of training rows in each state, by refit.
    weight : ndarray of shape (F,)
        Weight of the classifier beside the transitions, by refit; 0 without one.
    """

    horizon: int
    probabilities: Floats
    counted: Floats
    classified: Floats
    outcome: Ints
    matrix: Floats
    stay: Floats
    share: Floats
    weight: Floats


@dataclass(eq=False)
class ForecastRecorder:
    """Makes the forecasts of each fold, and collects them.

    Parameters
    ----------
    plan : ForecastPlan
    n_dates, n_states : int
    """

    plan: ForecastPlan
    n_dates: int
    n_states: int
    _fits: list[tuple[Transitions, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start without a forecast."""
        shape = self.n_dates, self.n_states
        self._probabilities, self._counted = np.full(shape, np.nan), np.full(shape, np.nan)
        self._classified, self._outcome = np.full(shape, np.nan), np.full(self.n_dates, -1)

    def resume(self, previous: RegimeForecast, n_fits: int, n_rows: int) -> None:
        """Take over the first fits and rows of a forecast over fewer dates."""
        known = slice(n_rows)
        self._probabilities[known] = previous.probabilities[known]
        self._counted[known], self._classified[known] = previous.counted[known], previous.classified[known]
        self._outcome[known] = previous.outcome[known]
        parts = (previous.matrix, previous.stay.tolist(), previous.share, previous.weight.tolist())
        for matrix, stay, share, weight in list(zip(*parts, strict=True))[:n_fits]:
            self._fits.append((Transitions(matrix, stay, share), weight))

    def add_outcomes(self, fold: Fold, after: Floats) -> None:
        """Record the states one horizon after the test rows.

        Parameters
        ----------
        fold : Fold
        after : ndarray of shape (m, S)
            Probabilities of the rows from the first test row on, by the fit of this fold.
        """
        states = most_probable(after)[self.plan.horizon :][: len(fold.test)]
        self._outcome[fold.test[: len(states)]] = states

    def add_fold(self, fold: Fold, trained: Floats, after: Floats, step: Floats | None) -> None:
        """Forecast at the test rows of a fold, and record the outcomes that are known.

        Parameters
        ----------
        fold : Fold
        trained : ndarray of shape (n, S)
            Probabilities of the training rows, each given the rows up to it.
        after : ndarray of shape (m, S)
            Those of the test rows and of one horizon more, as far as there are rows.
        step : ndarray of shape (S, S), optional
            Transitions of one row, if the fit has some.
        """
        plan, now = self.plan, after[: len(fold.test)]
        label = most_probable(trained)
        found = estimate_transitions(trained, label, plan.horizon, step)
        counted, weight = propagate(now, found.matrix), 0.0
        self._counted[fold.test] = self._probabilities[fold.test] = counted
        kind = plan.kind
        if kind != "transitions":
            # Outcomes that were known at the last training row.
            past = slice(max(0, int(fold.train[-1]) + 1 - plan.horizon))
            weight = learn_weight(
                self._classified[past], self._counted[past], self._outcome[past], plan.horizon
            )
            classified = self._classify(kind, fold, trained, label, now)
            self._classified[fold.test] = classified
            self._probabilities[fold.test] = weight * classified + (1 - weight) * counted
        self._fits.append((found, weight))
        self.add_outcomes(fold, after)

    def _classify(
        self, kind: ClassifierKind, fold: Fold, trained: Floats, label: Ints, now: Floats
    ) -> Floats:
        """Return the classifier's forecasts at the test rows; it has learned from labels of training rows alone."""
        plan = self.plan
        known = (label[: -plan.horizon] >= 0) & (label[plan.horizon :] >= 0)
        rows = np.flatnonzero(known)[:: plan.every]
        if not len(rows):
            return propagate(now, np.full((self.n_states, self.n_states), 1 / self.n_states))
        inputs = np.empty((self.n_dates, 0)) if plan.inputs is None else plan.inputs
        X = np.column_stack([inputs[fold.train[rows]], trained[rows]])
        out = predict_by_classifier(
            kind,
            X,
            label[rows + plan.horizon],
            np.column_stack([inputs[fold.test], now]),
            max(1, plan.horizon // plan.every),
            self.n_states,
            plan.seed,
        )
        return np.where(np.isfinite(now), out, np.nan)

    def finish(self) -> RegimeForecast:
        """Return all forecasts."""
        found, n_states = [fit for fit, _ in self._fits], self.n_states
        return RegimeForecast(
            self.plan.horizon,
            self._probabilities,
            self._counted,
            self._classified,
            self._outcome,
            np.array([one.matrix for one in found]).reshape(-1, n_states, n_states),
            np.array([one.stay for one in found], dtype=np.float64),
            np.array([one.share for one in found]).reshape(-1, n_states),
            np.array([weight for _, weight in self._fits], dtype=np.float64),
        )


def most_probable(probabilities: Floats) -> Ints:
    """Return the most probable state of each row, -1 where there are no probabilities."""
    known = np.isfinite(probabilities[:, 0])
    return np.where(known, np.argmax(np.where(known[:, None], probabilities, 0.0), axis=1), -1)
