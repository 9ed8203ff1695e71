"""Names in messages: lists of names, and suggestions for mistyped ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_LONGEST = 300
"""Most characters of a list of names."""


def suggest(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" if a known name is similar, then the known names; "" if there are none."""
    names = list(known)
    if not names:
        return ""
    by_lower = {name.lower(): name for name in names}
    # The comparison takes time in proportion to the product of the lengths; a long text resembles no name.
    close = get_close_matches(word.lower(), by_lower, n=1) if len(word) <= _LONGEST else []
    question = f"; did you mean {by_lower[close[0]]!r}?" if close else ""
    listing = ", ".join(shorten_text(name) for name in names[:20])
    if len(names) > 20 or len(listing) > _LONGEST:
        listing = f"{listing[:_LONGEST]}, ..."
    return f"{question}; known: {listing}"


def list_names(names: Sequence[str], most: int = 8) -> str:
    """Return the first names in quotes, and how many more there are than `most`."""
    listing = ", ".join(repr(shorten_text(name)) for name in names[:most])
    return listing + (f" and {len(names) - most} more" if len(names) > most else "")


def shorten_text(text: str, most: int = 60) -> str:
    """Return at most the first characters of a text, with dots if some were cut."""
    return text if len(text) <= most else f"{text[:most]}..."
