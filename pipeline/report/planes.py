"""Planes: marks in the data's own units over one vertical scale, drawn once the scale is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from foundation.types import Floats
from pipeline.report import svg
from pipeline.report.scales import Scale, Tick, even, ratios, reach

TICK = 36
"""Pixels between numbers beside a scale, at least."""
MOST = 300
"""Pixels of a name: of longer ones the beginning is written."""


@dataclass(frozen=True)
class Mark:
    """Something drawn: where it is in data, and what it is as SVG at given pixels.

    What it covers (`covered`) are boxes, shape (2, n) each: its own, or those around neighbouring points of a line.
    """

    x: Floats
    y: Floats
    shape: Callable[[Floats, Floats], str]
    joined: bool = True

    def covered(self) -> tuple[Floats, Floats]:
        """Return two opposite corners of each box, in data."""
        if self.x.ndim == 2:
            return self.x, self.y
        if not self.joined or self.x.size == 1:
            return np.stack([self.x, self.x]), np.atleast_2d(self.y)[[0, -1]]
        y = np.atleast_2d(self.y)
        y = np.concatenate([y[:, :-1], y[:, 1:]])
        return np.stack([self.x[:-1], self.x[1:]]), np.stack([y.min(axis=0), y.max(axis=0)])


@dataclass
class Plane:
    """One vertical scale of a chart, and what is drawn over it. What is drawn later lies on top.

    Parameters
    ----------
    height : float
        Pixels.
    label : str
        Beside the scale; lines end in a newline.
    log : bool
        Whether the scale is that of logarithms.
    limits : tuple of float, optional
        Ends of the scale; by default those of the marks and a twentieth more.
    rows : sequence of str
        Names of 0, 1, ... from below, written instead of numbers; longer ones than `MOST` are cut, as in a legend.
    grid : bool
        Whether lines go through the numbers.
    legend : str
        Where the names of marks are: in the "free" corner, in a "row" at the top, or "beside" the plane.
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
    """Each named mark, and what stands before its name in the legend: SVG, 20 pixels wide, around height 0."""

    def line(
        self, x: ArrayLike, y: ArrayLike, colour: str, width: float = 1.3, name: str = "", step: bool = False
    ) -> None:
        """Draw a line through points, with gaps where there is no number.

        If `step`, a value holds from the point before up to its own.
        """
        if step:
            x, y = np.repeat(x, 2)[:-1], np.repeat(y, 2)[1:]
        self._add(x, y, partial(svg.line, colour=colour, width=width))
        self._name(name, f'<path d="M0 0h20" stroke="{colour}" stroke-width="{width}"/>')

    def area(
        self, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str, name: str = "", step: bool = False
    ) -> None:
        """Fill what is between two lines, but where there is no number; `step` is that of a line."""
        y = np.stack(np.broadcast_arrays(low, high, x)[:2])
        if step:
            x, y = np.repeat(x, 2)[:-1], np.repeat(y, 2, axis=1)[:, 1:]
        self._add(x, y, partial(svg.area, colour=colour))
        self._name(name, _patch(colour))

    def boxes(
        self, x: tuple[ArrayLike, ArrayLike], y: tuple[ArrayLike, ArrayLike], colour: str, name: str = ""
    ) -> None:
        """Fill boxes from and to these numbers; up to infinity is up to the end of the scale."""
        ends = np.broadcast_arrays(*map(np.atleast_1d, (*x, *y)))
        self._add(np.stack(ends[:2]), np.stack(ends[2:]), partial(svg.boxes, colour=colour))
        self._name(name, _patch(colour))

    def dots(self, x: ArrayLike, y: ArrayLike, colour: str, radius: float = 4, name: str = "") -> None:
        """Draw a dot at each point."""
        shape = partial(svg.dots, colour=colour, radius=radius)
        self._add(np.atleast_1d(x), np.atleast_1d(y), shape, joined=False)
        self._name(name, f'<circle cx="10" r="{radius}" fill="{colour}"/>')

    def level(self, value: float) -> None:
        """Draw a thin line across at this number."""
        self.line([-np.inf, np.inf], [value, value], svg.MUTED, 0.8)

    def upright(self, value: float) -> None:
        """Draw a thin line from below to the top at this number."""
        self.line([value, value], [-np.inf, np.inf], svg.MUTED, 0.8)

    def scale(self, bottom: float, top: float) -> Scale:
        """Return the vertical scale between these pixels."""
        if self.rows:
            return Scale(-0.6, len(self.rows) - 0.4, bottom, top)
        limits = self.limits or reach((mark.y for mark in self.marks), 0.05, self.log)
        return Scale(*limits, bottom, top, self.log)

    def ticks(self, scale: Scale) -> list[Tick]:
        """Return what is written beside the scale."""
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
    """Return what stands for an area in a legend, with an edge so that it is seen on its own ground."""
    return f'<path d="M0 -4.5h20v9h-20z" fill="{colour}" stroke="{svg.MUTED}" stroke-width="0.4"/>'
