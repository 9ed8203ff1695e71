"""RunConfig: one complete YAML file per run; unknown keys are errors."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from allocation.errors import AllocationError
from foundation.suggestions import suggest
from market.checks.cash import CashKind
from market.findings import Kind, ValueKind
from pipeline.config_files.document import read_document
from pipeline.config_files.mistakes import explain_mistakes, list_mistakes
from pipeline.config_files.numbers import find_misread_numbers
from pipeline.config_files.text import show_name
from pipeline.errors import ConfigError
from pipeline.settings.allocation import AllocationSection
from pipeline.settings.drift import DriftSection
from pipeline.settings.gate import GateSection
from pipeline.settings.models import CombinationModel, Fitted, ModelSection
from pipeline.settings.schedule import ScheduleSection
from pipeline.settings.section import MOST, Date, FilePath, Name, Positive, Section
from pipeline.strategies.allocator_kinds import AimStrategy
from pipeline.strategies.kinds import Strategy, mistake
from pipeline.strategies.limits import limit_conflict

# Regimes are imported where they are made: to read a configuration, scikit-learn is not needed.
if TYPE_CHECKING:
    from models.regimes.path import RegimeModel

Fraction = Annotated[float, Field(ge=0, le=1)]
BASELINES = ("equal_weight", "minimum_variance", "buy_and_hold", "historical_mean", "no_forecast")
"""What every portfolio is compared with, on the same dates, assets and costs."""
LOCAL = ("threads", "loky")
"""Executors of this machine; a Dask cluster is named by its address."""


class CashColumn(Section):
    """The column of cash, and what it holds."""

    column: str
    values: CashKind


class MarketColumn(Section):
    """The column of the market, and what it holds."""

    column: str
    values: Kind


def _form(given: object) -> str:
    return "name" if given is None or isinstance(given, str) else "mapping"


CashSetting = Annotated[
    Annotated[str | None, Tag("name")] | Annotated[CashColumn, Tag("mapping")], Discriminator(_form)
]
MarketSetting = Annotated[
    Annotated[str | None, Tag("name")] | Annotated[MarketColumn, Tag("mapping")], Discriminator(_form)
]


class DataSection(Section):
    """Where returns come from."""

    source: str
    path: FilePath | None = None
    layout: Literal["wide", "long"] | None = None
    values: ValueKind = "prices"
    date_column: str | None = None
    cash: CashSetting = None
    market: MarketSetting = None
    calendar: str | None = None
    running_period: Literal["keep", "drop"] = "keep"
    start: Date | None = None
    end: Date | None = None

    @model_validator(mode="after")
    def _path_goes_with_prices(self) -> DataSection:
        if (self.source == "prices") != (self.path is not None):
            raise ValueError("source 'prices' needs a path to a CSV or Parquet file, and only it takes one")
        return self


class FeaturesSection(Section):
    """Which features to build: names of stages or of features."""

    include: tuple[str, ...] = ("asset", "market", "macro", "cross_section")
    exclude: tuple[str, ...] = ()


class TargetSection(Section):
    """What is forecast: the excess return of one holding period, in units of risk."""

    horizon: Positive
    execution_lag: Annotated[int, Field(ge=0, le=MOST)]
    relative: bool = True
    risk_window: Annotated[int, Field(ge=2, le=MOST)]


class WalkForwardSection(Section):
    """When models are refitted, and on what."""

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

    @model_validator(mode="after")
    def _settings_go_with_kind(self) -> RegimesSection:
        for key, kind in (("covariance", "hmm"), ("jump_penalty", "jump")):
            if getattr(self, key) is not None and self.kind != kind:
                raise ValueError(f"{key} is a setting of kind {kind}, not of kind {self.kind}")
        return self

    def make(self, seed: int) -> RegimeModel:
        """Return the model, not fitted."""
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
    """How strongly a forecast must have proved itself before it is traded."""

    prior_periods: Annotated[float, Field(ge=0)] = 36.0
    own_mean_weight: Fraction = 0.0


class EvaluationSection(Section):
    """From when on forecasts and portfolios are judged; earlier forecasts only feed the calibration."""

    start: Date
    holdout: Date | None = None


class AuditSection(Section):
    """How often the future is taken away to see whether anything known before changes."""

    cuts: Annotated[int, Field(ge=0, le=20)] = 2


class RunConfig(Section):
    """Everything that decides a run's result, and where it is written.

    `docs/configuration.md` explains each key.
    """

    name: Name
    data: DataSection
    features: FeaturesSection = FeaturesSection()
    target: TargetSection
    walk_forward: WalkForwardSection
    regimes: RegimesSection
    models: Annotated[dict[Name, ModelSection], Field(min_length=1)]
    calibration: CalibrationSection = CalibrationSection()
    allocation: AllocationSection
    strategies: dict[Name, Strategy] = Field(default_factory=dict)
    cost_rate: Annotated[float, Field(ge=0, lt=0.5)]
    impact_rate: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    evaluation: EvaluationSection
    audit: AuditSection = AuditSection()
    drift: DriftSection = DriftSection()
    gate: GateSection = GateSection()
    schedule: ScheduleSection | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    executor: str = "threads"
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    output: FilePath = Path("runs")

    @model_validator(mode="after")
    def _executor_exists(self) -> RunConfig:
        if self.executor not in LOCAL and not re.fullmatch(r"dask://[^/\s]+:\d+", self.executor):
            raise ValueError(
                f"executor: {self.executor!r} is none of threads, loky and dask://host:port"
                f"{suggest(self.executor, LOCAL)}"
            )
        if self.workers is not None and self.executor not in LOCAL:
            raise ValueError("workers: a Dask cluster has the workers that it has; leave the key out")
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> RunConfig:
        fitted = [name for name, model in self.models.items() if not isinstance(model, CombinationModel)]
        for name, model in self.models.items():
            for member in model.members if isinstance(model, CombinationModel) else ():
                if member not in fitted:
                    raise ValueError(
                        f"models.{name}.members: {member!r} is no fitted model{suggest(member, fitted)}"
                    )
        if self.allocation.forecast not in self.models:
            raise ValueError(
                f"allocation.forecast: {self.allocation.forecast!r} is not among the models"
                f"{suggest(self.allocation.forecast, list(self.models))}"
            )
        for name, model in self.fitted_models().items():
            every = model.refit_every or self.walk_forward.refit_every
            if model.tuning and model.tuning.every and model.tuning.every % every:
                raise ValueError(
                    f"models.{name}.tuning.every is {model.tuning.every}, expected a multiple of {every}, the "
                    "observations between refits"
                )
        if self.evaluation.start < self.walk_forward.first_test:
            raise ValueError(
                f"evaluation.start {self.evaluation.start} is before walk_forward.first_test "
                f"{self.walk_forward.first_test}: there is nothing to evaluate yet"
            )
        if self.evaluation.holdout is not None and self.evaluation.holdout <= self.evaluation.start:
            raise ValueError(
                f"evaluation.holdout {self.evaluation.holdout} is not after evaluation.start "
                f"{self.evaluation.start}: nothing would be left to evaluate before it is unsealed"
            )
        return self

    @model_validator(mode="after")
    def _strategies_are_made_of_what_exists(self) -> RunConfig:
        wrong = mistake(self.strategies, BASELINES, tuple(self.models), self.regimes.states)
        if wrong:
            raise ValueError(wrong)
        for name, strategy in self.strategies.items():
            if isinstance(strategy, AimStrategy) and not (self.cost_rate or self.impact_rate):
                raise ValueError(
                    f"strategies.{name}: an aim is for trades that cost something; cost_rate and impact_rate are 0"
                )
        wrong = limit_conflict(self.allocation, self.strategies)
        if wrong:
            raise ValueError(wrong)
        traded = self.allocation.strategy
        if traded is not None and traded not in self.strategies:
            raise ValueError(
                f"allocation.strategy: {traded!r} is not among the strategies{suggest(traded, self.strategies)}"
            )
        return self

    @property
    def traded(self) -> str:
        """Name of the portfolio that is traded: a strategy, or the run's allocator on the named forecast."""
        a = self.allocation
        return f"model:{a.forecast}" if a.strategy is None else f"strategy:{a.strategy}"

    def fitted_models(self) -> dict[str, Fitted]:
        """Return the models that are fitted, by name."""
        return {n: m for n, m in self.models.items() if not isinstance(m, CombinationModel)}

    def deciding(self, **left_out: Any) -> str:
        """Return all settings that decide the result, as JSON, but for some that are left out.

        Parameters
        ----------
        **left_out : True or collection of keys
            By section, as pydantic's `exclude` takes it.
        """
        free = dict.fromkeys(("executor", "workers", "output", "gate", "drift", "schedule"), True)
        return json.dumps(self.model_dump(mode="json", exclude=free | left_out), sort_keys=True)

    def digest(self) -> str:
        """Return the SHA-256 of all that decides the result, as hexadecimal digits."""
        return hashlib.sha256(self.deciding().encode()).hexdigest()


def load_config(path: Path) -> RunConfig:
    """Read and check a configuration file.

    Raises
    ------
    ConfigError
        With the mistakes in the file, each with its dotted path and its line.
    """
    document = read_document(path)
    name = show_name(str(path))
    try:
        config = RunConfig.model_validate(document.content)
    except ValidationError as error:
        raise ConfigError(explain_mistakes(name, error, document, RunConfig)) from error
    misread = list(find_misread_numbers(config, document.content))
    if misread:
        raise ConfigError(list_mistakes(name, misread, document))
    try:
        config.allocation.constraints()
    except AllocationError as error:
        raise ConfigError(f"{name}: allocation: {error}") from error
    return config
