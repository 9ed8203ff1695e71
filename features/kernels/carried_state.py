"""Start row of a computation over dates, and the state that recursive kernels carry over from earlier dates.

A full computation starts at row 0 of the panel without a carried state. Appended dates are computed from a short
history. The kernels then need the panel row of their first array row (blocks of windows are counted from row 0 of the
panel), and recursions need their state at the end of the earlier computation. Both come from the current `Continuation`
of the running thread, so that features stay plain functions of arrays.
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
        Row of the arrays at which recursions resume; earlier rows are history for windows only.
    carried : tuple of ndarray
        States of the recursions of the earlier computation before row `start`, in call order. Empty if there was no
        earlier computation.
    saved : list of ndarray
        States of the recursions of this computation before their last row, in call order.
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
    """Return the panel row of row 0 of the arrays; 0 outside any continuation."""
    current = _CURRENT.get()
    return 0 if current is None else current.first_row


def first_wanted_row() -> int:
    """Return the first row of the arrays at which the feature is requested; earlier rows are history.

    The last steps of a feature may leave the earlier rows uncomputed.
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
    """Save the state of a recursion before the last row of its arrays.

    The state is taken before the last row because appending dates computes that row again, to check that the
    computation continues correctly. The last axis of a state is the assets; a state with another last axis is shared by
    all assets.
    """
    current = _CURRENT.get()
    if current is not None:
        current.saved.append(state)
