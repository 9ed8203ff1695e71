"""Legends: the names of marks, placed where they cover the fewest of them."""

from __future__ import annotations

from itertools import product

from pipeline.report.charts.planes import Plane
from pipeline.report.charts.scales import Scale
from pipeline.report.charts.svg import SIZE, SMALL, text, wide

SWATCH = 27
"""Pixels from a swatch to its name."""
ASIDE, BELOW = 12, 14
"""Pixels from the edge of a plane to its legend: to swatches, and to the middle of the first or last name."""
APART = 18
"""Pixels from one name to the next."""


def legend(plane: Plane, across: Scale, scale: Scale) -> str:
    """Return the names of marks, each after its swatch, at the position that the plane sets."""
    if not plane.names:
        return ""
    longest = max(wide(name) for name, _ in plane.names)
    if plane.legend == "row":
        right = longest + SWATCH + ASIDE
        most = max(1, int((across.stop - across.start - ASIDE) / right))
        return _written(plane, across.start + ASIDE, scale.stop + BELOW, right, APART, most)
    if plane.legend == "beside":
        down = 15
        first = (scale.start + scale.stop - down * (len(plane.names) - 1)) / 2
        return _written(plane, across.stop + ASIDE, first, 0, down, size=SMALL)
    size = SWATCH + longest, APART * (len(plane.names) - 1)
    x, y = _corner(plane, across, scale, size)
    room = f'x="{x - 4:.1f}" y="{y - 10:.1f}" width="{size[0] + 4:.1f}" height="{size[1] + 20:.1f}"'
    ground = f'<rect {room} fill="#fff" fill-opacity="0.7"/>'
    return ground + _written(plane, x, y, 0, APART)


def room_beside(plane: Plane) -> float:
    """Return the width of the names beside a plane, in pixels."""
    if plane.legend != "beside":
        return 0.0
    return ASIDE + SWATCH + max((wide(name, SMALL) for name, _ in plane.names), default=0.0)


def _written(
    plane: Plane, x: float, y: float, right: float, down: float, columns: int = 1, size: float = SIZE
) -> str:
    """Return names in a number of columns, starting at a pixel."""
    return "".join(
        f'<g transform="translate({x + n % columns * right:.1f} {y + n // columns * down:.1f})">'
        f"{swatch}{text(SWATCH, 0.35 * size, name, size=size)}</g>"
        for n, (name, swatch) in enumerate(plane.names)
    )


def _corner(plane: Plane, across: Scale, scale: Scale, size: tuple[float, float]) -> tuple[float, float]:
    """Return the first pixel of a legend in the corner where it covers the fewest marks; the upper left in a tie."""
    lefts = across.start + ASIDE, across.stop - ASIDE - size[0]
    tops = scale.stop + BELOW, scale.start - BELOW - size[1]
    corners = [(x, y) for y, x in product(tops, lefts)]
    return min(corners, key=lambda corner: _hidden(plane, across, scale, corner, size))


def _hidden(
    plane: Plane, across: Scale, scale: Scale, corner: tuple[float, float], size: tuple[float, float]
) -> int:
    """Return the number of boxes and pieces of lines and areas below a legend."""
    left, top = corner
    hidden = 0
    for mark in plane.marks:
        x, y = mark.covered()
        x, y = across(x), scale(y)
        beside = (x.min(axis=0) < left + size[0]) & (x.max(axis=0) > left)
        level = (y.min(axis=0) < top + size[1] + 10) & (y.max(axis=0) > top - 10)
        hidden += int((beside & level).sum())
    return hidden
