"""Page of an examination: one HTML file with facts, findings and small plots, without scripts."""

from __future__ import annotations

import jinja2
import numpy as np

from foundation.types import Floats
from market.values.grid import Grid
from pipeline.file_check.examination import Examination
from pipeline.file_check.terminal import list_facts, shorten_message, summarise_severities
from pipeline.report.charts.colours import LOSS, MINE, OTHER
from pipeline.report.charts.layout import Chart
from pipeline.report.charts.planes import Plane
from pipeline.report.charts.scales import calendar

_PLOTS = 16
"""Assets that are drawn at most; those with findings come first."""
_POINTS = 800
_ORDER = ("fatal", "warning", "note")


def render_examination(done: Examination) -> str:
    """Return an examination as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    found = sorted(done.findings, key=lambda finding: _ORDER.index(finding.severity))
    drawn = _choose_assets(done)
    return environment.get_template("check.html").render(
        title=done.label.rpartition("/")[2] or done.label,
        facts=list_facts(done),
        summary=summarise_severities(done.findings),
        exit_code=done.exit_code,
        findings=[(f, shorten_message(done, f.message)) for f in found],
        listed=_draw_listed(done) if len(done.dates) > 1 else "",
        levels=_draw_levels(done, drawn) if len(done.dates) > 1 and drawn else "",
        shown=len(drawn),
        n_assets=len(done.assets),
    )


def _choose_assets(done: Examination) -> list[str]:
    """Return the assets to draw: those of fatal findings and warnings first."""
    ranked = sorted(done.findings, key=lambda finding: _ORDER.index(finding.severity))
    named = [f.asset for f in ranked if f.asset in done.assets and f.severity != "note"]
    return [name for name in dict.fromkeys([*named, *done.assets]) if name is not None][:_PLOTS]


def _thin(count: int) -> Floats:
    """Return the rows of a line's points."""
    return np.unique(np.linspace(0, count - 1, min(count, _POINTS)).round().astype(np.int64))


def _days(grid: Grid) -> Floats:
    return np.asarray(grid.dates.to_numpy().astype("datetime64[D]").astype(np.float64))


def _draw_listed(done: Examination) -> str:
    """Return the chart of the number of assets with a value."""
    if done.inputs is None:
        return ""
    rows, days = _thin(len(done.dates)), _days(done.inputs.grid)
    count = np.isfinite(done.values).sum(axis=1)[rows].astype(np.float64)
    plane = Plane(70, "assets with\na value", limits=(0.0, max(1.0, float(len(done.assets)) * 1.05)))
    plane.area(days[rows], 0.0, count, OTHER)
    return Chart([plane], calendar).svg()


def _draw_levels(done: Examination, names: list[str]) -> str:
    """Return the small plots of levels, with a dot at the first date of each finding."""
    if done.inputs is None:
        return ""
    days = _days(done.inputs.grid)
    planes = []
    for name in names:
        level = _level(done, name)
        plane = Plane(58, name if len(name) <= 12 else f"{name[:11]}…", log=bool(np.nanmin(level) > 0))
        rows = _thin(len(level))
        plane.line(days[rows], level[rows], MINE, 1.1)
        for finding in done.findings:
            if finding.asset == name and finding.date is not None and finding.severity != "note":
                row = int(np.clip(done.dates.searchsorted(finding.date), 0, len(level) - 1))
                plane.dots(days[row], level[row], LOSS, 3.5)
        planes.append(plane)
    return Chart(planes, calendar).svg()


def _level(done: Examination, name: str) -> Floats:
    """Return prices, or the wealth of one unit that earns the returns; NaN where there is none."""
    column = done.values[:, done.assets.index(name)]
    values = np.where(np.isinf(column), np.nan, column)
    if done.inputs is not None and done.inputs.kind == "returns":
        wealth = np.cumprod(1.0 + np.nan_to_num(values))
        return np.asarray(np.where(np.isfinite(values), wealth, np.nan))
    return np.asarray(values)
