"""Layout: planes one below the other over the same horizontal scale, with all that is written around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.legend import legend
from pipeline.planes import Plane
from pipeline.scales import Scale, Tick, Ticks, even, reach
from pipeline.svg import GRID, MUTED, SIZE, SMALL, document, text, wide

WIDTH = 960
"""Pixels of each chart."""
TOP, GAP, BELOW, LEFT, RIGHT = 12, 14, 30, 82, 20
"""Pixels above, between and below planes, and beside them."""
TICK = 85
"""Pixels between numbers below a chart, at least."""


@dataclass
class Chart:
    """Planes one below the other.

    Parameters
    ----------
    planes : sequence of Plane
    ticks : Ticks
        Of the horizontal scale.
    label : str
        Below it.
    limits : tuple of float, optional
        Its ends; by default those of the marks, without a margin.
    log : bool
        Whether it is that of logarithms.
    left, right : float
        Pixels beside the planes.
    """

    planes: Sequence[Plane]
    ticks: Ticks = even
    label: str = ""
    limits: tuple[float, float] | None = None
    log: bool = False
    left: float = LEFT
    right: float = RIGHT

    def svg(self) -> str:
        """Return the chart as an SVG element."""
        drawn = (mark.x for plane in self.planes for mark in plane.marks)
        across = Scale(*(self.limits or reach(drawn, 0.0, self.log)), self.left, WIDTH - self.right, self.log)
        ticks = self.ticks(across.low, across.high, max(2, int((across.stop - across.start) / TICK)))
        parts, top = [], float(TOP)
        for plane in self.planes:
            parts.append(_plane(plane, across, ticks, top))
            top += plane.height + GAP
        bottom = top - GAP
        for tick in ticks:
            # Half of what is written lies on either side, and stays in the picture.
            most = WIDTH - 2 - wide(tick.text, SMALL) / 2
            parts.append(
                text(min(float(across(tick.at)), most), bottom + 17, tick.text, "middle", SMALL, MUTED)
            )
        height = bottom + BELOW
        if self.label:
            height += 18
            parts.append(
                text((across.start + across.stop) / 2, height - 8, self.label, "middle", SIZE, MUTED)
            )
        return document(parts, WIDTH, height)


def _plane(plane: Plane, across: Scale, ticks: list[Tick], top: float) -> str:
    """Return a plane that begins at this pixel: its grid, marks, edge, numbers, label and names."""
    left, right, bottom = across.start, across.stop, top + plane.height
    scale = plane.scale(bottom, top)
    beside = plane.ticks(scale)
    lines = [f"M{float(across(t.at)):.1f} {top}V{bottom}" for t in ticks] if plane.grid else []
    if plane.grid and not plane.rows:
        lines += [f"M{left} {float(scale(t.at)):.1f}H{right}" for t in beside]
    size = SIZE if plane.rows else SMALL
    return "".join(
        [
            f'<path d="{"".join(lines)}" stroke="{GRID}" stroke-width="0.8"/>' if lines else "",
            *(mark.shape(across(mark.x), scale(mark.y)) for mark in plane.marks),
            f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="{MUTED}" stroke-width="0.6"/>',
            *(text(left - 7, float(scale(t.at)) + 0.35 * size, t.text, "end", size, MUTED) for t in beside),
            _aside(plane.label, left, (top + bottom) / 2),
            legend(plane, across, scale),
        ]
    )


def _aside(label: str, left: float, middle: float) -> str:
    """Return the upright label of a vertical scale, its last line nearest to the numbers."""
    lines = label.split("\n") if label else []
    return "".join(
        f'<g transform="translate({left - 50 - 16 * after:.1f} {middle:.1f}) rotate(-90)">'
        f"{text(0, 0, line, 'middle', SIZE, MUTED)}</g>"
        for after, line in enumerate(reversed(lines))
    )
