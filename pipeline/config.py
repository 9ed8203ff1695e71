"""RunConfig: one complete YAML file per run; unknown keys are errors."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import yaml
from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from allocation.errors import AllocationError
from market.cash import CashKind
from market.checks import Kind, ValueKind
from market.hints import suggest
from pipeline.allocation_config import SECTIONS, AllocationSection
from pipeline.allocator_strategies import AimStrategy
from pipeline.drift_config import DriftSection
from pipeline.errors import ConfigError
from pipeline.gate_config import GateSection
from pipeline.model_config import CombinationModel, Fitted, ModelSection
from pipeline.schedule_config import ScheduleSection
from pipeline.sections import MOST, Name, Positive, Section
from pipeline.strategy_config import INSIDE, KINDS, Strategy, mistake
from pipeline.strategy_limits import limit_conflict
from pipeline.tuning_config import SpaceSection, TuningSection

# Regimes are imported where they are made: to read a configuration, scikit-learn is not needed.
if TYPE_CHECKING:
    from models.regimes import RegimeModel

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
    path: Path | None = None
    layout: Literal["wide", "long"] | None = None
    values: ValueKind = "prices"
    date_column: str | None = None
    cash: CashSetting = None
    market: MarketSetting = None
    calendar: str | None = None
    running_period: Literal["keep", "drop"] = "keep"
    start: dt.date | None = None
    end: dt.date | None = None

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

    first_test: dt.date
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
            from models.hmm import HMMRegimes

            return HMMRegimes(self.states, self.covariance or "full", seed)
        if self.kind == "jump":
            from models.jump import JumpRegimes

            penalty = 10.0 if self.jump_penalty is None else self.jump_penalty
            return JumpRegimes(self.states, penalty, seed)
        from models.kmeans import KMeansRegimes

        return KMeansRegimes(self.states, seed)


class CalibrationSection(Section):
    """How strongly a forecast must have proved itself before it is traded."""

    prior_periods: Annotated[float, Field(ge=0)] = 36.0
    own_mean_weight: Fraction = 0.0


class EvaluationSection(Section):
    """From when on forecasts and portfolios are judged; earlier forecasts only feed the calibration."""

    start: dt.date
    holdout: dt.date | None = None


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
    output: Path = Path("runs")

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
        With every mistake in the file, each with its dotted path.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(str(p) for p in Path("configs").glob("*.yaml"))) or "none here"
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read the configuration {path}: {reason}. In configs/: {known}") from error
    try:
        content = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 (a SafeLoader that refuses doubled keys)
    except (yaml.YAMLError, ValueError) as error:  # a date such as 2020-02-31 is a ValueError
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path}: expected a mapping of keys such as name, data, models; got {content!r:.60}"
        )
    try:
        config = RunConfig.model_validate(content)
    except ValidationError as error:
        lines = [_explain(item) for item in error.errors()]
        count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        raise ConfigError(f"{path}: {count}\n  " + "\n  ".join(lines)) from error
    try:
        config.allocation.constraints()
    except AllocationError as error:
        raise ConfigError(f"{path}: allocation: {error}") from error
    return config


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a doubled key is an error instead of the last one winning in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _explain(item: Any) -> str:
    """Return one line for one mistake: where, what was expected, what came."""
    path = [str(part) for part in item["loc"]]
    if path[:2] in (["data", "cash"], ["data", "market"]):
        path = [part for part in path if part not in ("name", "mapping")]  # the form that pydantic chose
    # Pydantic names the chosen kind after the model's or strategy's name; users have not written it there.
    tags = _tags().get(path[0], ()) if path else ()
    shown = ".".join(p for i, p in enumerate(path) if not (i == 2 and p in tags))
    if item["type"] == "extra_forbidden":
        known = _fields_at(path[:-1])
        return f"{shown}: unknown key{suggest(path[-1], known)}"
    if item["type"] == "union_tag_invalid":
        came = str(item["ctx"]["tag"])
        return f"{shown}.kind: {came!r} is no kind of {path[0]}{suggest(came, _tags().get(path[0], ()))}"
    if item["type"] == "missing":
        return f"{shown}: missing"
    message = item["msg"].removeprefix("Value error, ")
    if message.startswith(("tuning.", "sleeves.", "classes.")):
        return f"{shown}.{message}"
    if not shown:
        return str(message)
    came = "" if isinstance(item["input"], dict) else f", got {item['input']!r}"
    return f"{shown}: {message}{came}"


def _tags() -> dict[str, tuple[str, ...]]:
    """Return the kinds of what users name, by the key above the names."""
    kinds = {m.model_fields["kind"].annotation for m in (*get_args(Fitted), CombinationModel)}
    return {
        "models": tuple(tag for kind in kinds for tag in get_args(kind)),
        "strategies": tuple(KINDS),
    }


def _fields_at(path: list[str]) -> list[str]:
    """Return the keys that exist at a dotted path."""
    section: Any = RunConfig
    for part in path:
        if section is RunConfig and part == "strategies":
            inside = next((INSIDE[key] for key in path[3:] if key in INSIDE), None)
            chosen_kind = inside or KINDS.get(path[2] if path[2:] else "")
            return list(chosen_kind.model_fields) if chosen_kind else []
        if section is RunConfig and part == "models":
            kinds = {get_args(m.model_fields["kind"].annotation)[0]: m for m in get_args(Fitted)}
            if path[3:]:
                return list((TuningSection if path[4:] == [] else SpaceSection).model_fields)
            chosen = (kinds | {"combination": CombinationModel}).get(path[-1])
            return list(chosen.model_fields) if chosen else []
        if section is AllocationSection and part in SECTIONS:
            return list(SECTIONS[part].model_fields)
        section = section.model_fields[part].annotation
        section = next((kind for kind in get_args(section) if hasattr(kind, "model_fields")), section)
    return list(section.model_fields)
