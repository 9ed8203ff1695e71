"""SVG: convert points in pixels to paths, dots and text."""

from __future__ import annotations

import itertools
import re
import unicodedata
from html import escape

import numpy as np
from numpy.typing import NDArray

from foundation.types import Floats

INK, MUTED, GRID = "#1f2933", "#616e7c", "#e4e7eb"
SIZE, SMALL = 13, 11.5
"""Font sizes in pixels: of names, and of numbers beside axes."""
FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML 1.0 does not allow."""


def document(parts: list[str], width: float, height: float) -> str:
    """Return a self-contained SVG element: no script, no style sheet, no font."""
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">'
    return head + "".join(parts) + "</svg>"


def text(
    x: float, y: float, content: str, anchor: str = "start", size: float = SIZE, colour: str = INK
) -> str:
    """Return text that starts, ends or is centred at x, with its baseline at y."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"'
    return f"<text {place}>{escape(CONTROL.sub('?', content))}</text>"


def wide(name: str, size: float = SIZE) -> float:
    """Return the approximate width of a name in pixels, rounded up since fonts depend on the reader."""
    return size * sum(map(_em, name))


def _em(letter: str) -> float:
    if letter in "MWmw@%" or unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    if letter in "Iijlft|.,:;'!()[] ":
        return 0.42
    return 0.8 if letter.isupper() else 0.62


def short(name: str, most: float, size: float = SIZE) -> str:
    """Return a name of at most `most` pixels, cut if it is longer."""
    if wide(name, size) <= most:
        return name
    widths = np.cumsum([size * _em(letter) for letter in name])
    return name[: int(np.searchsorted(widths, most - size))] + "…"


def line(x: Floats, y: Floats, colour: str, width: float) -> str:
    """Return a line through points, shape (n,), with a gap at NaN."""
    known = np.isfinite(x) & np.isfinite(y)
    # A single point becomes a dot: a stroke of length 0 with round ends.
    path = "".join(_points(x[a:b], y[a:b]) + "h0" * (b - a == 1) for a, b in _runs(known))
    look = f'fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round"'
    return f'<path d="{path}" {look}/>'


def area(x: Floats, y: Floats, colour: str) -> str:
    """Return the area between the two rows of y, shape (2, n), with a gap at NaN."""
    path = "".join(
        _points(np.r_[x[a:b], x[a:b][::-1]], np.r_[y[0, a:b], y[1, a:b][::-1]]) + "Z"
        for a, b in _runs(np.isfinite(x) & np.isfinite(y[0]) & np.isfinite(y[1]))
    )
    return f'<path d="{path}" fill="{colour}"/>'


def boxes(x: Floats, y: Floats, colour: str) -> str:
    """Return boxes between the two rows of x and of y, shapes (2, n), without those with NaN."""
    known = np.isfinite(x).all(axis=0) & np.isfinite(y).all(axis=0)
    # Edges are rounded, not widths: neighbours touch without overlap.
    x, y = np.sort(x[:, known], axis=0).round(1), np.sort(y[:, known], axis=0).round(1)
    path = "".join(
        f"M{left:g} {top:g}H{right:g}V{bottom:g}H{left:g}z"
        for left, right, top, bottom in zip(*x.tolist(), *y.tolist(), strict=True)
    )
    return f'<path d="{path}" fill="{colour}"/>'


def dots(x: Floats, y: Floats, colour: str, radius: float) -> str:
    """Return a dot at each point, shapes (n,), without those with NaN."""
    known = np.isfinite(x) & np.isfinite(y)
    return "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius}" fill="{colour}"/>'
        for a, b in zip(x[known].tolist(), y[known].tolist(), strict=True)
    )


def _runs(known: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and end of each run of true values."""
    edges = np.flatnonzero(np.diff(np.r_[False, known, False])).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _points(x: Floats, y: Floats) -> str:
    """Return a path through points to a tenth of a pixel, without the inner points of a level stretch."""
    x, y = x.round(1), y.round(1)
    same = y[1:] == y[:-1]
    keep = ~(np.r_[False, same] & np.r_[same, False])
    points = list(zip(x[keep].tolist(), y[keep].tolist(), strict=True))
    steps = [
        f"H{x:g}" if y == before else f"V{y:g}" if x == behind else f"L{x:g} {y:g}"
        for (behind, before), (x, y) in itertools.pairwise(points)
    ]
    return "M{:g} {:g}".format(*points[0]) + "".join(steps)
