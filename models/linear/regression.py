"""Ridge, lasso and elastic net over the pooled panel, with the penalty chosen from the past alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from foundation.types import Floats, Json
from models.linear.candidates import Candidates
from models.linear.forecaster import LinearForecaster, Selection
from models.linear.paths import dual_ridge_path, elastic_net_path, largest_penalty, ridge_path
from models.walk_forward.moments import Gram
from models.walk_forward.standardise import Standardiser


class _PenalisedRegression(LinearForecaster):
    """Linear regression of the target on standardised features, pooled over assets.

    Parameters
    ----------
    within_dates : bool
        Use only differences between the assets of a date (date fixed effects), for a relative target. Features
        that are common to all assets then drop out.
    selection : {"past", "nested"}
        How a walk-forward chooses the penalty. "past": the one whose forecasts on earlier test dates, as far as
        their labels have ended, had the smallest squared error; blocks inside the first training window stand in
        for what came before. "nested": by purged blocks inside each training window, as `fit` does.
    inner_splits : int
        Blocks inside a training window.
    n_penalties : int
        Length of the path.
    half_life : float, optional
        Dates after which a training row counts half; all rows count alike without it.

    Attributes
    ----------
    penalty_ : float
    """

    def __init__(
        self,
        within_dates: bool = False,
        selection: Selection = "past",
        inner_splits: int = 4,
        n_penalties: int = 30,
        half_life: float | None = None,
    ) -> None:
        self.within_dates = within_dates
        self.selection = selection
        self.inner_splits = inner_splits
        self.n_penalties = n_penalties
        self.half_life = half_life

    def mixture(self, before: Floats, losses: Floats) -> Floats:
        """Give all weight to the smallest loss; with a tie to the largest penalty, the humblest model."""
        weights = np.zeros(len(before))
        weights[int(np.argmin(before + losses.sum(axis=0)))] = 1.0
        return weights

    def adopt(self, candidates: Candidates, weights: Floats, scaler: Standardiser) -> Self:
        """Return a fitted copy that forecasts with the chosen penalty."""
        model = super().adopt(candidates, weights, scaler)
        model.penalty_ = float(candidates.settings[int(np.argmax(weights))])
        return model

    def chosen(self) -> dict[str, float]:
        """Return the penalty and the number of features in use."""
        return {"penalty": self.penalty_} | super().chosen()

    def spec(self, names: Sequence[str]) -> Json:
        """Return the conditioning, the coefficients and the penalty."""
        return super().spec(names) | {"penalty": self.penalty_}


class Ridge(_PenalisedRegression):
    """Squared penalty: ||y - Zb||^2 + penalty ||b||^2 (Hoerl and Kennard, 1970).

    Penalties run from n / 1000 to 1000 n: from almost none to almost only the mean.
    """

    def settings(self, gram: Gram) -> Floats:
        """Return the penalties, decreasing."""
        return gram.n * np.logspace(3, -3, self.n_penalties)

    def path(self, gram: Gram, settings: Floats) -> Floats:
        """Return the ridge path."""
        return ridge_path(gram, settings)

    def path_of_rows(self, Z: Floats, y: Floats, settings: Floats) -> Floats:
        """Return the ridge path by its dual."""
        return dual_ridge_path(Z, y, settings)


class ElasticNet(_PenalisedRegression):
    """Mixed penalty (Zou and Hastie, 2005); `l1_ratio` is the share of the absolute one."""

    def __init__(
        self,
        within_dates: bool = False,
        selection: Selection = "past",
        inner_splits: int = 4,
        n_penalties: int = 30,
        half_life: float | None = None,
        l1_ratio: float = 0.5,
    ) -> None:
        super().__init__(within_dates, selection, inner_splits, n_penalties, half_life)
        self.l1_ratio = l1_ratio

    def settings(self, gram: Gram) -> Floats:
        """Return the penalties, from the one that leaves nothing down to a hundredth of it."""
        largest = largest_penalty(gram, self.l1_ratio)
        return max(largest, 1e-300) * np.logspace(0, -2, self.n_penalties)

    def path(self, gram: Gram, settings: Floats) -> Floats:
        """Return the elastic-net path."""
        return elastic_net_path(gram, settings, self.l1_ratio)

    def path_of_rows(self, Z: Floats, y: Floats, settings: Floats) -> Floats:
        """Return the path by scikit-learn's coordinate descent on the rows."""
        from sklearn.linear_model import enet_path  # takes 0.1 s: not needed with more rows than features

        _, path, _ = enet_path(
            np.asfortranarray(Z), y, l1_ratio=self.l1_ratio, alphas=settings, tol=1e-10, max_iter=100_000
        )
        return np.asarray(path, dtype=np.float64)


class Lasso(ElasticNet):
    """Absolute penalty (Tibshirani, 1996): most coefficients are exactly 0."""

    def __init__(
        self,
        within_dates: bool = False,
        selection: Selection = "past",
        inner_splits: int = 4,
        n_penalties: int = 30,
        half_life: float | None = None,
    ) -> None:
        super().__init__(within_dates, selection, inner_splits, n_penalties, half_life, l1_ratio=1.0)
