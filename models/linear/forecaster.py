"""LinearForecaster: base class of the linear models, which choose among candidates on the past alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import Literal, Self

import numpy as np

from foundation.types import Floats, Json
from models.base import Forecaster, make_rows
from models.dataset import Rows
from models.errors import NotFittedError
from models.linear.candidates import Candidates, Window
from models.walk_forward.design import Design, Stacked
from models.walk_forward.moments import Gram
from models.walk_forward.standardise import CLIP, Standardiser

Selection = Literal["past", "nested"]


class LinearForecaster(Forecaster):
    """A linear model of conditioned features that is one of several candidates, or a mixture of them.

    Attributes
    ----------
    coef_ : ndarray of shape (K,)
        Target per unit of the conditioned feature.
    intercept_ : float
    scale_ : ndarray of shape (K,)
        Standard deviation of the conditioned features in the training rows.
    scaler_ : Standardiser
    """

    within_dates: bool
    selection: Selection
    inner_splits: int
    half_life: float | None
    clip: float | None = CLIP

    @abstractmethod
    def settings(self, gram: Gram) -> Floats:
        """Return the settings to try, shape (P,), the humblest first."""

    @abstractmethod
    def path(self, gram: Gram, settings: Floats) -> Floats:
        """Return coefficients of standardised features, shape (K, P), from moments."""

    @abstractmethod
    def path_of_rows(self, Z: Floats, y: Floats, settings: Floats) -> Floats:
        """Return the same from standardised rows (n, K): for more features than rows."""

    @abstractmethod
    def mixture(self, before: Floats, losses: Floats) -> Floats:
        """Return the weight of each candidate, shape (P,).

        Parameters
        ----------
        before : ndarray of shape (P,)
            Squared errors in blocks inside a training window.
        losses : ndarray of shape (M, P)
            Squared errors on past test dates whose labels have ended, oldest first; 0 on others.
        """

    def adopt(self, candidates: Candidates, weights: Floats, scaler: Standardiser) -> Self:
        """Return a fitted copy that forecasts with the weighted candidates."""
        # All that is fitted is set below; `clone` would read the signature anew for each fold.
        model = copy(self)
        model.scaler_ = scaler
        model.scale_ = candidates.scale
        model.coef_ = candidates.coefficients @ weights
        model.intercept_ = float(candidates.intercepts @ weights)
        return model

    def fit(self, X: Floats, y: Floats, rows: Rows | None = None) -> Self:
        """Choose by purged blocks inside the rows, then fit to all rows of X (n, K) and y (n,)."""
        X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        rows = make_rows(len(y), rows)
        dates, first, count = np.unique(rows.date, return_index=True, return_counts=True)
        design = Design(
            Stacked(X, y, rows),
            int(count.max()),
            Standardiser(self.clip).fit(X),
            self.within_dates,
            self.half_life,
            int(dates[0]),
        )
        window = Window(design, dates, 0, wide=len(y) < X.shape[1])
        candidates = window.candidates(self, 0, len(dates), window.moments(0, len(dates)))
        before = window.inner_losses(
            self, candidates.settings, 0, len(dates), rows.end[first], self.inner_splits
        )
        weights = self.mixture(before, np.zeros((0, len(before))))
        self.__dict__.update(self.adopt(candidates, weights, design.scaler).__dict__)
        return self

    def predict(self, X: Floats, rows: Rows | None = None) -> Floats:
        """Return the expected target of each row of X (n, K), shape (n,)."""
        if not hasattr(self, "coef_"):
            raise NotFittedError(f"{type(self).__name__} is not fitted: call fit before predict")
        Z = self.scaler_.transform(np.asarray(X, dtype=np.float64))
        # A sum by row, not a matrix product: BLAS rounds a row differently with the number of rows beside it,
        # and a forecast must not depend on the number of other rows.
        Z *= self.coef_
        out: Floats = Z.sum(axis=1) + self.intercept_
        return out

    def chosen(self) -> dict[str, float]:
        """Return the number of features in use."""
        return {"features_used": float(np.count_nonzero(self.coef_))}

    def importance(self, n_features: int) -> Floats:
        """Return |coefficient| times standard deviation as shares."""
        size: Floats = np.abs(self.coef_ * self.scale_)
        total = size.sum()
        return size / total if total > 0 else size

    def spec(self, names: Sequence[str]) -> Json:
        """Return the conditioning and the coefficients."""
        return {
            "kind": type(self).__name__,
            "features": list(names),
            "mean": self.scaler_.mean_.tolist(),
            "scale": self.scaler_.scale_.tolist(),
            "clip": self.scaler_.clip,
            "coefficients": self.coef_.tolist(),
            "intercept": self.intercept_,
        }
