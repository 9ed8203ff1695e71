"""Changes: settings that follow from the data and differ from those of an earlier run, because the data has grown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.defaults.choices import Choice
from pipeline.defaults.completion import summarize_value


def describe_changed_choices(
    choices: Sequence[Choice], now: Mapping[str, Any], before: Mapping[str, Any]
) -> str:
    """Return the chosen settings that differ between two configurations, "" if none does.

    Parameters
    ----------
    choices : sequence of Choice
        What the data decides on now.
    now, before : mapping
        Whole configurations, in types of JSON.
    """
    changed = [
        f"{each.key} was {summarize_value(_find(before, each.key))}, is {summarize_value(_find(now, each.key))}"
        for each in choices
        if _find(before, each.key) != _find(now, each.key)
    ]
    return "; ".join(changed)


def _find(content: Any, key: str) -> Any:
    for part in key.split("."):
        content = content.get(part) if isinstance(content, Mapping) else None
    return content
