"""Evidence on regimes: persistence, stable meaning, and difference in the returns that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from validation.forecasts.regime_scores import (
    RegimeDifference,
    RegimePersistence,
    regime_difference,
    regime_persistence,
)

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated


@dataclass(frozen=True, eq=False)
class RegimeEvidence:
    """Evidence on the out-of-sample regimes, over all dates since the first fit.

    Attributes
    ----------
    persistence : RegimePersistence
    following : RegimeDifference
        Of the market's excess return one observation later.
    agreement, relabelled : float
        Mean over refits of the adjusted Rand index with the previous fit, and of the share of rows relabelled; NaN
        with fewer than two fits.
    """

    persistence: RegimePersistence
    following: RegimeDifference
    agreement: float
    relabelled: float

    def as_dict(self) -> dict[str, Any]:
        """Return the evidence for JSON; per observation, not per year."""
        lasting, after = self.persistence, self.following
        return {
            "flip_rate": lasting.flip_rate,
            "mean_duration": lasting.duration.tolist(),
            "share": lasting.share.tolist(),
            "next_mean": after.mean.tolist(),
            "next_volatility": after.volatility.tolist(),
            "p_mean": after.p_mean_shift,
            "p_volatility": after.p_volatility_shift,
            "agreement_with_fit_before": self.agreement,
            "relabelled_by_refit": self.relabelled,
        }


def weigh_regimes(done: Evaluated) -> RegimeEvidence:
    """Return the evidence on the regimes of a run."""
    path, panel = done.trained.regimes, done.trained.prepared.panel
    n_states = path.probabilities.shape[1]
    excess = panel.market - panel.cash
    return RegimeEvidence(
        regime_persistence(path.label, n_states, path.probabilities),
        # A regime known at the close of t cannot be traded before the return of the next row.
        regime_difference(path.label[:-1], excess[1:], n_states),
        _mean(path.agreement),
        _mean(path.relabelled),
    )


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
