"""What a mistyped name was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

LONGEST = 300
"""Characters of a list of names, at most."""


def suggest(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" where a known name is close, then the known names; nothing if there are none."""
    names = list(known)
    if not names:
        return ""
    by_lower = {name.lower(): name for name in names}
    # The comparison takes time that grows with the product of the lengths, and nothing is close to a long text.
    close = get_close_matches(word.lower(), by_lower, n=1) if len(word) <= LONGEST else []
    question = f"; did you mean {by_lower[close[0]]!r}?" if close else ""
    listing = ", ".join(shorten(name) for name in names[:20])
    if len(names) > 20 or len(listing) > LONGEST:
        listing = f"{listing[:LONGEST]}, ..."
    return f"{question}; known: {listing}"


def list_names(names: Sequence[str]) -> str:
    """Return the first names in quotes, with dots for the others."""
    return ", ".join(repr(shorten(name)) for name in names[:8]) + (", ..." if len(names) > 8 else "")


def shorten(text: str, most: int = 60) -> str:
    """Return the beginning of a text, with dots if that is not all: a message is to be read."""
    return text if len(text) <= most else f"{text[:most]}..."
