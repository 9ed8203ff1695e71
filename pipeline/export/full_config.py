"""Full configuration: every setting in effect as YAML, with where each comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from pipeline.config import RunConfig
from pipeline.defaults.choices import Choice

_WIDTH = 56
"""Column from which comments stand, if the line is not longer."""
_INDENT = "  "


def write_full_config(config: RunConfig, given: Mapping[str, Any], choices: Sequence[Choice]) -> str:
    """Return a configuration as YAML that is read back as the same configuration.

    Parameters
    ----------
    config : RunConfig
    given : mapping
        Content of the file.
    choices : sequence of Choice
        What was filled in from the data.

    Returns
    -------
    str
        A setting of the file has no comment. The others say `default`, or `chosen` with the reason.
    """
    reasons = {choice.key: choice.reason for choice in choices}
    lines = _write(config.model_dump(mode="json"), given, reasons, "")
    return "\n".join(lines) + "\n"


def _write(values: Mapping[str, Any], given: Any, reasons: Mapping[str, str], path: str) -> Iterator[str]:
    """Yield the lines of a mapping, indented by the length of its path."""
    indent = _INDENT * (path.count(".") if path else 0)
    for key, value in values.items():
        own = f"{path}{key}"
        there = isinstance(given, Mapping) and key in given
        written = f"{indent}{write_value(key)}:"
        if isinstance(value, Mapping) and value:
            if not path:
                yield ""
            yield write_comment(written, _origin(there, reasons.get(own), has_parts=True))
            inner = given[key] if there else None
            # What a choice filled in has its reason at the top alone.
            inner = value if own in reasons else inner
            yield from _write(value, inner, reasons, f"{own}.")
        else:
            yield write_comment(f"{written} {write_value(value)}", _origin(there, reasons.get(own)))


def _origin(there: bool, reason: str | None, *, has_parts: bool = False) -> str:
    """Return the comment on a setting; the parts of a mapping say themselves what is a default."""
    if reason is not None:
        return f"chosen: {reason}"
    return "" if there or has_parts else "default"


def write_comment(line: str, comment: str) -> str:
    """Return a line with a comment behind it."""
    return f"{line:<{_WIDTH}}  # {comment}" if comment else line


def write_value(value: Any) -> str:
    """Return a value as YAML on one line: text that looks like another type in quotes."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")
