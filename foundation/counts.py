"""Counts in messages: a number with its noun, in the singular or the plural."""

from __future__ import annotations


def format_count(number: int, noun: str, plural: str = "") -> str:
    """Return a number and a noun that agrees with it, such as "1 run" or "2 runs".

    Parameters
    ----------
    number : int
    noun : str
        In the singular, with adjectives if there are any.
    plural : str, optional
        If it is not the singular with an "s".
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
