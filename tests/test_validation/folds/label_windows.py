"""Label windows for the tests of all splitters: irregular calendars, and the slow oracle of what overlaps."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from market.panel import Panel
from validation.folds.labels import forward_excess_returns


@st.composite
def label_ends(draw, n):
    """Draw the rows at which labels end: by observations and lag, by days of an irregular calendar, or anyhow."""
    kind = draw(st.sampled_from(["observations", "days", "anyhow"]))
    rows = np.arange(n)
    lag = draw(st.integers(0, 3))
    if kind == "observations":
        return rows + lag + draw(st.integers(1, 8))
    if kind == "anyhow":
        return rows + np.array(draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)))
    gaps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 3, 7, 30]), min_size=n, max_size=n))
    day, held = np.cumsum(gaps), draw(st.integers(1, 40))
    return np.searchsorted(day, day + held) + lag


def overlap(a, b, ends):
    """Return whether the windows [a, ends[a]] and [b, ends[b]] share a row."""
    return bool(set(range(a, ends[a] + 1)) & set(range(b, ends[b] + 1)))


def overlapping(train, test, ends):
    """Return the pairs of training and test rows whose windows share a row, pair by pair."""
    return [(int(a), int(b)) for a in train for b in test if overlap(a, b, ends)]


def weekdays(first, last, horizon, execution_lag):
    """Return the weekdays from first to last as text, and the rows at which the labels of a daily panel end."""
    dates = pd.bdate_range(first, last)
    zeros = np.zeros(len(dates))
    panel = Panel("weekdays", dates, ("A",), zeros[:, None], zeros, zeros, 252)
    return np.array(dates.strftime("%Y-%m-%d")), forward_excess_returns(panel, horizon, execution_lag).end
