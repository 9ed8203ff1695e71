"""Charts of a run, drawn once, as SVG for the report and for MLflow."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from pipeline.config import BASELINES
from pipeline.narrative import best_baseline, label
from pipeline.results import Evaluated

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
MINE = "#0b63b5"
BASE_COLOURS = dict(zip(BASELINES, ("#9aa5b1", "#d9822b", "#c5cdd6", "#7a9e3f", "#7d5ba6"), strict=True))
REGIME_COLOURS = ("#cfe8d5", "#fdf0c4", "#f8cfc4", "#dcd0f0", "#cfe3f5", "#eadbc8")
WIDTH = 10
"""Inches of each chart."""
LABEL_LEFT, LABEL_BELOW = 0.5, 0.27
"""Inches between an axis and its label, with the numbers in between."""
POINTS = 1000
"""Most points of a line: more than a screen shows would only make the page heavy."""
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "tangency",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
}


@dataclass(frozen=True)
class Figures:
    """The charts of one run, by name."""

    drawn: Mapping[str, Figure]

    @cached_property
    def svg(self) -> dict[str, str]:
        """Each chart as an SVG element that needs nothing else."""
        with mpl.rc_context(STYLE):
            return {name: _svg(figure) for name, figure in self.drawn.items()}


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    whole = text.getvalue()
    return whole[whole.index("<svg") :]


def draw(done: Evaluated) -> Figures:
    """Draw all charts of a run."""
    with mpl.rc_context(STYLE):
        return Figures({name: chart(done) for name, chart in CHARTS.items()})


def _figure(
    height: float,
    ratios: tuple[float, ...] = (1,),
    left: float = 0.85,
    right: float = 0.15,
    bottom: float = 0.35,
) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes, one below the other, with margins in inches.

    Margins and places of labels are given: matplotlib would find them by going through all ticks more than once.
    """
    # Figure itself instead of pyplot: no global state, no display.
    figure = Figure(figsize=(WIDTH, height))
    place = {
        "left": left / WIDTH,
        "right": 1 - right / WIDTH,
        "bottom": bottom / height,
        "top": 1 - 0.12 / height,
    }
    axes = figure.subplots(
        len(ratios),
        1,
        sharex=True,
        squeeze=False,
        gridspec_kw={"height_ratios": ratios, "hspace": 0.08, **place},
    )
    for axis in axes[:, 0]:
        box = axis.get_position()
        axis.yaxis.set_label_coords(-LABEL_LEFT / (box.width * WIDTH), 0.5)
        axis.xaxis.set_label_coords(0.5, -LABEL_BELOW / (box.height * height))
    return figure, list(axes[:, 0])


def _beside(names: Iterable[str], size: float = 10) -> float:
    """Return inches of room for the longest of some names in letters of this size, and for what is around it."""
    return 0.35 + 0.6 * size / 72 * max(map(len, names), default=0)


def _dates(done: Evaluated, positions: Any) -> NDArray[np.datetime64]:
    """Return the dates of rows of the panel as numpy's: matplotlib would take pandas' one by one."""
    dates: NDArray[np.datetime64] = done.trained.prepared.panel.dates.to_numpy()[positions]
    return dates


def _thin(n: int) -> NDArray[np.int64]:
    """Return at most `POINTS` + 1 of n indices, evenly spread, the last always there."""
    return np.unique(np.r_[np.arange(0, n, max(1, -(-n // POINTS))), n - 1])


def log_wealth(axis: Axes) -> None:
    """Scale wealth by its logarithm, with a few numbers beside it whether it grew by a tenth or a thousandfold."""
    axis.set_yscale("log")
    low, high = axis.get_ylim()
    if high < 5 * low:
        axis.yaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
    else:
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_locator(NullLocator())


def draw_wealth(done: Evaluated) -> Figure:
    """Wealth and drawdown of the traded portfolio against the baselines, after costs."""
    figure, (top, bottom) = _figure(5.6, (2.4, 1))
    for name in (*BASELINES, done.chosen):
        result = done.results[name]
        wealth = np.concatenate([[1.0], np.cumprod(1 + result.net)])
        dates = _dates(done, np.concatenate([[result.positions[0] - 1], result.positions]))
        some = _thin(len(wealth))
        mine = name == done.chosen
        colour, width = (MINE, 2.0) if mine else (BASE_COLOURS[name], 1.2)
        top.plot(
            dates[some], wealth[some], color=colour, lw=width, label=label(name), zorder=3 if mine else 2
        )
        if mine or name == best_baseline(done.performance):
            # The worst of each stretch that a point stands for, so that no trough is lost.
            fall = np.minimum.reduceat(100 * (wealth / np.maximum.accumulate(wealth) - 1), some)
            bottom.plot(dates[some], fall, color=colour, lw=width)
            if mine:
                bottom.fill_between(dates[some], fall, 0, color=colour, alpha=0.12, lw=0)
    log_wealth(top)
    top.set_ylabel("wealth, start = 1, log scale")
    top.legend(loc="upper left")
    bottom.set_ylabel("drawdown, %")
    return figure


def draw_sharpe(done: Evaluated) -> Figure:
    """Net Sharpe ratio of every portfolio with its 95 % interval."""
    names = sorted(done.performance, key=lambda name: done.performance[name]["sharpe"])
    labels = [label(name) for name in names]
    figure, (axis,) = _figure(0.9 + 0.32 * len(names), left=_beside(labels), bottom=0.5)
    for row, name in enumerate(names):
        value, error = done.performance[name]["sharpe"], done.performance[name]["sharpe_se"]
        colour = MINE if name == done.chosen else BASE_COLOURS.get(name, "#8fb3d9")
        axis.errorbar(value, row, xerr=1.96 * error, fmt="o", color=colour, capsize=3, ms=7, lw=1.6)
    axis.set_yticks(range(len(names)), labels)
    axis.axvline(0, color=MUTED, lw=0.8)
    axis.set_xlabel("annual Sharpe ratio after costs, with 95 % interval")
    axis.grid(axis="y", visible=False)
    return figure


def draw_weights(done: Evaluated) -> Figure:
    """Weights of the traded portfolio through time, largest on average at the bottom."""
    panel, result = done.trained.prepared.panel, done.results[done.chosen]
    some = _thin(len(result.positions))
    weights = np.column_stack([result.weights, result.cash_weight])[some]
    names = [*panel.assets, "cash"]
    held = [i for i in np.argsort(-np.abs(weights).mean(axis=0)) if np.abs(weights[:, i]).max() > 1e-9]
    figure, (axis,) = _figure(4.2, right=0.3 + _beside((names[i] for i in held), 8))
    colours = mpl.colormaps["tab20"](np.linspace(0, 1, 20))
    dates = _dates(done, result.positions[some])
    if (weights >= -1e-12).all():
        stack = [100 * weights[:, i] for i in held]
        axis.stackplot(dates, stack, labels=[names[i] for i in held], colors=colours, step="pre")
        axis.set_ylim(0, 100)
    else:
        for colour, i in zip(np.tile(colours, (1 + len(held) // 20, 1)), held, strict=False):
            axis.plot(dates, 100 * weights[:, i], color=colour, label=names[i], drawstyle="steps-pre")
    axis.set_ylabel("weight, %")
    axis.margins(x=0)
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, reverse=True)
    return figure


def draw_regimes(done: Evaluated) -> Figure:
    """Draw the market under the regimes as they were told at the time, and the anomaly score."""
    panel, regimes = done.trained.prepared.panel, done.trained.regimes
    told = regimes.label >= 0
    first = int(np.argmax(told)) if told.any() else 0
    dates, labels = _dates(done, slice(first, None)), regimes.label[first:]
    wealth = np.cumprod(1 + np.nan_to_num(panel.market[first:]))
    figure, (top, bottom) = _figure(5.0, (2.4, 1))
    # Calm is green and turbulent red, by what the last fit makes of the first feature.
    rank = np.argsort(np.argsort(regimes.centres[-1][:, 0]))
    starts = np.r_[0, np.flatnonzero(np.diff(labels)) + 1]
    stops = np.minimum(np.r_[starts[1:], len(labels)], len(dates) - 1)
    for state in np.unique(labels[labels >= 0]):
        spans = [
            (dates[a], dates[b] - dates[a]) for a, b in zip(starts, stops, strict=True) if labels[a] == state
        ]
        colour = REGIME_COLOURS[rank[state] % len(REGIME_COLOURS)]
        top.broken_barh(
            spans, (0, 1), transform=top.get_xaxis_transform(), color=colour, lw=0, label=f"regime {state}"
        )
    some = _thin(len(dates))
    top.plot(dates[some], wealth[some], color=INK, lw=1.3)
    log_wealth(top)
    top.set_ylabel("market, log scale")
    top.grid(visible=False)
    top.legend(loc="upper left", ncols=len(regimes.centres[-1]))
    bottom.plot(dates[some], regimes.anomaly[first:][some], color="#b83280", lw=0.8)
    bottom.set_ylim(0, 1.02)
    bottom.set_ylabel("anomaly")
    bottom.margins(x=0)
    return figure


def draw_information(done: Evaluated) -> Figure:
    """Mean rank IC by fold of the traded forecast; every model's cumulated rank IC, and the squared error it saved."""
    figure, (top, bottom, saved) = _figure(7.4, (1, 1.5, 1.5), left=1.1)
    config = done.trained.prepared.config
    folds = done.scores[config.allocation.forecast].by_fold
    starts = _dates(done, [int(fold["first_test"]) for fold in folds])
    values = np.array([fold["rank_ic"] for fold in folds])
    known = np.isfinite(values)
    span = np.diff(starts).min() if len(starts) > 1 else np.timedelta64(300, "D")
    colours = np.where(values[known] >= 0, MINE, "#c0392b")
    top.bar(starts[known], values[known], width=0.85 * span, align="edge", color=colours)
    top.axhline(0, color=MUTED, lw=0.8)
    top.set_ylabel(f"rank IC by refit,\n{config.allocation.forecast}")
    ends = []
    for name, score in done.scores.items():
        known = np.isfinite(score.rank_ic)
        if not known.any():
            continue
        mine = name == config.allocation.forecast
        dates, total = _dates(done, score.positions[known]), np.cumsum(score.rank_ic[known])
        some = _thin(len(total))
        ends.append(total[-1])
        bottom.plot(dates[some], total[some], lw=2.2 if mine else 1.2, label=name)
        gain = 100 * score.gain[known]
        saved.plot(dates[some], gain[some], lw=2.2 if mine else 1.2, label=name)
    bottom.set_ylabel("cumulated rank IC")
    saved.set_ylabel("squared error saved\nover the baseline, %")
    saved.axhline(0, color=MUTED, lw=0.8)
    if ends:
        # Where lines that begin at 0 leave room. To let matplotlib look for it takes a tenth of a second.
        bottom.legend(loc="upper left" if sum(ends) >= 0 else "lower left")
    return figure


def draw_importance(done: Evaluated) -> Figure:
    """Draw the features that the traded forecast relied on most, averaged over all refits."""
    trained = done.trained
    fits = trained.walks[trained.prepared.config.allocation.forecast].fits
    shares = 100 * np.array([fit.importance for fit in fits])
    mean = shares.mean(axis=0)
    top = np.argsort(mean)[-20:]
    top = top[mean[top] > 0]
    names = [trained.names[i] for i in top]
    figure, (axis,) = _figure(0.9 + 0.24 * max(len(top), 4), left=_beside(names), bottom=0.5)
    axis.barh(range(len(top)), mean[top], color="#8fb3d9", label="mean over all refits")
    axis.plot(shares[-1, top], range(len(top)), "o", color=MINE, ms=5, label="last refit")
    axis.set_yticks(range(len(top)), names)
    axis.set_xlabel("share of importance, %")
    axis.grid(axis="y", visible=False)
    axis.legend(loc="lower right")
    return figure


CHARTS: dict[str, Callable[[Evaluated], Figure]] = {
    "wealth": draw_wealth,
    "sharpe": draw_sharpe,
    "weights": draw_weights,
    "regimes": draw_regimes,
    "information": draw_information,
    "importance": draw_importance,
}
"""All charts of a run, by name."""
