"""Univariate predictive regressions, one for each feature, and the combination of their forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np

from foundation.types import Floats, Json
from models.combination import pool_forecasts, weight_by_losses
from models.dataset import Rows
from models.linear.candidates import Candidates
from models.linear.forecaster import LinearForecaster, Selection
from models.walk_forward.moments import Gram
from models.walk_forward.standardise import CLIP, Standardiser

Combine = Literal["mean", "median", "trimmed", "dmspe"]


class Univariate(LinearForecaster):
    """Regress the target on each feature alone, and combine the forecasts (Rapach, Strauss and Zhou, 2010).

    A combination of many small regressions has far less variance than one regression on all features.

    Parameters
    ----------
    within_dates : bool
        Use only differences between the assets of a date, for a relative target.
    combine : {"mean", "median", "trimmed", "dmspe"}
        "trimmed" leaves out the lowest and the highest forecast; "dmspe" weights each feature by the inverse of
        its discounted past squared errors (their eq. 7), on test dates whose labels have ended.
    discount : float
        What an error counts less with each date, in (0, 1]; for "dmspe".
    inner_splits : int
        Blocks inside the first training window whose errors stand in for what came before the first test.
    half_life : float, optional
        Dates after which a training row counts half.
    clip : float, optional
        Standard deviations, in the window that the conditioning is measured on, beyond which a feature is cut
        off; None for regressions on the features as they are.

    Attributes
    ----------
    slopes_, intercepts_ : ndarray of shape (K,)
        Of each feature's own regression, per unit of the conditioned feature.
    """

    def __init__(
        self,
        within_dates: bool = False,
        combine: Combine = "mean",
        discount: float = 1.0,
        inner_splits: int = 4,
        half_life: float | None = None,
        clip: float | None = CLIP,
    ) -> None:
        self.within_dates = within_dates
        self.combine = combine
        self.discount = discount
        self.inner_splits = inner_splits
        self.half_life = half_life
        self.clip = clip
        self.selection: Selection = "past"

    def settings(self, gram: Gram) -> Floats:
        """Return the number of each feature."""
        return np.arange(len(gram.q), dtype=np.float64)

    def path(self, gram: Gram, settings: Floats) -> Floats:
        """Return the slope of each regression on the diagonal: features have variance 1."""
        return np.diag(gram.q)

    def path_of_rows(self, Z: Floats, y: Floats, settings: Floats) -> Floats:
        """Return the same from rows."""
        return np.diag(Z.T @ y / len(y))

    def mixture(self, before: Floats, losses: Floats) -> Floats:
        """Return equal weights, or the inverse of discounted losses."""
        if self.combine != "dmspe":
            return np.full(len(before), 1.0 / len(before))
        ages = np.arange(len(losses))[::-1]
        total = self.discount ** len(losses) * before + self.discount**ages @ losses
        return weight_by_losses(total)

    def adopt(self, candidates: Candidates, weights: Floats, scaler: Standardiser) -> Self:
        """Return a fitted copy; features that do not vary have no say."""
        varies = candidates.scale > 0
        share = np.where(varies, weights, 0.0)
        total = share.sum()
        model = super().adopt(candidates, share / total if total > 0 else weights, scaler)
        model.slopes_ = np.diag(candidates.coefficients)
        model.intercepts_ = candidates.intercepts
        model.varies_ = varies
        return model

    def predict(self, X: Floats, rows: Rows | None = None) -> Floats:
        """Return the expected target of each row of X (n, K), shape (n,)."""
        linear = super().predict(X, rows)
        if self.combine in ("mean", "dmspe") or not self.varies_.any():
            return linear
        Z = self.scaler_.transform(np.asarray(X, dtype=np.float64))
        return pool_forecasts((Z * self.slopes_ + self.intercepts_)[:, self.varies_], self.combine)

    def spec(self, names: Sequence[str]) -> Json:
        """Return the conditioning and each feature's regression."""
        spec = super().spec(names)
        if self.combine in ("median", "trimmed"):
            spec |= {
                "combine": self.combine,
                "varies": self.varies_.tolist(),
                "slopes": self.slopes_.tolist(),
                "intercepts": self.intercepts_.tolist(),
            }
        return spec
