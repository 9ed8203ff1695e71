"""Chart of the active return: from the forecast at the active risk that was taken to what is left after costs."""

from __future__ import annotations

import numpy as np

from backtest.active.sources import GROSS, NET, SAME_RISK
from pipeline.report.charts.colours import LOSS, MINE, OTHER
from pipeline.report.charts.layout import Chart
from pipeline.report.charts.planes import Plane
from pipeline.report.charts.scales import reach
from pipeline.stages.results import Evaluated

_ROWS = {
    SAME_RISK: "forecast, same active risk",
    "limits": "limits",
    "trading": "trading less",
    "strategy": "strategy",
    GROSS: "before costs",
    "cost": "cost",
    NET: "after costs",
}
"""Name of each bar, from the top."""


def draw_active(done: Evaluated) -> Chart:
    """Draw each source from where the one before it ends, and each subtotal from 0 with its 95 % interval."""
    sources = done.active_return["sources"]
    names = [name for name in _ROWS if name in sources][::-1]
    mean, error = (np.array([100 * sources[name][key] for name in names]) for key in ("mean", "stderr"))
    begin, end = np.zeros(len(names)), np.nan_to_num(mean)
    total = 0.0
    for row in reversed(range(len(names))):
        if names[row] not in (SAME_RISK, GROSS, NET):
            begin[row], end[row] = total, total + end[row]
        total = end[row]
    plane = Plane(12 + 26 * len(names), rows=[_ROWS[name] for name in names])
    whole = np.array([name in (SAME_RISK, GROSS, NET) for name in names])
    rows = np.arange(len(names))
    for colour, own in ((MINE, whole), (OTHER, ~whole & (end >= begin)), (LOSS, ~whole & (end < begin))):
        plane.boxes((begin[own], end[own]), (rows[own] - 0.32, rows[own] + 0.32), colour)
    low, high = mean - 1.96 * error, mean + 1.96 * error
    for row in rows[whole]:
        plane.line([low[row], high[row]], [row, row], "#1f2933", 1.3)
    plane.upright(0)
    drawn = [begin, end, low[whole], high[whole], np.zeros(1)]
    return Chart([plane], label="active return against no forecast, % a year", limits=reach(drawn, 0.03))
