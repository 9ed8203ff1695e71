"""Scales: from numbers to pixels along one side of a chart, and the round numbers written beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pipeline.svg import Floats

DAYS = (1, 2, 5, 10, 20, 50)
MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
EPOCH = 1970 * 12
"""Months before numpy's first one: years are counted from 0, so that ticks fall on decades."""


@dataclass(frozen=True)
class Scale:
    """Numbers to pixels.

    Attributes
    ----------
    low, high : float
        The ends, low < high; above 0 if `log`.
    start, stop : float
        Pixels of `low` and `high`.
    log : bool
        Whether equal ratios, not equal differences, are equally long.
    """

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, values: ArrayLike) -> Floats:
        """Return pixels of values of any shape; beyond an end is at the end, not a number stays so."""
        low, high, at = self.low, self.high, np.asarray(values, dtype=float)
        if self.log:
            with np.errstate(divide="ignore"):
                low, high, at = np.log(low), np.log(high), np.log(np.maximum(at, 0.0))
        share = np.clip((at - low) / (high - low), 0.0, 1.0)
        return np.asarray(self.start + share * (self.stop - self.start))


@dataclass(frozen=True)
class Tick:
    """A number beside an axis: where, in data, and what is written."""

    at: float
    text: str


Ticks = Callable[[float, float, int], list[Tick]]
"""From the two ends and the most ticks there is room for to the ticks."""


def reach(arrays: Iterable[Floats], margin: float, log: bool = False) -> tuple[float, float]:
    """Return the ends of a scale that holds all finite values of some arrays, with a margin at both ends.

    Parameters
    ----------
    arrays : iterable of ndarray
    margin : float
        As a share of what the values span.
    log : bool
        Values up to 0 are left out, and the margin is one of logarithms.
    """
    values = np.concatenate([np.ravel(one) for one in arrays] or [np.empty(0)])
    values = values[np.isfinite(values)]
    if log:
        values = np.log(values[values > 0])
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    room = margin * (high - low)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        # One value alone stands in the middle.
        room = 0.05 if log else 0.05 * abs(low) or 1.0
    low, high = low - room, high + room
    return (float(np.exp(low)), float(np.exp(high))) if log else (low, high)


def even(low: float, high: float, most: int) -> list[Tick]:
    """Return at most `most` multiples of 1, 2 or 5 times a power of ten."""
    exact = (high - low) / most
    power = 10.0 ** np.floor(np.log10(exact))
    for times in (1, 2, 5, 10, 20):
        step = times * power
        first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
        if last - first < most:
            break
    places = max(0, -int(np.floor(np.log10(step * (1 + 1e-9)))))
    return [Tick(step * n, _written(f"{step * n:.{places}f}")) for n in np.arange(first, last + 1)]


def ratios(low: float, high: float, most: int) -> list[Tick]:
    """Return ticks of a logarithmic scale: even ones where it is short, else 1, 2, 5 or powers of ten."""
    if high < 5 * low:
        return even(low, high, most)
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    every = max(1, -(-(last - first) // most))
    powers = [10.0**n for n in range(first, last + 1) if n % every == 0]
    at = [times * power for power in powers for times in ((1, 2, 5) if high < 100 * low else (1,))]
    return [Tick(one, f"{one:g}") for one in at if low <= one <= high]


def calendar(low: float, high: float, most: int) -> list[Tick]:
    """Return ticks of a scale in days since 1970: years, months or days, whichever there is room for."""
    month = np.array([low, high]).astype("datetime64[D]").astype("datetime64[M]").astype(int)
    months = EPOCH + np.arange(month[0], month[1] + 1)
    at = (months - EPOCH).astype("datetime64[M]").astype("datetime64[D]").astype(float)
    months, at = months[(at >= low) & (at <= high)], at[(at >= low) & (at <= high)]
    if len(at) < 3:
        return _days(low, high, most)
    step = next((one for one in MONTHS if (months % one == 0).sum() <= most), MONTHS[-1])
    shown, unit = at[months % step == 0], "Y" if step % 12 == 0 else "M"
    return [Tick(one, str(np.datetime64(int(one), "D").astype(f"datetime64[{unit}]"))) for one in shown]


def _days(low: float, high: float, most: int) -> list[Tick]:
    days = np.arange(np.ceil(low), np.floor(high) + 1)
    step = next((one for one in DAYS if -(-len(days) // one) <= most), DAYS[-1])
    return [Tick(one, str(np.datetime64(int(one), "D"))) for one in days[::step]]


def _written(number: str) -> str:
    """Return a number with the sign that is as wide as a plus, and no minus before 0."""
    return number.replace("-", "−") if float(number) else number.lstrip("-")
