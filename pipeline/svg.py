"""SVG: points in pixels to paths, dots and words."""

from __future__ import annotations

import itertools
import unicodedata
from html import escape

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

INK, MUTED, GRID = "#1f2933", "#616e7c", "#e4e7eb"
SIZE, SMALL = 13, 11.5
"""Pixels of letters: of names, and of numbers beside axes."""
FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"


def document(parts: list[str], width: float, height: float) -> str:
    """Return an SVG element that needs nothing else: no script, no style sheet, no font."""
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">'
    return head + "".join(parts) + "</svg>"


def text(
    x: float, y: float, content: str, anchor: str = "start", size: float = SIZE, colour: str = INK
) -> str:
    """Return words that start, end or have their middle at x, and stand on y."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"'
    return f"<text {place}>{escape(content)}</text>"


def wide(name: str, size: float = SIZE) -> float:
    """Return about how many pixels a name takes, rather too many: fonts are the reader's."""
    return size * sum(1.1 if unicodedata.east_asian_width(letter) in "WF" else 0.6 for letter in name)


def line(x: Floats, y: Floats, colour: str, width: float) -> str:
    """Return a line through points, shape (n,), with a gap where there is no number."""
    known = np.isfinite(x) & np.isfinite(y)
    # A point alone becomes a dot: a stroke of no length with round ends.
    path = "".join(_points(x[a:b], y[a:b]) + "h0" * (b - a == 1) for a, b in _runs(known))
    look = f'fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round"'
    return f'<path d="{path}" {look}/>'


def area(x: Floats, y: Floats, colour: str) -> str:
    """Return what is between the two rows of y, shape (2, n), but where there is no number."""
    path = "".join(
        _points(np.r_[x[a:b], x[a:b][::-1]], np.r_[y[0, a:b], y[1, a:b][::-1]]) + "Z"
        for a, b in _runs(np.isfinite(y[0]) & np.isfinite(y[1]))
    )
    return f'<path d="{path}" fill="{colour}"/>'


def boxes(x: Floats, y: Floats, colour: str) -> str:
    """Return boxes between the two rows of x and of y, shapes (2, n), but where there is no number."""
    known = np.isfinite(x).all(axis=0) & np.isfinite(y).all(axis=0)
    x, y = x[:, known], y[:, known]
    left, top, across, down = x.min(axis=0), y.min(axis=0), np.ptp(x, axis=0), np.ptp(y, axis=0)
    path = "".join(
        f"M{a:.1f} {b:.1f}h{w:.1f}v{h:.1f}h{-w:.1f}z"
        for a, b, w, h in zip(left.tolist(), top.tolist(), across.tolist(), down.tolist(), strict=True)
    )
    return f'<path d="{path}" fill="{colour}"/>'


def dots(x: Floats, y: Floats, colour: str, radius: float) -> str:
    """Return a dot at each point, shapes (n,), but where there is no number."""
    known = np.isfinite(x) & np.isfinite(y)
    return "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius}" fill="{colour}"/>'
        for a, b in zip(x[known].tolist(), y[known].tolist(), strict=True)
    )


def _runs(known: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where each run of true values begins and ends."""
    edges = np.flatnonzero(np.diff(np.r_[False, known, False])).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _points(x: Floats, y: Floats) -> str:
    """Return a path through points to a tenth of a pixel, without those in the middle of a level stretch."""
    x, y = x.round(1), y.round(1)
    same = y[1:] == y[:-1]
    keep = ~(np.r_[False, same] & np.r_[same, False])
    points = list(zip(x[keep].tolist(), y[keep].tolist(), strict=True))
    steps = [
        f"H{x:g}" if y == before else f"V{y:g}" if x == behind else f"L{x:g} {y:g}"
        for (behind, before), (x, y) in itertools.pairwise(points)
    ]
    return "M{:g} {:g}".format(*points[0]) + "".join(steps)
