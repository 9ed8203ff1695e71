"""Writing: the text of a first configuration, with the reason of each setting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.defaults.completion import Completion
from pipeline.export.full_config import write_comment, write_value
from pipeline.settings.section import LONGEST_NAME

_SECTIONS = (
    "features",
    "target",
    "walk_forward",
    "regimes",
    "models",
    "allocation",
    "cost_rate",
    "evaluation",
)


def name_after(stem: str) -> str:
    """Return a name of a configuration after that of a file."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")
    return plain[:LONGEST_NAME].rstrip("-_") or "mine"


def compose_text(
    name: str, path: str | Sequence[str], data: Mapping[str, tuple[Any, str]], completion: Completion
) -> str:
    """Return a commented configuration.

    Parameters
    ----------
    name : str
    path : str or sequence of str
        The files, as the user names them.
    data : mapping of str to tuple
        Other settings of the section `data`, each with its reason.
    completion : Completion
        The settings that follow from the data.
    """
    lines = [
        f"# {completion.facts}",
        "# Each line may be left out or changed; tangency config shows all other settings.",
        f"name: {write_value(name)}",
        "",
        "data:",
        f"  path: {write_value(path)}",
        *(write_comment(f"  {key}: {write_value(value)}", why) for key, (value, why) in data.items()),
    ]
    for section in _SECTIONS:
        lines += _write_section(section, completion)
    return "\n".join(lines) + "\n"


def _write_section(section: str, completion: Completion) -> Iterable[str]:
    """Yield the choices of a section."""
    for choice in completion.choices:
        if choice.key == section == "models":
            yield from ("", write_comment("models:", choice.reason))
            yield from (f"  {name}: {write_value(model)}" for name, model in choice.value.items())
        elif choice.key == section:
            yield from ("", write_comment(f"{section}: {write_value(choice.value)}", choice.reason))
    own = [choice for choice in completion.choices if choice.key.startswith(f"{section}.")]
    if own:
        yield from ("", f"{section}:")
    for choice in own:
        key = choice.key.removeprefix(f"{section}.")
        yield write_comment(f"  {key}: {write_value(choice.value)}", choice.reason)
