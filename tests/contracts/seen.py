"""What a reader sees of a chart: planes, numbers beside them, and what is drawn, read back from the SVG into data."""

import re
from xml.etree import ElementTree

import numpy as np

from pipeline.report.charts.layout import WIDTH
from pipeline.report.charts.svg import MUTED, SMALL, wide

NAMED = "{http://www.w3.org/2000/svg}"


def points_of(path):
    """Return the points of each piece of a path, shape (n, 2)."""
    pieces = []
    for letter, numbers in re.findall("([MLHVZhz])([^MLHVZhz]*)", path):
        if letter == "M":
            pieces.append([])
        given = [float(number) for number in re.findall(r"[-0-9.e]+", numbers)]
        x, y = pieces[-1][-1] if pieces[-1] else (np.nan, np.nan)
        if letter in "HV":
            given = [given[0], y] if letter == "H" else [x, given[0]]
        if letter in "MLHV":
            pieces[-1].append(given)
    return [np.array(piece) for piece in pieces]


class Seen:
    """A chart as it is seen.

    Attributes
    ----------
    planes : list of tuple
        (left, top, right, bottom) of each, in pixels.
    words : list of tuple
        (x, y, anchor, content) of all that is written level and in no legend.
    names, places : dict
        Of each name in a legend the colour of what stands before it, and where it stands.
    labels : list of str
        What is written upright.
    """

    def __init__(self, svg, dated=True):
        self.dated = dated
        self.root = ElementTree.fromstring(svg)
        self.paths = [p for p in self.root if p.tag == f"{NAMED}path"]
        self.planes = []
        for path in self.paths:
            if path.get("stroke") == MUTED and path.get("stroke-width") == "0.6":
                (edge,) = points_of(path.get("d"))
                self.planes.append((edge[0, 0], edge[0, 1], edge[2, 0], edge[2, 1]))
        self.words = [
            (float(t.get("x")), float(t.get("y")), t.get("text-anchor"), t.text)
            for t in self.root
            if t.tag == f"{NAMED}text"
        ]
        self.names, self.places = {}, {}
        for group in self.root.iter(f"{NAMED}g"):
            text = group.find(f"{NAMED}text")
            swatch = next((part for part in group if part.tag != f"{NAMED}text"), None)
            if "rotate" not in group.get("transform"):
                look = {} if swatch is None else swatch.attrib
                self.names[text.text] = look.get("fill") or look.get("stroke")
                self.places[text.text] = tuple(map(float, re.findall(r"[-0-9.]+", group.get("transform"))))
        self.labels = [
            g.find(f"{NAMED}text").text for g in self.root.iter(f"{NAMED}g") if "rotate" in g.get("transform")
        ]

    def beside(self, k=0):
        """Return what is written beside a plane and at which height, from below."""
        left, top, _, bottom = self.planes[k]
        found = [
            (y - 0.35 * SMALL, content)
            for x, y, anchor, content in self.words
            if anchor == "end" and abs(x - (left - 7)) < 0.11 and top - 8 <= y <= bottom + 8
        ]
        return sorted(found, reverse=True)

    def below(self):
        """Return what is written below the planes and where, from the left."""
        bottom = self.planes[-1][3]
        return [
            (x, content) for x, y, anchor, content in self.words if anchor == "middle" and y == bottom + 17
        ]

    def across(self, x):
        """Return what pixels mean by the numbers or dates below; dates as days since 1970."""
        # The last number may have been moved into the picture.
        result = [
            (at, _day(text) if self.dated else _number(text))
            for at, text in self.below()
            if at + wide(text, SMALL) / 2 < WIDTH - 2.5
        ]
        return np.polyval(np.polyfit(*np.transpose(result), 1), x)

    def up(self, y, k=0, log=False):
        """Return what pixels mean by the numbers beside a plane."""
        at, values = np.transpose([(at, _number(text)) for at, text in self.beside(k)])
        found = np.polyval(np.polyfit(at, np.log(values) if log else values, 1), y)
        return np.exp(found) if log else found

    def drawn(self, colour, k=0, look="stroke", log=False):
        """Return the pieces drawn in a colour over a plane, each as (x, y) in data."""
        _, top, _, bottom = self.planes[k]
        found = []
        for path in self.paths:
            for piece in points_of(path.get("d")) if path.get(look) == colour else []:
                inside = (piece[:, 1] >= top - 0.1) & (piece[:, 1] <= bottom + 0.1)
                if inside.all():
                    found.append((self.across(piece[:, 0]), self.up(piece[:, 1], k, log)))
        return found

    def dots(self, colour):
        """Return the dots of a colour outside of legends, in data, shape (n, 2)."""
        found = [c for c in self.root if c.tag == f"{NAMED}circle" and c.get("fill") == colour]
        return np.array([(self.across(float(c.get("cx"))), float(c.get("cy"))) for c in found]).reshape(-1, 2)


def _day(text):
    return float(np.datetime64(text, "D").astype(int))


def _number(text):
    return float(text.replace("−", "-"))
