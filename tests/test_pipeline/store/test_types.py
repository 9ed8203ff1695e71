"""The table of types is complete, holds nothing else, and each type can be checked."""

import collections.abc
import inspect
from dataclasses import is_dataclass
from enum import Enum
from typing import Literal, get_args, get_origin

import pytest

from models.errors import TrainingError
from pipeline.store.annotations import check_of
from pipeline.store.errors import DamagedError
from pipeline.store.types import STAGES, STORABLE, fields_of, name_of, stage_type, type_named


def _classes(hint):
    """Yield the classes in an annotation that have fields of their own."""
    foreign = ("builtins", "numpy", "types", "collections", "typing")
    if isinstance(hint, type) and hint.__module__.partition(".")[0] not in foreign:
        yield hint
    if get_origin(hint) is not Literal:
        for inner in get_args(hint):
            yield from _classes(inner)


def _subclasses(cls):
    return [cls, *(each for sub in cls.__subclasses__() for each in _subclasses(sub))]


def _reached():
    """Return the names of all concrete types that the annotations of the stages' results reach."""
    for name in STORABLE:
        type_named(name)  # imports what derives from abstract classes
    reached, pending = set(), [stage_type(stage) for stage in STAGES]
    while pending:
        for cls in _subclasses(pending.pop()):
            if cls in reached or inspect.isabstract(cls):
                continue
            reached.add(cls)
            if not issubclass(cls, Enum):
                pending += [each for hint in fields_of(cls).values() for each in _classes(hint)]
    return {
        f"{cls.__module__}:{cls.__qualname__}" for cls in reached if not cls.__module__.startswith("test")
    }


def test_the_table_holds_what_results_are_made_of_and_nothing_else():
    assert _reached() == STORABLE


@pytest.mark.parametrize("name", sorted(STORABLE))
def test_each_type_is_found_under_its_name_and_its_fields_can_be_checked(name):
    cls = type_named(name)
    assert name_of(cls) == name
    if not issubclass(cls, Enum):
        assert fields_of(cls)
        assert all(callable(check_of(hint)) for hint in fields_of(cls).values())
    if is_dataclass(cls):
        assert set(fields_of(cls)) <= set(cls.__dataclass_fields__)


@pytest.mark.parametrize(
    "name", ["os:system", "builtins:eval", "pipeline.cli:main", "models.base:Forecaster", ""]
)
def test_no_other_name_is_looked_up(name, monkeypatch):
    monkeypatch.setattr("importlib.import_module", lambda module: pytest.fail(f"imported {module}"))
    with pytest.raises(DamagedError, match="no type that may be stored"):
        type_named(name)


def test_an_annotation_that_cannot_be_checked_is_an_error():
    with pytest.raises(TypeError, match="cannot check"):
        check_of(collections.abc.Callable[[int], int])
    assert check_of(TrainingError)(TrainingError("an error may not be stored")) != ""
