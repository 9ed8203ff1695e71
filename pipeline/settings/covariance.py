"""Settings of the covariance estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from pipeline.settings.section import MOST, Section

if TYPE_CHECKING:
    from allocation.covariance.estimator import Estimator


class CovarianceSection(Section):
    """Estimator of the covariance, and its settings."""

    kind: Literal[
        "ledoit_wolf",
        "constant_correlation",
        "nonlinear",
        "oas",
        "sample",
        "ewma",
        "factor",
        "denoised",
        "regime",
    ] = "ledoit_wolf"
    half_life: Annotated[float, Field(gt=0, le=MOST)] | None = None
    factors: Annotated[int, Field(ge=0, le=MOST)] | None = None
    prior_rows: Annotated[float, Field(ge=0, le=MOST)] | None = None
    follow: Literal["current", "forecast"] | None = None

    @model_validator(mode="after")
    def _settings_go_with_kind(self) -> CovarianceSection:
        keys = {"half_life": "ewma", "factors": "factor", "prior_rows": "regime", "follow": "regime"}
        for key, kind in keys.items():
            if getattr(self, key) is not None and self.kind != kind:
                raise ValueError(f"{key} is a setting of kind {kind}, not of kind {self.kind}")
        return self

    def estimator(self, regimes: NDArray[np.float64], ahead: NDArray[np.float64]) -> Estimator:
        """Return the estimator.

        Parameters
        ----------
        regimes : ndarray of shape (T, S)
            Probabilities at each row of the panel, as known at its close.
        ahead : ndarray of shape (T, S)
            Those forecast then, one horizon ahead.
        """
        from allocation.covariance import factors, nonlinear, regime_mixture, sample, shrinkage

        makers: dict[str, Callable[[], Estimator]] = {
            "ledoit_wolf": shrinkage.LedoitWolf,
            "constant_correlation": shrinkage.ConstantCorrelation,
            "nonlinear": nonlinear.NonlinearShrinkage,
            "oas": shrinkage.Oas,
            "sample": sample.SampleCovariance,
            "ewma": lambda: sample.Ewma(60.0 if self.half_life is None else self.half_life),
            "factor": lambda: factors.StatisticalFactors(self.factors),
            "denoised": factors.Denoised,
            "regime": lambda: regime_mixture.RegimeMixture(
                regimes, ahead if self.follow == "forecast" else None, self.prior_rows
            ),
        }
        return makers[self.kind]()
