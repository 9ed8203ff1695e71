"""Settings of a parameter search, checked against the rules of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StrictBool, ValidationError, model_validator

from foundation.counts import format_count
from foundation.suggestions import suggest
from models.tuning.search_space import POINTS, Choices, Range, Space, grid_size
from pipeline.settings.section import Positive, Section, SettingError


class SpaceSection(Section):
    """Search space of one parameter: numbers from low to high, or a list of choices."""

    low: float | None = None
    high: float | None = None
    log: StrictBool = False
    points: Annotated[int, Field(ge=2, le=1000)] | None = None
    choices: tuple[StrictBool | int | float | str | None, ...] | None = None

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> SpaceSection:
        if self.choices is not None:
            if self.model_fields_set != {"choices"}:
                raise ValueError("choices stand alone: a range has low, high, log and points")
        elif self.low is None or self.high is None:
            raise ValueError("expected low and high, or choices")
        self.entry(whole=False)
        return self

    def entry(self, *, whole: bool) -> Range | Choices:
        """Return the entry of a search space; `whole` if the parameter is an integer."""
        if self.choices is not None:
            return Choices(self.choices)
        low, high = self.low or 0.0, self.high or 0.0
        return Range(low, high, log=self.log, whole=whole, points=self.points or POINTS)


class TuningSection(Section):
    """A parameter search inside the training windows."""

    search: Literal["tpe", "random", "grid"] = "tpe"
    trials: Annotated[int, Field(ge=2, le=10_000)] = 30
    every: Positive | None = None
    splits: Annotated[int, Field(ge=1, le=100)] = 3
    pruning: Literal["median", "hyperband", "none"] = "median"
    space: Annotated[dict[str, SpaceSection], Field(min_length=1)]

    @model_validator(mode="after")
    def _points_go_with_grid(self) -> TuningSection:
        for name, entry in self.space.items():
            if entry.points is not None and self.search != "grid":
                raise SettingError(
                    ("space", name, "points"), f"a setting of search grid, not of search {self.search}"
                )
        return self


def search_space(model: type[Section], tuning: TuningSection) -> Space:
    """Return the search space of a model's parameters."""
    return {name: entry.entry(whole=float not in _types(model, name)) for name, entry in tuning.space.items()}


def check_search(model: Section, settings: Mapping[str, Any], tuning: TuningSection) -> None:
    """Check a search for a model with these settings.

    Every end of a range and every choice must be valid for the model's own section.

    Raises
    ------
    SettingError
        If a value is invalid, or a grid has more points than trials are allowed.
    """
    wrong = [f"{name}: {what}" for name in tuning.space for what in _wrong(model, settings, tuning, name)]
    if wrong:
        raise SettingError(("tuning", "space"), "; ".join(wrong))
    size = grid_size(search_space(type(model), tuning))
    if tuning.search == "grid" and size >= tuning.trials:
        raise SettingError(
            ("tuning", "trials"),
            f"the grid has {format_count(size, 'point')} beside the model's own settings, more "
            f"than {format_count(tuning.trials, 'trial')}; "
            "take fewer points, or allow more trials",
        )


def _wrong(model: Section, settings: Mapping[str, Any], tuning: TuningSection, name: str) -> list[str]:
    if name not in settings:
        return [
            f"unknown parameter{suggest(name, sorted(settings))}" if settings else "there is nothing to tune"
        ]
    entry = tuning.space[name]
    types = _types(type(model), name)
    if entry.choices is None and not {int, float} & types:
        return ["it is not a number: give choices"]
    try:
        checked = entry.entry(whole=float not in types)
    except ValueError as error:
        return [str(error)]
    values = checked.values if isinstance(checked, Choices) else checked.ends()
    return [line for value in values for line in _refused(model, settings, name, value)]


def _refused(model: Section, settings: Mapping[str, Any], name: str, value: Any) -> list[str]:
    """Return the objections of the model's section to a value."""
    content = {"kind": getattr(model, "kind", None), **settings, name: value}
    try:
        # Strict: a number written as text would reach the model as text.
        type(model).model_validate(content, strict=True)
    except ValidationError as error:
        return [f"{item['msg'].removeprefix('Value error, ')}, got {value!r}" for item in error.errors()]
    return []


def _types(model: type[Section], name: str) -> set[Any]:
    """Return the allowed types of a setting, without their limits."""
    annotation = model.model_fields[name].annotation
    parts = get_args(annotation) or (annotation,)
    return {get_args(part)[0] if hasattr(part, "__metadata__") else part for part in parts}
