"""DecisionStatus: how the weights of a decision were made. Programs read it; people read the note beside it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Flag, auto
from functools import reduce
from operator import or_


class DecisionStatus(Flag):
    """How the weights of a decision came about.

    A composite has the flags of all its parts, so a decision can be relaxed and held at once. Notes are written for
    people and are never searched.

    Attributes
    ----------
    FIXED
        Weights were stated, not optimised.
    SOLVED
        An allocator found the best weights.
    UNCHANGED
        Nothing was traded, or a part was not, by rule: between two dates of a calendar, inside a band.
    RELAXED
        A limit that could not be met was relaxed.
    HELD
        Limits could not be met, so nothing was traded, or a part was not.
    MARKET_CLOSED
        Something was not traded, because its market was closed.
    UNPROVEN
        A search ended early: better weights may exist.
    """

    FIXED = auto()
    SOLVED = auto()
    UNCHANGED = auto()
    RELAXED = auto()
    HELD = auto()
    MARKET_CLOSED = auto()
    UNPROVEN = auto()

    @property
    def label(self) -> str:
        """Return the status in one word, or "relaxed and held" for exceptions that came together."""
        exceptions = [flag for flag in _EXCEPTIONS if flag in self]
        if exceptions:
            return " and ".join(_word(flag) for flag in exceptions)
        usual = (DecisionStatus.SOLVED, DecisionStatus.FIXED, DecisionStatus.UNCHANGED)
        return next((_word(flag) for flag in usual if flag in self), "none")

    @staticmethod
    def combine(statuses: Iterable[DecisionStatus]) -> DecisionStatus:
        """Return the status of a composite: the flags of all its parts."""
        return reduce(or_, statuses, DecisionStatus(0))


_EXCEPTIONS = (
    DecisionStatus.RELAXED,
    DecisionStatus.HELD,
    DecisionStatus.MARKET_CLOSED,
    DecisionStatus.UNPROVEN,
)
"""Flags that set a decision apart from the usual ones."""


def _word(flag: DecisionStatus) -> str:
    """Return the name of one flag as it is shown."""
    return str(flag.name).lower().replace("_", " ")
