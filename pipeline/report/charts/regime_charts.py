"""Charts of the regime forecast: what it gained through time, and whether stated probabilities come true."""

from __future__ import annotations

import numpy as np

from foundation.types import Floats, Ints
from pipeline.report.charts.colours import LOSS, MINE, OTHER
from pipeline.report.charts.layout import Chart
from pipeline.report.charts.planes import Plane
from pipeline.report.charts.scales import calendar
from pipeline.report.charts.svg import MUTED
from pipeline.stages.scores.regimes import RegimeForecastScore


def draw_regime_forecast(score: RegimeForecastScore, days: Floats, starts: Floats, some: Ints) -> Chart:
    """Draw the log score saved by refit and cumulated over dates.

    Parameters
    ----------
    score : RegimeForecastScore
    days : ndarray of shape (D,)
        Dates of `score.positions`.
    starts : ndarray of shape (F,)
        First test date of each scored refit.
    some : ndarray of int
        Dates to draw.
    """
    top = Plane(150, "log score saved over\npersistence, by refit")
    bottom = Plane(200, "cumulated")
    gain = np.array([refit["persistence_log_score"] - refit["log_score"] for refit in score.by_refit])
    span = 0.85 * (np.diff(starts).min() if len(starts) > 1 else 300)
    for colour, own in ((MINE, gain >= 0), (LOSS, gain < 0)):
        top.boxes((starts[own], starts[own] + span), (0, gain[own]), colour)
    for plane in (top, bottom):
        plane.level(0)
    for name, colour in (("persistence", MINE), ("certain_persistence", OTHER)):
        total = np.cumsum(score.scores[name].log - score.scores["forecast"].log)
        bottom.line(days[some], total[some], colour, 1.8, f"over {name.replace('_', ' ')}")
    return Chart([top, bottom], calendar)


def draw_reliability(score: RegimeForecastScore) -> Chart:
    """Draw stated probabilities against observed shares, with 95 % intervals of a right forecast, and how often."""
    found = score.reliability
    top = Plane(300, "share in which\nthe state came", limits=(-0.02, 1.02))
    bottom = Plane(90, "share of\nforecasts, %")
    top.line([0, 1], [0, 1], MUTED, 0.8, "right forecast")
    for at, error in zip(found.stated, found.stderr, strict=True):
        top.line([at, at], [max(0, at - 1.96 * error), min(1, at + 1.96 * error)], OTHER, 5)
    top.line(found.stated, found.came, MINE, 1.3)
    top.dots(found.stated, found.came, MINE, 4.5, "forecast")
    share = 100 * found.count / max(1, found.count.sum())
    bottom.boxes((found.stated - 0.02, found.stated + 0.02), (0, share), OTHER)
    return Chart([top, bottom], label="probability stated", limits=(-0.02, 1.02))
