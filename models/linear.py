"""Ridge, lasso and elastic net over the pooled panel, with the penalty chosen inside the training window."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from models.base import Floats, Forecaster, Json, rows_of
from models.dataset import Rows
from models.errors import NotFittedError
from models.gram import Gram, demean_by_date, elastic_net_path, largest_penalty, ridge_path
from models.scaling import CLIP, Standardiser
from validation.walk_forward import inner_folds


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Training rows as moments, and what has to be undone to predict."""

    scaler: Standardiser
    centre: Floats
    level: float
    gram: Gram


class PenalisedRegression(Forecaster):
    """Linear regression of the target on standardised features, pooled over assets.

    The penalty is the one of smallest squared error in purged walk-forward blocks inside the training rows;
    scaling is refitted in each of them.

    Parameters
    ----------
    within_dates : bool
        Use only differences between the assets of a date (date fixed effects), for a relative target. Features
        that are common to all assets then drop out.
    inner_splits : int
        Blocks to choose the penalty on.
    n_penalties : int
        Length of the path.

    Attributes
    ----------
    coef_ : ndarray of shape (K,)
        Target per standard deviation of the feature.
    intercept_ : float
    penalty_ : float
    scaler_ : Standardiser
    """

    def __init__(self, within_dates: bool = False, inner_splits: int = 4, n_penalties: int = 30) -> None:
        self.within_dates = within_dates
        self.inner_splits = inner_splits
        self.n_penalties = n_penalties

    @abstractmethod
    def _penalties(self, gram: Gram) -> Floats:
        """Return the penalties to try, decreasing, shape (P,)."""

    @abstractmethod
    def _path(self, gram: Gram, penalties: Floats) -> Floats:
        """Return the coefficients, shape (K, P)."""

    def _prepare(self, X: Floats, y: Floats, rows: Rows) -> _Prepared:
        scaler = Standardiser().fit(X)
        Z = scaler.transform(X)
        if self.within_dates:
            gram = Gram.of(demean_by_date(Z, rows.date), demean_by_date(y, rows.date))
            return _Prepared(scaler, np.zeros(Z.shape[1]), 0.0, gram)
        # Clipping and imputing move the mean a little away from 0.
        centre, level = Z.mean(axis=0), float(y.mean())
        return _Prepared(scaler, centre, level, Gram.of(Z - centre, y - level))

    def _losses(self, X: Floats, y: Floats, rows: Rows, penalties: Floats) -> Floats:
        """Return the squared error of each penalty, summed over the inner blocks, shape (P,)."""
        dates, first = np.unique(rows.date, return_index=True)
        losses = np.zeros(len(penalties))
        for fold in inner_folds(dates, rows.end[first], self.inner_splits):
            train, test = np.isin(rows.date, fold.train), np.isin(rows.date, fold.test)
            before = self._prepare(
                X[train], y[train], Rows(rows.date[train], rows.end[train], rows.asset[train])
            )
            Z, wanted = before.scaler.transform(X[test]) - before.centre, y[test] - before.level
            if self.within_dates:
                Z, wanted = demean_by_date(Z, rows.date[test]), demean_by_date(wanted, rows.date[test])
            losses += ((wanted[:, None] - Z @ self._path(before.gram, penalties)) ** 2).sum(axis=0)
        return losses

    def fit(self, X: Floats, y: Floats, rows: Rows | None = None) -> Self:
        """Choose the penalty, then fit to all rows of X (n, K) and y (n,)."""
        X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        rows = rows_of(len(y), rows)
        ready = self._prepare(X, y, rows)
        penalties = self._penalties(ready.gram)
        # With a tie (no inner block, or nothing to gain) the first is the largest penalty: the humblest model.
        best = int(np.argmin(self._losses(X, y, rows, penalties)))
        self.scaler_ = ready.scaler
        self.penalty_ = float(penalties[best])
        self.coef_ = self._path(ready.gram, penalties[: best + 1])[:, -1]
        self.intercept_ = ready.level - float(ready.centre @ self.coef_)
        return self

    def predict(self, X: Floats, rows: Rows | None = None) -> Floats:
        """Return the expected target of each row of X (n, K), shape (n,)."""
        if not hasattr(self, "coef_"):
            raise NotFittedError(f"{type(self).__name__} is not fitted: call fit before predict")
        Z = self.scaler_.transform(np.asarray(X, dtype=np.float64))
        # A sum by row, not a matrix product: BLAS rounds a row differently with the number of rows beside it,
        # and a forecast must not depend on how many others are asked for.
        out: Floats = (Z * self.coef_).sum(axis=1) + self.intercept_
        return out

    def chosen(self) -> dict[str, float]:
        """Return the penalty and the number of features in use."""
        return {"penalty": self.penalty_, "features_used": float(np.count_nonzero(self.coef_))}

    def importance(self, n_features: int) -> Floats:
        """Return |coefficient| as shares."""
        size = np.abs(self.coef_)
        total = size.sum()
        return size / total if total > 0 else size

    def spec(self, names: Sequence[str]) -> Json:
        """Return the scaling and the coefficients."""
        return {
            "kind": type(self).__name__,
            "features": list(names),
            "mean": self.scaler_.mean_.tolist(),
            "scale": self.scaler_.scale_.tolist(),
            "clip": CLIP,
            "coefficients": self.coef_.tolist(),
            "intercept": self.intercept_,
            "penalty": self.penalty_,
        }


class Ridge(PenalisedRegression):
    """Squared penalty: ||y - Xb||^2 + penalty ||b||^2 (Hoerl and Kennard, 1970).

    Penalties run from n / 1000 to 1000 n: from almost none to almost only the mean.
    """

    def _penalties(self, gram: Gram) -> Floats:
        return gram.n * np.logspace(3, -3, self.n_penalties)

    def _path(self, gram: Gram, penalties: Floats) -> Floats:
        return ridge_path(gram, penalties)


class ElasticNet(PenalisedRegression):
    """Mixed penalty (Zou and Hastie, 2005); `l1_ratio` is the share of the absolute one."""

    def __init__(
        self,
        within_dates: bool = False,
        inner_splits: int = 4,
        n_penalties: int = 30,
        l1_ratio: float = 0.5,
    ) -> None:
        super().__init__(within_dates, inner_splits, n_penalties)
        self.l1_ratio = l1_ratio

    def _penalties(self, gram: Gram) -> Floats:
        largest = largest_penalty(gram, self.l1_ratio)
        return max(largest, 1e-300) * np.logspace(0, -2, self.n_penalties)

    def _path(self, gram: Gram, penalties: Floats) -> Floats:
        return elastic_net_path(gram, penalties, self.l1_ratio)


class Lasso(ElasticNet):
    """Absolute penalty (Tibshirani, 1996): most coefficients are exactly 0."""

    def __init__(self, within_dates: bool = False, inner_splits: int = 4, n_penalties: int = 30) -> None:
        super().__init__(within_dates, inner_splits, n_penalties, l1_ratio=1.0)
