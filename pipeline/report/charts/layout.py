"""Layout: planes stacked over one horizontal scale, with their numbers, labels and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from pipeline.report.charts.legend import legend, room_beside
from pipeline.report.charts.planes import Plane
from pipeline.report.charts.scales import Scale, Tick, Ticks, even, reach
from pipeline.report.charts.svg import GRID, MUTED, SIZE, SMALL, document, text, wide

WIDTH = 960
"""Width of each chart, in pixels."""
TOP, GAP, BELOW, RIGHT = 12, 14, 30, 20
"""Margins above, between and below planes, and to their right, in pixels."""
ASIDE, LINE = 7, 16
"""Distance between numbers and a plane, and height of a line of a label, in pixels."""
TICK = 85
"""Minimum distance between numbers below a chart, in pixels."""


@dataclass
class Chart:
    """Planes stacked over one horizontal scale, with margins for their names and numbers.

    Parameters
    ----------
    planes : sequence of Plane
    ticks : Ticks
        Of the horizontal scale.
    label : str
        Label below the scale.
    limits : tuple of float, optional
        Ends of the scale; by default those of the marks, without a margin.
    log : bool
        Whether the scale is logarithmic.
    """

    planes: Sequence[Plane]
    ticks: Ticks = even
    label: str = ""
    limits: tuple[float, float] | None = None
    log: bool = False

    def svg(self) -> str:
        """Return the chart as an SVG element."""
        tops = list(accumulate((plane.height + GAP for plane in self.planes), initial=float(TOP)))
        scales = [plane.scale(top + plane.height, top) for plane, top in zip(self.planes, tops, strict=False)]
        drawn = (mark.x for plane in self.planes for mark in plane.marks)
        numbers = [_Numbers.of(plane, scale) for plane, scale in zip(self.planes, scales, strict=True)]
        left = max(map(_room, self.planes, numbers))
        right = WIDTH - RIGHT - max(map(room_beside, self.planes))
        across = Scale(*(self.limits or reach(drawn, 0.0, self.log)), left, right, self.log)
        ticks = self.ticks(across.low, across.high, max(2, int((right - left) / TICK)))
        parts = [
            _plane(plane, across, scale, ticks, beside)
            for plane, scale, beside in zip(self.planes, scales, numbers, strict=True)
        ]
        bottom = tops[-1] - GAP
        for tick in ticks:
            # Numbers are centred on their ticks; the margin keeps their outer half inside the picture.
            most = WIDTH - 2 - wide(tick.text, SMALL) / 2
            parts.append(
                text(min(float(across(tick.at)), most), bottom + 17, tick.text, "middle", SMALL, MUTED)
            )
        height = bottom + BELOW
        if self.label:
            height += 18
            parts.append(text((left + right) / 2, height - 8, self.label, "middle", SIZE, MUTED))
        return document(parts, WIDTH, height)


@dataclass(frozen=True)
class _Numbers:
    """Numbers beside a vertical scale, with their font size and the width of the longest in pixels."""

    ticks: list[Tick]
    size: float
    longest: float

    @classmethod
    def of(cls, plane: Plane, scale: Scale) -> _Numbers:
        ticks, size = plane.ticks(scale), SIZE if plane.rows else SMALL
        return cls(ticks, size, max((wide(tick.text, size) for tick in ticks), default=0.0))


def _room(plane: Plane, beside: _Numbers) -> float:
    """Return the width of a plane's numbers and label to its left, in pixels."""
    lines = len(plane.label.split("\n")) if plane.label else 0
    return 8 + LINE * lines + ASIDE * (1 + (lines > 0)) + beside.longest


def _plane(plane: Plane, across: Scale, scale: Scale, ticks: list[Tick], beside: _Numbers) -> str:
    """Return a plane: its grid, marks, edge, numbers, label and names."""
    left, right, bottom, top = across.start, across.stop, scale.start, scale.stop
    size = beside.size
    lines = [f"M{float(across(t.at)):.1f} {top}V{bottom}" for t in ticks] if plane.grid else []
    if plane.grid and not plane.rows:
        lines += [f"M{left:.1f} {float(scale(t.at)):.1f}H{right:.1f}" for t in beside.ticks]
    edge = f"M{left:.1f} {top}V{bottom}H{right:.1f}"
    return "".join(
        [
            f'<path d="{"".join(lines)}" stroke="{GRID}" stroke-width="0.8"/>' if lines else "",
            *(mark.shape(across(mark.x), scale(mark.y)) for mark in plane.marks),
            f'<path d="{edge}" fill="none" stroke="{MUTED}" stroke-width="0.6"/>',
            *(
                text(left - ASIDE, float(scale(t.at)) + 0.35 * size, t.text, "end", size, MUTED)
                for t in beside.ticks
            ),
            _label(plane.label, left - 2 * ASIDE - beside.longest, (top + bottom) / 2),
            legend(plane, across, scale),
        ]
    )


def _label(label: str, right: float, middle: float) -> str:
    """Return the upright label of a vertical scale, its last line next to the numbers."""
    lines = label.split("\n") if label else []
    return "".join(
        f'<g transform="translate({right - 4 - LINE * after:.1f} {middle:.1f}) rotate(-90)">'
        f"{text(0, 0, line, 'middle', SIZE, MUTED)}</g>"
        for after, line in enumerate(reversed(lines))
    )
