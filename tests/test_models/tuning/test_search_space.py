"""Search spaces: literal grids, and what is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tuning.search_space import Choices, Range, contains_point, grid_points, grid_size


@pytest.mark.parametrize(
    ("entry", "points"),
    [
        (Range(1.0, 1000.0, log=True), (1.0, 10.0, 100.0, 1000.0)),
        (Range(0.0, 1.0, points=3), (0.0, 0.5, 1.0)),
        (Range(4, 6, whole=True, points=9), (4, 5, 6)),
        (Range(4, 63, log=True, whole=True), (4, 10, 25, 63)),
        (Range(2.0, 2.0), (2.0,)),
        (Choices(("past", None, 3)), ("past", None, 3)),
    ],
)
def test_grids(entry, points):
    assert entry.grid() == pytest.approx(points) if isinstance(points[0], float) else entry.grid() == points
    assert [type(x) for x in entry.grid()] == [type(x) for x in points]


def test_the_last_parameter_changes_first():
    space = {"a": Choices((1, 2)), "b": Range(0, 2, whole=True, points=3)}
    assert [tuple(p.values()) for p in grid_points(space)] == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
    assert grid_size(space) == 6
    assert contains_point(space, {"a": 2, "b": 1})
    assert not contains_point(space, {"a": 3, "b": 1})
    assert not contains_point(space, {"a": 2, "b": 1.5})
    assert not contains_point(space, {"a": 2, "b": None})


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.booleans(), st.integers(2, 30))
def test_a_grid_lies_inside_its_range_and_has_both_ends(a, b, log, points):
    entry = Range(min(a, b), max(a, b), log=log, points=points)
    grid = entry.grid()
    assert all(entry.holds(x) for x in grid)
    assert (grid[0], grid[-1]) == (entry.low, entry.high)
    assert list(grid) == sorted(set(grid))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Range(2, 1), "low 2 is above high 1"),
        (lambda: Range(0, 1, log=True), "log needs a low above 0, got 0"),
        (lambda: Range(0.5, 3, whole=True), "expected whole numbers, got low 0.5 and high 3"),
        (lambda: Range(0, float("inf")), "low and high must be finite"),
        (lambda: Range(0, 1, points=1), "a grid needs at least 2 points of a range, got 1"),
        (lambda: Choices(()), "expected at least one choice"),
        (lambda: Choices((1, 1.0)), "choice 1.0 comes twice"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
