"""Table of the sources of the active return, from the unlimited forecast to what was earned after costs."""

from __future__ import annotations

import math
from typing import Any

from backtest.active.sources import GROSS, NET, SAME_RISK
from pipeline.report.formats import label, number, percent
from pipeline.stages.results import Evaluated

TEXTS = {
    "unlimited": "the forecast without limits and costs, in the size that it asks for",
    "size": "size: the active risk that was taken instead",
    SAME_RISK: "= the forecast without limits and costs, at the active risk taken",
    "limits": "limits of the allocator",
    "trading": "trading less because of costs",
    "strategy": "what the strategy does otherwise",
    GROSS: "= active return before costs",
    "cost": "cost, above that of no forecast",
    NET: "= active return after costs",
}
"""Row of each source and subtotal, in their order."""
SUBTOTALS = {"unlimited": "unlimited", SAME_RISK: "same_risk", GROSS: "traded"}
"""Link of the chain whose risk and information ratio stand beside a row."""


def active_rows(done: Evaluated) -> list[str]:
    """Return the sources and subtotals of a run, in their order."""
    return [name for name in TEXTS if name in done.active_return["sources"]]


def active_table(done: Evaluated) -> dict[str, Any]:
    """Return headings and rows: a year's mean, its standard error and t, and risk of the portfolios on the way."""
    found, rows = done.active_return, []
    for name in active_rows(done):
        source, link = found["sources"][name], found["links"].get(SUBTOTALS.get(name))
        risk, ratio = "", ""
        if link is not None:
            risk, ratio = percent(link["active_risk"]), number(link["information_ratio"])
        cells = [
            percent(source["mean"], 2),
            percent(source["stderr"], 2),
            number(source["t"], 1),
            risk,
            ratio,
        ]
        rows.append((TEXTS[name], cells))
    heads = ["a year", "std. error", "t", "active risk", "information ratio"]
    return {"heads": heads, "rows": rows}


def describe_transfer(done: Evaluated) -> str:
    """Describe how much of the forecast the traded portfolio holds, and how wide and how well sized it is."""
    found, held = done.active_return, done.transfer[done.chosen]
    taken, breadth, size = found["links"]["traded"], found["implied_breadth"], found["fair_size"]
    text = (
        f"The {label(done.chosen)} portfolio holds the forecast of {found['forecast']} with a mean transfer "
        f"coefficient of {number(held['transfer_coefficient'])}: 1 would be all of it, at the same active risk. Its "
        f"active risk is spread like {number(held['effective_bets'], 1)} independent bets. Expected active risk was "
        f"{percent(taken['expected_active_risk'])} a year, realised {percent(taken['active_risk'])}."
    )
    if math.isfinite(breadth):
        text += f" By the fundamental law, the forecast made {number(breadth, 0)} independent bets a year."
    if math.isfinite(size):
        text += (
            f" Without limits and costs, {number(size)} times the size that the forecast asked for would have been "
            "best."
        )
    return text
