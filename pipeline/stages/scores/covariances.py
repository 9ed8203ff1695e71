"""Scores of the run's covariances as forecasts, beside simple estimators on the same windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.covariance.sample import SampleCovariance
from allocation.covariance.shrinkage import LedoitWolf
from allocation.covariance_types import Risk, to_dense
from foundation.types import Floats, Ints
from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.stages.trading import estimate_covariances
from validation.forecasts.scores import MeanTest, hac_mean
from validation.portfolios.covariance_scores import CovarianceScore, score_covariance


@dataclass(frozen=True, eq=False)
class CovarianceScores:
    """Scores of estimators at each decision whose holding period is known.

    Attributes
    ----------
    estimator : str
        The run's own.
    positions : ndarray of int, shape (D,)
        Rows of the decisions.
    qlike, variance : mapping of str to ndarray of shape (D,)
        By estimator: QLIKE an asset, and variance of the minimum-variance portfolio over the period; NaN where the
        covariance is singular. "diagonal" has the sample's variances and no correlation.
    overlap : int
        Following decisions whose periods overlap.
    periods_per_year : float
        Holding periods in a year.
    """

    estimator: str
    positions: Ints
    qlike: Mapping[str, Floats]
    variance: Mapping[str, Floats]
    overlap: int
    periods_per_year: float

    def compare(self, baseline: str) -> tuple[MeanTest, MeanTest]:
        """Return the tests that QLIKE and portfolio variance of the run's estimator are smaller than a baseline's."""
        mine = self.estimator
        return (
            hac_mean(self.qlike[baseline] - self.qlike[mine], self.overlap),
            hac_mean(self.variance[baseline] - self.variance[mine], self.overlap),
        )

    def mean_scores(self, name: str) -> dict[str, float]:
        """Return mean QLIKE, annual volatility of the minimum-variance portfolio, and number of scored decisions."""
        known = np.isfinite(self.qlike[name])
        if not known.any():
            return {"qlike": np.nan, "minimum_variance_volatility": np.nan, "n_decisions": 0.0}
        return {
            "qlike": float(self.qlike[name][known].mean()),
            "minimum_variance_volatility": float(
                np.sqrt(self.variance[name][known].mean() * self.periods_per_year)
            ),
            "n_decisions": float(known.sum()),
        }

    def rows(self) -> dict[str, dict[str, float]]:
        """Return for each estimator its scores and, if it is another, the gain of the run's own over it."""
        out = {name: self.mean_scores(name) for name in self.qlike}
        for name in [each for each in out if each != self.estimator]:
            qlike, variance = self.compare(name)
            out[name] |= {
                "qlike_gain": qlike.mean,
                "qlike_gain_t": qlike.t,
                "qlike_gain_p": qlike.p_greater,
                "variance_gain_t": variance.t,
                "variance_gain_p": variance.p_greater,
            }
        return out

    def as_dict(self) -> dict[str, Any]:
        """Return the scores for JSON."""
        return {"estimator": self.estimator, "overlap": self.overlap, "scores": self.rows()}


def score_covariances(panel: Panel, path: CovariancePath, config: RunConfig, first: int) -> CovarianceScores:
    """Score the covariances of the decisions from a row on, over the period that each forecast is traded.

    The assets of a decision are those that were eligible and have a return in each row of the period.
    """
    excess, target = panel.returns - panel.cash[:, None], config.target
    last = len(excess) - 1 - target.execution_lag - target.horizon
    judged = np.flatnonzero((path.positions >= first) & (path.positions <= last))
    positions, own = path.positions[judged], config.allocation.covariance.kind
    estimates: dict[str, CovariancePath] = {own: path}
    for name, estimator in (("sample", SampleCovariance()), ("ledoit_wolf", LedoitWolf())):
        if name != own:
            estimates[name] = estimate_covariances(panel, positions, config, estimator)
    scores: dict[str, list[CovarianceScore]] = {name: [] for name in (*estimates, "diagonal")}
    for row in positions.tolist():
        begin = row + target.execution_lag + 1
        period = excess[begin : begin + target.horizon]
        inside = np.flatnonzero(path.at(row)[1] & np.isfinite(period).all(axis=0))
        period = np.ascontiguousarray(period[:, inside])
        for name, estimate in estimates.items():
            sigma = _select(estimate.at(row)[0], inside)
            scores[name].append(score_covariance(sigma, period))
            if name == "sample":
                scores["diagonal"].append(score_covariance(np.diag(np.diagonal(sigma)), period))
    return CovarianceScores(
        own,
        positions,
        {name: np.array([one.qlike for one in each]) for name, each in scores.items()},
        {name: np.array([one.variance for one in each]) for name, each in scores.items()},
        _count_overlap(positions, target.horizon),
        panel.periods_per_year / target.horizon,
    )


def _select(sigma: Risk, inside: Ints) -> Floats:
    return np.asarray(to_dense(sigma)[np.ix_(inside, inside)])


def _count_overlap(positions: Ints, horizon: int) -> int:
    """Return how many following decisions at most begin before the period of one ends."""
    if not len(positions):
        return 0
    after = np.searchsorted(positions, positions + horizon, side="left")
    return int((after - np.arange(len(positions)) - 1).max())
