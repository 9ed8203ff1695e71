"""Start of a computation over dates, and the state that recursive kernels carry over from earlier dates.

A full computation starts at row 0 of the panel with nothing to carry. Appended dates are computed from a short
history: the kernels then need the panel row that their arrays start at (blocks of windows are counted from row 0
of the panel), and recursions need the state in which the earlier computation left them. Both come from the current
`Continuation` of the running thread, so that features stay plain functions of arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from foundation.types import Floats


@dataclass
class Continuation:
    """One feature's computation over one interval of dates.

    Attributes
    ----------
    first_row : int
        Row of the panel that is row 0 of the arrays.
    start : int
        Row of the arrays at which recursions resume; the rows before are history for windows alone.
    carried : tuple of ndarray
        States that the recursions of the earlier computation had before the row `start`, in the order in which
        they were called. Empty if nothing came before.
    saved : list of ndarray
        States that the recursions of this computation have before their last row, in the same order.
    """

    first_row: int = 0
    start: int = 0
    carried: tuple[Floats, ...] = ()
    saved: list[Floats] = field(default_factory=list)


_CURRENT: ContextVar[Continuation | None] = ContextVar("continuation", default=None)


@contextmanager
def use_continuation(continuation: Continuation) -> Iterator[Continuation]:
    """Make a continuation the current one of this thread."""
    token = _CURRENT.set(continuation)
    try:
        yield continuation
    finally:
        _CURRENT.reset(token)


def first_row() -> int:
    """Return the row of the panel that is row 0 of the arrays; 0 outside of any continuation."""
    current = _CURRENT.get()
    return 0 if current is None else current.first_row


def first_wanted_row() -> int:
    """Return the row of the arrays from which on the feature is wanted; the rows before are history.

    What is computed in a feature's last steps may leave the rows before as they are.
    """
    current = _CURRENT.get()
    return 0 if current is None else current.start


def resume_state(initial: Floats) -> tuple[int, Floats]:
    """Return the row at which a recursion starts and its state before that row.

    A recursive kernel calls this once, and `save_state` once.

    Parameters
    ----------
    initial : ndarray
        State before row 0 of the panel.
    """
    current = _CURRENT.get()
    if current is None or not current.carried:
        return 0, initial
    return current.start, current.carried[len(current.saved)].copy()


def save_state(state: Floats) -> None:
    """Keep the state that a recursion had before the last row of its arrays.

    Before, not after: appending dates computes the last row again, as a check that the computation continues
    correctly. The last axis is the assets; a state with another last axis is common
    to all of them.
    """
    current = _CURRENT.get()
    if current is not None:
        current.saved.append(state)
