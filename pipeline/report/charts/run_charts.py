"""Charts of a run as SVG, drawn once for the report and for MLflow."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtest.performance import drawdown
from foundation.types import Floats
from pipeline.config import BASELINES
from pipeline.report.charts.active_chart import draw_active
from pipeline.report.charts.colours import BASE_COLOURS, COLOURS, LOSS, MINE, OTHER, mix_shade
from pipeline.report.charts.layout import Chart
from pipeline.report.charts.planes import Plane
from pipeline.report.charts.regime_charts import draw_regime_forecast, draw_reliability
from pipeline.report.charts.scales import calendar, reach
from pipeline.report.charts.svg import INK
from pipeline.report.formats import label
from pipeline.report.narrative import best_baseline
from pipeline.stages.results import Evaluated

POINTS = 1000
"""Maximum number of points of a line: more than a screen can show would only enlarge the page."""
NAMED = 22
"""Maximum number of names next to the weights; one more line gives the number of the others."""


def draw(done: Evaluated) -> dict[str, str]:
    """Return all charts of a run by name, each an SVG element."""
    return {name: chart(done).svg() for name, chart in CHARTS.items()}


def _days(done: Evaluated, positions: Any) -> Floats:
    """Return the dates of rows of the panel in days since 1970."""
    dates: NDArray[np.datetime64] = done.trained.prepared.panel.dates.to_numpy()[positions]
    return dates.astype("datetime64[s]").astype(np.float64) / 86400


def _thin(n: int) -> NDArray[np.int64]:
    """Return at most `POINTS` + 1 of n indices, evenly spaced and including the last."""
    return np.unique(np.r_[np.arange(0, n, max(1, -(-n // POINTS))), n - 1])


def _draw_wealth(done: Evaluated) -> Chart:
    """Wealth and drawdown of the traded portfolio against the baselines, after costs."""
    top, bottom = Plane(340, "wealth, start = 1, log scale", log=True), Plane(140, "drawdown, %")
    for name in (*BASELINES, done.chosen):
        result = done.results[name]
        wealth = np.r_[1.0, result.wealth]
        days = _days(done, np.r_[result.positions[0] - 1, result.positions])
        some = _thin(len(wealth))
        mine = name == done.chosen
        colour, width = (MINE, 2.2) if mine else (BASE_COLOURS[name], 1.3)
        top.line(days[some], wealth[some], colour, width, label(name))
        if mine or name == best_baseline(done.performance):
            # The worst value of the stretch that a point represents, so that no trough is lost.
            fall = np.minimum.reduceat(100 * drawdown(result.net), some)
            if mine:
                bottom.area(days[some], fall, 0.0, "#e0ebf5")
            bottom.line(days[some], fall, colour, width)
    return Chart([top, bottom], calendar)


def _draw_sharpe(done: Evaluated) -> Chart:
    """Net Sharpe ratio of every portfolio with its 95 % interval."""
    names = sorted(done.performance, key=lambda name: done.performance[name]["sharpe"])
    labels = [label(name) for name in names]
    value, error = (
        np.array([done.performance[name][what] for name in names]) for what in ("sharpe", "sharpe_se")
    )
    value[~np.isfinite(value)] = np.nan
    low, high = value - 1.96 * error, value + 1.96 * error
    plane = Plane(12 + 28 * len(names), rows=labels)
    plane.upright(0)
    for row, name in enumerate(names):
        colour = MINE if name == done.chosen else BASE_COLOURS.get(name, OTHER)
        plane.line([low[row], high[row]], [row, row], colour, 2)
        plane.dots(value[row], row, colour, 4.5)
    title = "annual Sharpe ratio after costs, with 95 % interval"
    return Chart([plane], label=title, limits=reach([low, high, np.zeros(1)], 0.03))


def _draw_weights(done: Evaluated) -> Chart:
    """Weights of the traded portfolio through time, largest on average at the bottom."""
    panel, result = done.trained.prepared.panel, done.results[done.chosen]
    every = 100 * np.column_stack([result.weights, result.cash_weight])
    names = [*panel.assets, "cash"]
    held = [i for i in np.argsort(-np.abs(every).mean(axis=0)) if np.abs(every[:, i]).max() > 1e-7]
    some = _thin(len(every))
    # The first weights are held from the previous close.
    days = _days(done, np.r_[result.positions[0] - 1, result.positions[some]])
    weights = every[np.r_[0, some]]
    thinned = "" if len(some) == len(every) else f", at one of {some[1]} dates"
    stacked = (every >= -1e-10).all()
    plane = Plane(370, f"weight, %{thinned}", legend="beside", limits=(0, 100) if stacked else None)
    below = np.zeros(len(days))
    for n, i in enumerate(held):
        colour = COLOURS[n % len(COLOURS)]
        if stacked:
            above = below + weights[:, i]
            # An asset that is not held has no height; drawing it would only enlarge the page.
            plane.area(days, below, np.where(above > below, above, np.nan), colour, names[i], step=True)
            below = above
        else:
            plane.line(days, weights[:, i], colour, 1.3, names[i], step=True)
    if len(held) > NAMED:
        plane.names[NAMED:] = [(f"and {len(held) - NAMED} more", "")]
    plane.names.reverse()
    return Chart([plane], calendar)


def _draw_regimes(done: Evaluated) -> Chart:
    """Draw the market under the regimes as classified at the time, and the anomaly score."""
    panel, regimes = done.trained.prepared.panel, done.trained.regimes
    classified = regimes.label >= 0
    first = int(np.argmax(classified)) if classified.any() else 0
    days, labels = _days(done, slice(first, None)), regimes.label[first:]
    wealth = np.cumprod(1 + np.nan_to_num(panel.market[first:]))
    top = Plane(310, "market, log scale", log=True, grid=False, legend="row")
    # Calm is green and turbulent red, by the centres of the first feature in the last fit.
    rank = np.argsort(np.argsort(regimes.centres[-1][:, 0]))
    starts = np.r_[0, np.flatnonzero(np.diff(labels)) + 1]
    stops = np.minimum(np.r_[starts[1:], len(labels)], len(days) - 1)
    for state in np.unique(labels[labels >= 0]):
        own = labels[starts] == state
        colour = mix_shade(rank[state] / max(1, len(rank) - 1))
        top.boxes((days[starts[own]], days[stops[own]]), (-np.inf, np.inf), colour, f"regime {state}")
    some = _thin(len(days))
    top.line(days[some], wealth[some], INK)
    bottom = Plane(125, "anomaly", limits=(0, 1.02))
    # The most unusual date of the stretch that a point represents; dates without a score are skipped.
    bottom.line(days[some], np.fmax.reduceat(regimes.anomaly[first:], some), "#b83280", 0.9)
    return Chart([top, bottom], calendar)


def _draw_regime_forecast(done: Evaluated) -> Chart:
    """Draw what the regime forecast gained over persistence."""
    score = done.regime_score
    starts = _days(done, [int(refit["first_test"]) for refit in score.by_refit])
    return draw_regime_forecast(score, _days(done, score.positions), starts, _thin(len(score.positions)))


def _draw_information(done: Evaluated) -> Chart:
    """Mean rank IC of the traded forecast by fold; cumulative rank IC and reduction of squared error of every model."""
    traded = done.trained.prepared.config.allocation.forecast
    folds = done.scores[traded].by_fold
    top = Plane(150, "rank IC by refit")
    bottom = Plane(max(230, 20 + 18 * len(done.scores)), "cumulated rank IC")
    saved = Plane(230, "squared error saved\nover the baseline, %")
    starts = _days(done, [int(fold["first_test"]) for fold in folds])
    values = np.array([fold["rank_ic"] for fold in folds])
    span = 0.85 * (np.diff(starts).min() if len(starts) > 1 else 300)
    for colour, own, name in ((MINE, values >= 0, traded), (LOSS, values < 0, "")):
        top.boxes((starts[own], starts[own] + span), (0, values[own]), colour, name)
    top.level(0)
    saved.level(0)
    colours = itertools.cycle(COLOURS[2::2])
    for name, score in done.scores.items():
        known = np.isfinite(score.rank_ic)
        if not known.any():
            continue
        colour, width = (MINE, 2.2) if name == traded else (next(colours), 1.3)
        days, total = _days(done, score.positions[known]), np.cumsum(score.rank_ic[known])
        some = _thin(len(total))
        bottom.line(days[some], total[some], colour, width, name)
        saved.line(days[some], 100 * score.gain[known][some], colour, width)
    return Chart([top, bottom, saved], calendar)


def _draw_importance(done: Evaluated) -> Chart:
    """Draw the features with the highest importance for the traded forecast, averaged over all refits."""
    trained = done.trained
    fits = trained.walks[trained.prepared.config.allocation.forecast].fits
    shares = 100 * np.array([fit.importance for fit in fits])
    mean = shares.mean(axis=0)
    top = np.argsort(mean)[-20:]
    top = top[mean[top] > 0]
    if not len(top):
        return Chart([Plane(100, rows=["no feature"])], label="share of importance, %", limits=(0, 100))
    rows = np.arange(len(top))
    plane = Plane(12 + 22 * max(len(top), 4), rows=[trained.names[i] for i in top])
    plane.boxes((0, mean[top]), (rows - 0.4, rows + 0.4), OTHER, "mean over all refits")
    plane.dots(shares[-1, top], rows, MINE, 3.5, "last refit")
    most = max(*mean[top], *shares[-1, top])
    return Chart([plane], label="share of importance, %", limits=(0, 1.04 * most))


CHARTS: dict[str, Callable[[Evaluated], Chart]] = {
    "wealth": _draw_wealth,
    "sharpe": _draw_sharpe,
    "weights": _draw_weights,
    "regimes": _draw_regimes,
    "regime_forecast": _draw_regime_forecast,
    "reliability": lambda done: draw_reliability(done.regime_score),
    "information": _draw_information,
    "importance": _draw_importance,
    "active": draw_active,
}
"""All charts of a run, by name."""
