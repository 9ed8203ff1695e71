"""Tables of the board, as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.skill.pooling import Pooled
from benchmarks.skill.replay import BASELINES, Outcome

_HEADER = (
    "| Panel | gain, % | t | z | over 1/N, % | t | IR | TC | turnover | cost, % | Sharpe | without |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)
SIGNIFICANT = 0.05


def format_table(outcomes: Sequence[Outcome], pooled: Mapping[str, Pooled]) -> str:
    """Return one row per panel: gains over `no_forecast` and 1/N in percent a year, net of costs, and their makings."""
    rows = [_HEADER]
    for each in outcomes:
        if each.failure:
            rows.append(f"| {each.panel} | failed: {' '.join(each.failure.split())} |")
            continue
        m = each.measures
        z = pooled["no_forecast"].panels[each.panel]
        worse = " (worse)" if m["p_less"] < SIGNIFICANT else ""
        rows.append(
            f"| {each.panel} | {100 * m['gain']:+.2f}{worse} | {m['t']:.1f} | {z:.1f} | "
            f"{100 * m['gain_equal_weight']:+.2f} | {m['t_equal_weight']:.1f} | {m['information_ratio']:.2f} | "
            f"{m['transfer']:.2f} | {m['turnover']:.2f} | {100 * m['cost']:.2f} | {m['sharpe']:.2f} | "
            f"{m['sharpe_no_forecast']:.2f} |"
        )
    return "\n".join(rows)


def format_summary(
    done: Sequence[Outcome], pooled: Mapping[str, Pooled], corrected: Mapping[str, float], tried: int
) -> str:
    """Return what all panels say together."""

    def column(key: str) -> np.ndarray:
        return np.array([each.measures[key] for each in done])

    worse = [each.panel for each in done if each.measures["p_less"] < SIGNIFICANT]
    lines = [
        f"mean gain {100 * column('gain').mean():+.2f} %, median turnover {np.median(column('turnover')):.2f}, "
        f"mean TC {np.nanmean(column('transfer')):.2f}, mean IR {np.nanmean(column('information_ratio')):.2f}; "
        f"significantly negative: {', '.join(worse) or 'none'}"
    ]
    for base, words in zip(BASELINES, ("no_forecast", "1/N"), strict=True):
        one = pooled[base]
        lines.append(
            f"pooled over {words}: z {one.z:.2f}, p {one.p:.2g}; {corrected[base]:.2g} corrected for {tried} variants "
            f"({len(done)} panels, {one.blocks} calendar blocks)"
        )
    return "\n".join(lines)


def format_ledger(
    records: Sequence[Mapping[str, Any]], tried: int, correct: Callable[[float, int], float]
) -> str:
    """Return one row per record of the ledger; p-values are corrected for the number of variants that were tried."""
    rows = [
        "| Variant | forecast | panels | mean gain, % | worse | median turnover | mean TC | z | p | corrected | "
        "z over 1/N | p | corrected |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    ]
    for record in records:
        done = [panel for panel in record["panels"].values() if "failure" not in panel]
        gain, turnover, transfer, p_less = (
            np.array([np.nan if (value := panel[key]) is None else value for panel in done])
            for key in ("gain", "turnover", "transfer", "p_less")
        )
        rows.append(
            f"| {record['name']} | {record['forecast']} | {len(done)} | {100 * gain.mean():+.2f} | "
            f"{(p_less < SIGNIFICANT).sum()} | {np.median(turnover):.2f} | {np.nanmean(transfer):.2f} | "
            + " | ".join(_format_pooled(record["pooled"][base], tried, correct) for base in BASELINES)
            + " |"
        )
    return "\n".join(rows)


def _format_pooled(found: Mapping[str, Any], tried: int, correct: Callable[[float, int], float]) -> str:
    z = np.nan if found["z"] is None else found["z"]
    return f"{z:.2f} | {found['p']:.2g} | {correct(found['p'], tried):.2g}"
