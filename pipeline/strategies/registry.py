"""The kinds of strategies, by their names in a configuration."""

from __future__ import annotations

import functools
import importlib
import operator
import pkgutil
from typing import TYPE_CHECKING, Annotated, Literal, get_args, get_origin

from pydantic import Field

import pipeline.strategies.kinds as kinds
from pipeline.strategies.settings import StrategySettings


def _find_kinds() -> dict[str, type[StrategySettings]]:
    """Return the settings of each kind by its name, sorted. All modules below `kinds` are imported.

    Raises
    ------
    TypeError
        If two classes have the same kind.
    """
    by_kind: dict[str, type[StrategySettings]] = {}
    for module in pkgutil.walk_packages(kinds.__path__, f"{kinds.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if not (isinstance(value, type) and issubclass(value, StrategySettings)):
                continue
            annotation = value.model_fields["kind"].annotation
            if value.__module__ == module.name and get_origin(annotation) is Literal:
                (kind,) = get_args(annotation)
                if kind in by_kind:
                    raise TypeError(
                        f"{value.__module__} and {by_kind[kind].__module__}: both have kind {kind!r}"
                    )
                by_kind[kind] = value
    return dict(sorted(by_kind.items()))


KINDS = _find_kinds()

if TYPE_CHECKING:
    Strategy = StrategySettings
else:
    Strategy = Annotated[functools.reduce(operator.or_, KINDS.values()), Field(discriminator="kind")]
"""The type of a strategy in a configuration: one of the kinds, chosen by its name."""
