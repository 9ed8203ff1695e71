"""RunConfig: one complete YAML file per run; unknown keys are errors."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, ValidationError, model_validator

from allocation.errors import AllocationError
from features.spec import FeatureError
from foundation.suggestions import suggest
from market.errors import DataError
from market.frequency import Frequency
from pipeline.config_files.document import Document, read_document
from pipeline.config_files.mistakes import explain_mistakes, list_mistakes
from pipeline.config_files.numbers import find_misread_numbers
from pipeline.config_files.text import show_name
from pipeline.defaults.completion import (
    Completion,
    complete_content,
    find_last_day,
    without_completable,
)
from pipeline.errors import ConfigError
from pipeline.settings.allocation import AllocationSection
from pipeline.settings.data import DataSection
from pipeline.settings.drift import DriftSection
from pipeline.settings.gate import GateSection
from pipeline.settings.limit_keys import limits_set
from pipeline.settings.models import CombinationModel, Fitted, ModelSection
from pipeline.settings.schedule import ScheduleSection
from pipeline.settings.section import FREE, OUTPUT, FilePath, Name, Section, SettingError
from pipeline.settings.stages import (
    AuditSection,
    CalibrationSection,
    EvaluationSection,
    FeaturesSection,
    RegimesSection,
    TargetSection,
    WalkForwardSection,
)
from pipeline.settings.time.durations import find_durations, replace_durations
from pipeline.settings.trading import TradingSettings
from pipeline.strategies.benchmarks import find_wrong_benchmark
from pipeline.strategies.limits import find_limit_conflict
from pipeline.strategies.references import find_wrong_reference
from pipeline.strategies.registry import Strategy
from pipeline.strategies.settings import RunFacts

BASELINES = ("equal_weight", "minimum_variance", "buy_and_hold", "historical_mean", "no_forecast")
"""Benchmarks of every portfolio: same dates, assets and costs."""
LOCAL = ("threads", "loky")
"""Executors on this machine; a Dask cluster is given by its address."""


class RunConfig(Section):
    """All settings that determine a run's result, and the output folder.

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
    output: FilePath = OUTPUT

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
        fitted = self.fitted_models()
        for name, model in self.models.items():
            if isinstance(model, CombinationModel) and (wrong := model.find_unknown_member(fitted)):
                raise ValueError(f"models.{name}.{wrong}")
        if self.allocation.forecast not in self.models:
            raise ValueError(
                f"allocation.forecast: {self.allocation.forecast!r} is not among the models"
                f"{suggest(self.allocation.forecast, list(self.models))}"
            )
        for name, section in fitted.items():
            if wrong := section.find_tuning_conflict(self.walk_forward.refit_every):
                raise ValueError(f"models.{name}.{wrong}")
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
        wrong = (
            find_wrong_reference(self.strategies, BASELINES, tuple(self.models))
            or self._find_strategy_conflict()
            or find_limit_conflict(self.allocation, self.strategies)
            or find_wrong_benchmark(self.evaluation.benchmarks, self.strategies, BASELINES, self.models)
        )
        if wrong:
            raise ValueError(wrong)
        traded = self.allocation.strategy
        if traded is not None and traded not in self.strategies:
            raise ValueError(
                f"allocation.strategy: {traded!r} is not among the strategies{suggest(traded, self.strategies)}"
            )
        return self

    def _find_strategy_conflict(self) -> str:
        run = RunFacts(
            self.regimes.states,
            bool(self.cost_rate or self.impact_rate),
            limits_set(self.allocation),
            self.allocation.on_infeasible,
            self.strategies,
        )
        found = ((name, section.find_conflict(run)) for name, section in self.strategies.items())
        return next((f"strategies.{name}{text}" for name, text in found if text), "")

    def trading_settings(self) -> TradingSettings:
        """Return the settings that determine how forecasts become portfolios."""
        return TradingSettings(
            self.allocation, self.target.horizon, self.target.relative, self.cost_rate, self.impact_rate
        )

    @property
    def traded(self) -> str:
        """Name of the portfolio that is traded: a strategy, or the run's allocator on the named forecast."""
        a = self.allocation
        return f"model:{a.forecast}" if a.strategy is None else f"strategy:{a.strategy}"

    def fitted_models(self) -> dict[str, Fitted]:
        """Return the models that are fitted, by name."""
        return {n: m for n, m in self.models.items() if not isinstance(m, CombinationModel)}

    def deciding(self, **left_out: Any) -> str:
        """Return all settings that determine the result, as JSON, except those left out.

        Parameters
        ----------
        **left_out : True or collection of keys
            Keys to leave out, by section, in the format of pydantic's `exclude`.
        """
        return json.dumps(self.model_dump(mode="json", exclude={**FREE, **left_out}), sort_keys=True)

    def digest(self) -> str:
        """Return the SHA-256 of all settings that determine the result, as hexadecimal digits."""
        return hashlib.sha256(self.deciding().encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class CompletedConfig:
    """A configuration, and what its file left to the data.

    Attributes
    ----------
    config : RunConfig
    completion : Completion or None
        Settings that were filled in from the data; None if the file leaves none open.
    durations : tuple of str
        What settings given in time became.
    """

    config: RunConfig
    completion: Completion | None
    durations: tuple[str, ...]


def load_config(path: Path) -> RunConfig:
    """Read and check a configuration file; see `read_config_file`."""
    return read_config_file(path).config


def read_config_file(path: Path, known_by: pd.Timestamp | None = None) -> CompletedConfig:
    """Read and check a configuration file.

    Settings given in time become numbers of rows of the data, and settings that depend on the data are filled in. The
    data is read only if there are such settings.

    Parameters
    ----------
    path : Path
    known_by : Timestamp, optional
        Later dates of the data, and those of a holdout, decide on no setting.

    Raises
    ------
    ConfigError
        Lists the mistakes in the file, each with its dotted path and line.
    DataError
        If there are durations, and the frequency of the data cannot be read.
    """
    document = read_document(path)
    name = show_name(str(path))
    content, durations = _convert_durations(document, name, known_by)
    config, completion = _validate(name, document, content, known_by)
    misread = list(find_misread_numbers(config, document.content))
    if misread:
        raise ConfigError(list_mistakes(name, misread, document))
    try:
        config.allocation.constraints()
    except AllocationError as error:
        raise ConfigError(f"{name}: allocation: {error}") from error
    return CompletedConfig(config, completion, durations)


def _validate(
    name: str, document: Document, content: dict[str, Any], known_by: pd.Timestamp | None
) -> tuple[RunConfig, Completion | None]:
    """Return the configuration of a document, completed if only settings that depend on the data are missing."""
    try:
        return RunConfig.model_validate(content), None
    except ValidationError as error:
        others = without_completable(error)
        if others is not None:
            raise ConfigError(explain_mistakes(name, others, document, RunConfig)) from error
    try:
        completion = complete_content(content, DataSection.model_validate(content["data"]), known_by)
    except (ConfigError, DataError, FeatureError) as error:
        raise ConfigError(f"{name}: {error}") from error
    try:
        return RunConfig.model_validate(completion.content), completion
    except ValidationError as error:
        raise ConfigError(explain_mistakes(name, error, document, RunConfig)) from error


def _convert_durations(
    document: Document, name: str, known_by: pd.Timestamp | None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the content of a configuration with rows in place of durations, and what they became."""
    durations = list(find_durations(document.content))
    if not durations:
        return document.content, ()
    try:
        data = DataSection.model_validate(document.content.get("data"))
    except ValidationError:
        # The run stops at the mistakes in this section, so that the other values do not matter.
        return replace_durations(document.content, {one.key: 1 for one in durations}), ()
    frequency = _find_frequency(data, document.content, known_by)
    rows, notes, mistakes = {}, [], []
    for one in durations:
        try:
            rows[one.key], note = one.count_rows(frequency)
        except SettingError as error:
            mistakes.append(error)
        else:
            notes.append(note)
    if mistakes:
        raise ConfigError(list_mistakes(name, mistakes, document))
    return replace_durations(document.content, rows), tuple(notes)


def _find_frequency(
    data: DataSection, content: Mapping[str, Any], known_by: pd.Timestamp | None
) -> Frequency:
    """Return how often the data has rows, up to a holdout and to `known_by`."""
    # Imported here: a configuration without durations is read without the readers of files.
    from market.load import find_frequency
    from pipeline.data_source import read_file_settings

    output = Path(str(content.get("output") or OUTPUT))
    fetch, until = data.fetch.settings(output), find_last_day(content, known_by)
    return find_frequency(data.source, data.place(), read_file_settings(data), fetch, known_by=until)
