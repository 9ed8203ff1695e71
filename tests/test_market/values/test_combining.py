"""Several files as one table: cell by cell what a slow reading says, and no cell with two values."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import IntegrityError
from market.values.combining import combine_grids
from market.values.grid import Grid

DAYS = pd.bdate_range("2020-01-01", periods=8)


def make_grid(dates, names, values, volume=None, bars=None):
    return Grid(pd.DatetimeIndex(dates), tuple(names), np.array(values, dtype=float), volume, (), bars or {})


@st.composite
def pieces(draw):
    """A table, and pieces of it that together hold each of its rows and columns or not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    whole = rng.normal(size=(8, 4)).round(3)
    whole[rng.random(whole.shape) < 0.2] = np.nan
    grids = []
    for _ in range(draw(st.integers(1, 4))):
        rows = np.sort(rng.choice(8, rng.integers(1, 9), replace=False))
        columns = rng.permutation(4)[: rng.integers(1, 5)]
        values = whole[np.ix_(rows, columns)].copy()
        values[rng.random(values.shape) < 0.2] = np.nan
        volume = 100 * values if rng.random() < 0.5 else None
        bars = {"low": values - 1} if rng.random() < 0.5 else {}
        grids.append(make_grid(DAYS[rows], [f"A{c}" for c in columns], values, volume, bars))
    return grids


def read_slowly(grids, pick):
    """Each cell by date and name, from the first grid that fills it."""
    cells = {}
    for grid in grids:
        table = pick(grid)
        for row, date in enumerate(grid.dates):
            for column, name in enumerate(grid.names):
                value = np.nan if table is None else table[row, column]
                if np.isnan(cells.get((date, name), np.nan)):
                    cells[date, name] = value
    return cells


@given(grids=pieces())
@settings(max_examples=60, deadline=None)
def test_pieces_are_joined_as_a_slow_reading_joins_them(grids):
    joined = combine_grids([str(n) for n in range(len(grids))], grids)
    assert joined.dates.is_monotonic_increasing
    assert set(joined.dates) == {date for grid in grids for date in grid.dates}
    assert joined.names == tuple(dict.fromkeys(name for grid in grids for name in grid.names))
    for pick in (lambda grid: grid.values, lambda grid: grid.volume, lambda grid: grid.bars.get("low")):
        expected, table = read_slowly(grids, pick), pick(joined)
        for row, date in enumerate(joined.dates):
            for column, name in enumerate(joined.names):
                value = np.nan if table is None else table[row, column]
                np.testing.assert_equal(value, expected.get((date, name), np.nan))


def test_a_cell_with_two_values_is_refused_and_named():
    one = make_grid(DAYS[:4], ["A", "B"], [[1, 2], [3, np.nan], [5, 6], [7, 8]])
    other = make_grid(DAYS[1:5], ["B", "C"], [[9, 1], [6, 1], [8.5, 1], [2, 1]])
    with pytest.raises(
        IntegrityError, match=re.escape("column 'B', 2020-01-06: 8 in a.csv, but 8.5 in c.csv")
    ):
        combine_grids(["a.csv", "b.csv", "c.csv"], [one, make_grid(DAYS[:1], ["D"], [[1]]), other])
    volume = np.full((1, 1), 5.0)
    with pytest.raises(IntegrityError, match="volume of 'A', 2020-01-01: 5 in x, but 6 in y"):
        combine_grids(
            ["x", "y"],
            [make_grid(DAYS[:1], ["A"], [[1]], volume), make_grid(DAYS[:1], ["A"], [[1]], volume + 1)],
        )


def test_one_grid_stays_as_it_is():
    grid = make_grid(DAYS[:1], ["A"], [[1]])
    assert combine_grids(["x"], [grid]) is grid
