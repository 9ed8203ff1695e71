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


def format_percent(share: float, digits: int = 0) -> str:
    """Return a share in percent, such as "12.5%"; a number of more than eight digits is shortened, such as "1e+302%".

    Parameters
    ----------
    share : float
        A fraction.
    digits : int
        Digits after the point.
    """
    percent = 100 * share
    return f"{percent:.{digits}f}%" if abs(percent) < 1e8 else f"{percent:.3g}%"
