"""Settings of the stages: features, target, walk-forward, regimes, calibration, evaluation and audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pipeline.settings.section import MOST, Date, Positive, Section

# Regimes are imported where they are created: reading a configuration does not need scikit-learn.
if TYPE_CHECKING:
    from models.regimes.path import RegimeModel

Fraction = Annotated[float, Field(ge=0, le=1)]


class FeaturesSection(Section):
    """Features to build: names of stages or of features."""

    include: tuple[str, ...] = ("asset", "market", "macro", "cross_section")
    exclude: tuple[str, ...] = ()


class TargetSection(Section):
    """Forecast target: the excess return of one holding period, in units of risk."""

    horizon: Positive
    execution_lag: Annotated[int, Field(ge=0, le=MOST)]
    relative: bool = True
    risk_window: Annotated[int, Field(ge=2, le=MOST)]


class WalkForwardSection(Section):
    """When models are refitted, and on which dates."""

    first_test: Date
    refit_every: Positive
    window: Positive | None = None
    embargo: Annotated[int, Field(ge=0, le=MOST)] = 0
    train_every: Positive = 1
    min_train_dates: Positive | None = None
    min_train_rows: Positive | None = None
    weights: Literal["equal", "dates", "uniqueness"] = "equal"


class RegimesSection(Section):
    """States of the market; the first feature orders them."""

    kind: Literal["kmeans", "hmm", "jump"] = "kmeans"
    states: Annotated[int, Field(ge=2, le=12)] = 3
    features: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "market_volatility_12",
        "market_return_12",
        "market_drawdown_12",
        "average_correlation_12",
    )
    min_train: Positive
    refit_every: Positive | None = None
    covariance: Literal["diagonal", "full"] | None = None
    jump_penalty: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    forecast: Literal["transitions", "logit", "lightgbm"] = "transitions"

    @model_validator(mode="after")
    def _settings_go_with_kind(self) -> RegimesSection:
        for key, kind in (("covariance", "hmm"), ("jump_penalty", "jump")):
            if getattr(self, key) is not None and self.kind != kind:
                raise ValueError(f"{key} is a setting of kind {kind}, not of kind {self.kind}")
        return self

    def make(self, seed: int) -> RegimeModel:
        """Return the unfitted model."""
        if self.kind == "hmm":
            from models.regimes.hmm import HMMRegimes

            return HMMRegimes(self.states, self.covariance or "full", seed)
        if self.kind == "jump":
            from models.regimes.jump import JumpRegimes

            penalty = 10.0 if self.jump_penalty is None else self.jump_penalty
            return JumpRegimes(self.states, penalty, seed)
        from models.regimes.kmeans import KMeansRegimes

        return KMeansRegimes(self.states, seed)


class CalibrationSection(Section):
    """How much past accuracy a forecast needs before it is traded."""

    prior_periods: Annotated[float, Field(ge=0)] = 36.0
    own_mean_weight: Fraction = 0.0
    metric: Literal["risk", "return", "inverse_covariance"] = "risk"


class EvaluationSection(Section):
    """First judged date of forecasts and portfolios, and what portfolios are compared with.

    Earlier forecasts only feed the calibration.
    """

    start: Date
    holdout: Date | None = None
    benchmarks: tuple[str, ...] = ("no_forecast", "equal_weight", "market")


class AuditSection(Section):
    """Number of cuts at which the audit changes the future and compares the past."""

    cuts: Annotated[int, Field(ge=0, le=20)] = 2
