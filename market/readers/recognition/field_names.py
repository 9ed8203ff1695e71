"""Field names: columns that hold one field of one asset, such as "('Close', 'KO')", "KO_Close" or "Volume PEP"."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from market.readers.column_roles import find_role_of

_FIELDS = ("adjusted", "close", "price", "open", "high", "low", "vwap", "volume")
_CLOSES = ("adjusted", "close", "price")


def find_fields(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the fields of each asset, by the names of columns beside that of the dates.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    dict of str to dict of str to str
        By asset, its columns by their roles: "adjusted", "close", "price", "open", ..., "other". Empty unless every
        column has a field and an asset, and one of them a close. Names of one line, such as "SPX Close", need two
        different fields; with one they are names of assets.
    """
    pairs = [_split_levels(name) or _split_words(name) for name in names]
    known = [pair for pair in pairs if pair is not None]
    roles = {role for _, role in known}
    if len(known) < len(pairs) or not roles & set(_CLOSES):
        return {}
    if len(roles) == 1 and not all(read_levels(name) for name in names):
        return {}
    fields: dict[str, dict[str, str]] = {}
    for name, (asset, role) in zip(names, known, strict=True):
        if role in fields.setdefault(asset, {}) and role != "other":
            return {}  # two columns for one field
        fields[asset].setdefault(role, name)
    return fields


def read_levels(name: str) -> tuple[str, ...] | None:
    """Return the levels of a column of pandas, which writes them as "('Close', 'KO')"; None for other names."""
    if not re.fullmatch(r"\(\s*['\"].*['\"]\s*,?\s*\)", name):
        return None
    try:
        levels = ast.literal_eval(name)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(levels, tuple) or not all(isinstance(level, str) for level in levels):
        return None
    return tuple(level.strip() for level in levels)


def _split_levels(name: str) -> tuple[str, str] | None:
    """Return the asset and the role of a column with two levels of names."""
    levels = read_levels(name)
    if levels is None or len(levels) != 2:
        return None
    roles = [find_role_of(level) for level in levels]
    # A ticker such as LOW or OPEN may be on the other level: fields of pandas come first, of others second.
    if roles[0] is not None and levels[1]:
        return levels[1], roles[0]
    return (levels[0], roles[1]) if roles[1] is not None and levels[0] else None


def _split_words(name: str) -> tuple[str, str] | None:
    """Return the asset and the role of a column such as "KO_Close" or "Adj Close KO"."""
    for pattern in (
        r"(?i)(?P<asset>.+?)[ _.|:-]+(?P<field>adj\.?[ _]?close|px_last|close|open|high|low|volume|vwap)",
        r"(?i)(?P<field>adj\.?[ _]?close|px_last|close|open|high|low|volume|vwap)[ _.|:-]+(?P<asset>.+)",
    ):
        found = re.fullmatch(pattern, name)
        role = find_role_of(found["field"]) if found else None
        if found and role in _FIELDS and not re.fullmatch(r"\d{1,2}", found["asset"]):
            return found["asset"], role
    return None
