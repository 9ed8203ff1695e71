"""Comparison of a checked configuration with an independent reading of the file, with all values as text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel


def find_differences(value: Any, raw: Any, where: str = "") -> Iterator[str]:
    """Yield the places where a checked value differs from its text.

    Parameters
    ----------
    value : object
        A checked section, or a part of one.
    raw : str, dict or list
        The same part of the file, with all values as text.
    where : str
        Dotted path of the part.
    """
    if isinstance(raw, dict) and "<<" in raw:
        return  # the text reader does not resolve merged keys
    parts = _pair(value, raw)
    if parts is None:
        yield f"{where or 'the file'} holds {_short(raw)}, read as {_short(value)}"
    else:
        for key, part, text in parts:
            yield from find_differences(part, text, f"{where}.{key}")


def _pair(value: Any, raw: Any) -> list[tuple[Any, Any, Any]] | None:
    """Return the parts of a value, each with its key and its text; None if value and text have different shapes."""
    if isinstance(value, BaseModel):
        if isinstance(raw, str) and value.model_fields_set == {"kind"}:
            raw = {"kind": raw}  # a bare kind is short for its section
        same = isinstance(raw, dict) and set(raw) == value.model_fields_set
        return [(key, getattr(value, key), text) for key, text in raw.items()] if same else None
    if isinstance(value, dict):
        named = [raw] if isinstance(raw, str) else raw
        if isinstance(named, list) and all(share == 1.0 for share in value.values()):
            named = dict.fromkeys(named, "1")  # assets without shares get equal shares
        same = isinstance(named, dict) and set(named) == set(value)
        return [(key, value[key], text) for key, text in named.items()] if same else None
    if isinstance(value, tuple):
        same = isinstance(raw, list) and len(raw) == len(value)
        return [(n, *pair) for n, pair in enumerate(zip(value, raw, strict=True))] if same else None
    return [] if isinstance(raw, str) and _says(raw, value) else None


def _says(text: str, value: Any) -> bool:
    """Return whether a text represents a value, given the value's type."""
    if isinstance(value, bool):
        words = (
            ("true", "yes", "on", "y", "t", "1", "1.0")
            if value
            else ("false", "no", "off", "n", "f", "0", "0.0")
        )
        return text.strip().lower() in words
    if value is None:
        return text in ("~", "null", "Null", "NULL", "")
    if isinstance(value, int | float):
        try:
            return float(text.replace("_", "")) == value and not text.strip().lstrip("+-").startswith("0" * 2)
        except ValueError:
            return False
    if isinstance(value, dt.date):
        return text.strip()[:10] == value.isoformat()
    if isinstance(value, Path):
        return Path(text) == value
    return text == value or text.split() == str(value).split()  # blanks in cron expressions do not matter


def _short(value: Any) -> str:
    return repr(value)[:120]
