"""Planes: marks in data coordinates over one vertical scale, drawn once the scale is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from foundation.types import Floats
from pipeline.report.charts import svg
from pipeline.report.charts.scales import Scale, Tick, even, ratios, reach

TICK = 36
"""Minimum distance between numbers beside a scale, in pixels."""
MOST = 300
"""Maximum width of a name, in pixels; longer ones are cut."""


@dataclass(frozen=True)
class Mark:
    """A mark: its data coordinates, and a function that draws it as SVG at given pixels.

    The boxes that it covers (`covered`), shape (2, n) each, are its own boxes, or those around neighbouring points of a
    line.
    """

    x: Floats
    y: Floats
    shape: Callable[[Floats, Floats], str]
    joined: bool = True

    def covered(self) -> tuple[Floats, Floats]:
        """Return two opposite corners of each box, in data coordinates."""
        if self.x.ndim == 2:
            return self.x, self.y
        if not self.joined or self.x.size == 1:
            return np.stack([self.x, self.x]), np.atleast_2d(self.y)[[0, -1]]
        y = np.atleast_2d(self.y)
        y = np.concatenate([y[:, :-1], y[:, 1:]])
        return np.stack([self.x[:-1], self.x[1:]]), np.stack([y.min(axis=0), y.max(axis=0)])


@dataclass
class Plane:
    """One vertical scale of a chart with its marks. Later marks lie on top.

    Parameters
    ----------
    height : float
        In pixels.
    label : str
        Label beside the scale; lines end in a newline.
    log : bool
        Whether the scale is logarithmic.
    limits : tuple of float, optional
        Ends of the scale; by default those of the marks plus a margin of a twentieth.
    rows : sequence of str
        Names of 0, 1, ... from below, written instead of numbers. Names longer than `MOST` are cut, as in a legend.
    grid : bool
        Whether to draw lines through the numbers.
    legend : str
        Position of the names of marks: in the "free" corner, in a "row" at the top, or "beside" the plane.
    """

    height: float
    label: str = ""
    log: bool = False
    limits: tuple[float, float] | None = None
    rows: Sequence[str] = ()
    grid: bool = True
    legend: str = "free"
    marks: list[Mark] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)
    """Names of marks, each with its swatch in the legend: SVG, 20 pixels wide, centred at height 0."""

    def line(
        self, x: ArrayLike, y: ArrayLike, colour: str, width: float = 1.3, name: str = "", step: bool = False
    ) -> None:
        """Draw a line through points, with gaps at NaN.

        If `step`, a value holds from the previous point up to its own.
        """
        if step:
            x, y = np.repeat(x, 2)[:-1], np.repeat(y, 2)[1:]
        self._add(x, y, partial(svg.line, colour=colour, width=width))
        self._name(name, f'<path d="M0 0h20" stroke="{colour}" stroke-width="{width}"/>')

    def area(
        self, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str, name: str = "", step: bool = False
    ) -> None:
        """Fill the area between two lines, with gaps at NaN; `step` as for a line."""
        y = np.stack(np.broadcast_arrays(low, high, x)[:2])
        if step:
            x, y = np.repeat(x, 2)[:-1], np.repeat(y, 2, axis=1)[:, 1:]
        self._add(x, y, partial(svg.area, colour=colour))
        self._name(name, _patch(colour))

    def boxes(
        self, x: tuple[ArrayLike, ArrayLike], y: tuple[ArrayLike, ArrayLike], colour: str, name: str = ""
    ) -> None:
        """Fill boxes between these coordinates; infinity extends to the end of the scale."""
        ends = np.broadcast_arrays(*map(np.atleast_1d, (*x, *y)))
        self._add(np.stack(ends[:2]), np.stack(ends[2:]), partial(svg.boxes, colour=colour))
        self._name(name, _patch(colour))

    def dots(self, x: ArrayLike, y: ArrayLike, colour: str, radius: float = 4, name: str = "") -> None:
        """Draw a dot at each point."""
        shape = partial(svg.dots, colour=colour, radius=radius)
        self._add(np.atleast_1d(x), np.atleast_1d(y), shape, joined=False)
        self._name(name, f'<circle cx="10" r="{radius}" fill="{colour}"/>')

    def level(self, value: float) -> None:
        """Draw a thin horizontal line at this value."""
        self.line([-np.inf, np.inf], [value, value], svg.MUTED, 0.8)

    def upright(self, value: float) -> None:
        """Draw a thin vertical line over the full height at this value."""
        self.line([value, value], [-np.inf, np.inf], svg.MUTED, 0.8)

    def scale(self, bottom: float, top: float) -> Scale:
        """Return the vertical scale between these pixels."""
        if self.rows:
            return Scale(-0.6, len(self.rows) - 0.4, bottom, top)
        limits = self.limits or reach((mark.y for mark in self.marks), 0.05, self.log)
        return Scale(*limits, bottom, top, self.log)

    def ticks(self, scale: Scale) -> list[Tick]:
        """Return the ticks beside the scale."""
        if self.rows:
            return [Tick(row, svg.short(name, MOST)) for row, name in enumerate(self.rows)]
        return (ratios if self.log else even)(scale.low, scale.high, max(2, int(self.height / TICK)))

    def _add(
        self, x: ArrayLike, y: ArrayLike, shape: Callable[[Floats, Floats], str], *, joined: bool = True
    ) -> None:
        self.marks.append(Mark(np.asarray(x, dtype=float), np.asarray(y, dtype=float), shape, joined))

    def _name(self, name: str, swatch: str) -> None:
        if name:
            self.names.append((svg.short(name, MOST), swatch))


def _patch(colour: str) -> str:
    """Return the swatch of an area in a legend, with an edge so that it is visible on its own colour."""
    return f'<path d="M0 -4.5h20v9h-20z" fill="{colour}" stroke="{svg.MUTED}" stroke-width="0.4"/>'
