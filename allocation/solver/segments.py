"""States of the assets: at a place or free in a segment between two, and what changes them."""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints


@compiled
def guess_states(gradient: Floats, places: Floats, slopes: Floats, home: Ints, w: Floats) -> Ints:
    """Guess the states from the gradient at `w`, at the budget's price of an average asset that is off its bounds.

    Parameters
    ----------
    gradient : ndarray of shape (n,)
        H w - q.
    places, slopes : ndarray
        As in `solve`.
    home : ndarray of int, shape (n,)
        The place at which each asset is now, or -1: free.
    w : ndarray of shape (n,)
    """
    last = places.shape[1] - 1
    count, total, lowest = 0.0, 0.0, np.inf
    for i in range(len(w)):
        lowest = min(lowest, gradient[i])
        if places[i, 0] < w[i] < places[i, last]:
            count += 1.0
            total -= gradient[i]
    y = total / count if count > 0.0 else -lowest
    state = states_at(home, places, w)
    for i in range(len(w)):
        if home[i] >= 0:
            state[i] = _freed(state[i], gradient[i] + y, 0.0, places[i], slopes[i])
    return state


@compiled
def states_at(home: Ints, places: Floats, w: Floats) -> Ints:
    """Return the states of assets at the places `home`, or free in the segment of their weight where that is -1."""
    state = 2 * home
    for i in range(len(w)):
        if home[i] < 0:
            segment = 0
            while segment < places.shape[1] - 2 and w[i] > places[i, segment + 1]:
                segment += 1
            state[i] = 2 * segment + 1
    return state


@compiled
def change_states(
    state: Ints, w: Floats, gradient: Floats, places: Floats, slopes: Floats, rows: Floats, prices: Floats,
    single: bool,
) -> int:  # fmt: skip
    """Change the states that their own answer contradicts, only the last of them if `single`; return how many do."""
    changed, last, its = 0, -1, 0
    for i in range(len(w)):
        if state[i] % 2:
            wanted = _left(state[i], w[i], places[i])
        else:
            pull, size = gradient[i], abs(gradient[i])
            for b in range(len(prices)):
                pull += rows[b, i] * prices[b]
                size += abs(rows[b, i] * prices[b])
            wanted = _freed(state[i], pull, 1e-12 * size, places[i], slopes[i])
        if wanted != state[i]:
            changed += 1
            last, its = i, wanted
            if not single:
                state[i] = wanted
    if single and changed:
        state[last] = its
    return changed


@compiled
def _left(state: int, w: float, places: Floats) -> int:
    """Return the state of a free weight: the place that it ran into, or its own."""
    segment = state // 2
    if w < places[segment] - 1e-15:
        return state - 1
    return state + 1 if w > places[segment + 1] + 1e-15 else state


@compiled
def _freed(state: int, pull: float, small: float, places: Floats, slopes: Floats) -> int:
    """Return the state of a weight at a place: free on the side on which the objective falls, or its own."""
    last = len(slopes)
    right = state // 2
    while right < last and places[right + 1] == places[state // 2]:
        right += 1
    if right < last and pull + slopes[right] < -small - 1e-12 * abs(slopes[right]):
        return 2 * right + 1
    left = state // 2 - 1
    while left >= 0 and places[left] == places[state // 2]:
        left -= 1
    if left >= 0 and pull + slopes[left] > small + 1e-12 * abs(slopes[left]):
        return 2 * left + 1
    return state


@compiled
def neighbouring_segment(state: int, side: int, places: Floats) -> int:
    """Return the free state above (side 1) or below (-1) a place, or -1 if the place is a bound."""
    last, here = len(places) - 1, places[state // 2]
    place = state // 2
    while 0 <= place + side <= last and places[place + side] == here:
        place += side
    if not 0 <= place + side <= last:
        return -1
    return 2 * place + side
