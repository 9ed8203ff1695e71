"""References in strategies: to portfolios and models, which must exist, and to assets."""

from __future__ import annotations

from collections.abc import Mapping

from foundation.suggestions import suggest
from pipeline.strategies.settings import StrategySettings


def find_wrong_reference(
    strategies: Mapping[str, StrategySettings], baselines: tuple[str, ...], models: tuple[str, ...]
) -> str:
    """Return the first undefined name in the strategies, or a circular reference; "" if there is neither."""
    known = [*strategies, *baselines, *(f"model:{name}" for name in models)]
    for name, section in strategies.items():
        where = f"strategies.{name}"
        if name in baselines:
            return f"{where}: this is the name of a baseline; choose another"
        for key, used in section.uses():
            if used not in known:
                return (
                    f"{where}.{key}: {used!r} is no strategy, baseline or model:<name>{suggest(used, known)}"
                )
        for key, model in section.models():
            if model not in models:
                return f"{where}.{key}: {model!r} is not among the models{suggest(model, models)}"
    return _find_circle(strategies)


def _find_circle(strategies: Mapping[str, StrategySettings]) -> str:
    """Return a message if a strategy uses itself, directly or not; "" otherwise."""

    def walk(name: str, above: tuple[str, ...]) -> str:
        if name in above:
            circle = " > ".join([*above[above.index(name) :], name])
            return f"strategies.{name}: it is made of itself ({circle})"
        if name not in strategies:
            return ""
        return next(
            (message for _, used in strategies[name].uses() if (message := walk(used, (*above, name)))), ""
        )

    return next((message for name in strategies if (message := walk(name, ()))), "")
