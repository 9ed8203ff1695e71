"""Names of columns and assets without invisible characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from foundation.suggestions import shorten_text
from market.findings import Finding

_BLANKS = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u115f\u1160\u2800\u3164\uffa0"
"""Characters that look blank, besides the blanks of Unicode."""
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00b4"
"""Marks that stand in names by mistake."""
LONGEST = 200
"""Characters of a name; a longer one is text that was swallowed."""
_UNSEEN = ("Cc", "Cf", "Cs", "Cn")
"""Unicode categories of invisible characters: control characters, zero widths, directions of writing."""


@cache
def clean_name(text: str) -> str:
    """Return a name in composed form, without invisible characters, with plain blanks and none around it."""
    if text.isascii() and text.isprintable():
        return text.strip()
    composed = unicodedata.normalize("NFC", text)
    plain = (
        " " if mark in _BLANKS or unicodedata.category(mark).startswith("Z") else mark for mark in composed
    )
    seen = "".join(mark for mark in plain if unicodedata.category(mark) not in _UNSEEN)
    return unicodedata.normalize("NFC", seen).strip()


def lookalike_key(name: str) -> str:
    """Return the key that similar-looking names share: lower case, usual width, without blanks and quotes."""
    plain = "".join(mark for mark in unicodedata.normalize("NFKC", name) if mark not in _QUOTES)
    return "".join(plain.casefold().split())


def check_clean(source: str, what: str, names: Mapping[str, str]) -> Iterator[Finding]:
    """Find names that were changed, and different names that became one; empty names are left to others.

    Parameters
    ----------
    source : str
    what : str
        What the names belong to, such as "assets".
    names : mapping of str to str
        Cleaned names by the names as they are written.
    """
    first: dict[str, str] = {}
    named = {written: name for written, name in names.items() if name}
    for written, name in named.items():
        other = first.setdefault(name, written)
        if other != written:
            text = (
                f"{source}: {what} {shorten_text(other)!a} and {shorten_text(written)!a} differ only in surrounding"
                f" blanks, invisible characters or Unicode form, and would both be {shorten_text(name)!r}; write both"
                " alike if they are one, or rename one of them"
            )
            yield Finding("names that become one", "fatal", name, None, text)
    for name in named.values():
        if len(name) > LONGEST:
            text = f"{source}: {what}: {shorten_text(name)!r} has {len(name)} characters; expected {LONGEST} at most"
            yield Finding("long name", "fatal", None, None, text)
    changed = [written for written, name in named.items() if written != name]
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        text = (
            f"{source}: {what} are read without surrounding blanks and invisible characters, in composed Unicode form:"
            f" {shorten_text(changed[0])!a} as {names[changed[0]]!r}{more}"
        )
        yield Finding("names read otherwise", "warning", None, None, text)


def check_lookalikes(source: str, names: Sequence[str]) -> Iterator[Finding]:
    """Find names that differ only in capital letters, blanks, quotes or the width of letters."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(lookalike_key(name), name)
        if other != name:
            text = (
                f"{source}: assets {other!r} and {name!r} differ only in capital letters, blanks, quotes or the width"
                " of letters; rename one of them, or write both alike if they are one asset"
            )
            yield Finding("asset name", "fatal", name, None, text)
