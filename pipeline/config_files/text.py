"""Short texts for messages, which stay readable for any input."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_MESSAGE = 1500
"""Maximum length of a whole message, in characters."""
LONGEST_VALUE = 80
LONGEST_PATH = 200
_MARGIN = 60
"""Characters reserved for the line with the number of mistakes that are not shown."""


def cut_middle(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters; the middle of a longer text is left out."""
    if len(text) <= limit:
        return text
    head = (limit - 3) * 2 // 3
    return f"{text[:head]}...{text[len(text) - (limit - 3 - head) :]}"


def show_value(value: object) -> str:
    """Return the Python representation of a value, in at most 80 characters."""
    try:
        return cut_middle(repr(value), LONGEST_VALUE)
    except ValueError:  # Python refuses to write integers of more than 4,300 digits
        return "a number of thousands of digits"
    except RecursionError:
        return "a value that contains itself"


def show_name(name: str) -> str:
    """Return a key or a path unchanged, or quoted if it is empty, unprintable or long."""
    if name and name.isprintable() and len(name) <= LONGEST_PATH:
        return name
    return cut_middle(repr(name), LONGEST_PATH)


def join_lines(head: str, lines: Sequence[str], limit: int = LONGEST_MESSAGE) -> str:
    """Return a heading and as many lines as fit into a message, then the number of the others.

    Each line is shortened to a quarter of the message, so that the first ones are always shown.
    """
    shown, length = [], len(head)
    for line in lines:
        short = cut_middle(line, limit // 4)
        if length + len(short) + 3 > limit - _MARGIN:
            break
        shown.append(f"\n  {short}")
        length += len(short) + 3
    more = len(lines) - len(shown)
    return head + "".join(shown) + (f"\n  and {more} more" if more else "")
