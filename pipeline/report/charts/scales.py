"""Scales: map numbers to pixels along one side of a chart, and choose round numbers as ticks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from foundation.types import Floats

DAYS = (1, 2, 5, 10, 20, 50)
MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
EPOCH = 1970 * 12
"""Months before numpy's first one: years are counted from 0, so that ticks fall on decades."""


@dataclass(frozen=True)
class Scale:
    """Map from numbers to pixels.

    Attributes
    ----------
    low, high : float
        The ends, low < high; above 0 if `log`.
    start, stop : float
        Pixels of `low` and `high`.
    log : bool
        Whether the scale is logarithmic.
    """

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, values: ArrayLike) -> Floats:
        """Return pixels of values of any shape; values beyond an end are clipped to it, NaN stays NaN.

        On a logarithmic scale, values without a logarithm become NaN, except infinity, which is clipped to the end.
        """
        low, high, at = self.low, self.high, np.asarray(values, dtype=float)
        if self.log:
            at = np.where(np.isneginf(at), low, np.where(at > 0, at, np.nan))
            low, high, at = np.log(low), np.log(high), np.log(at)
        share = np.clip((at - low) / (high - low), 0.0, 1.0)
        return np.asarray(self.start + share * (self.stop - self.start))


@dataclass(frozen=True)
class Tick:
    """A tick: its data coordinate, and its label."""

    at: float
    text: str


Ticks = Callable[[float, float, int], list[Tick]]
"""Function of the two ends and the maximum number of ticks that returns the ticks."""


def reach(arrays: Iterable[Floats], margin: float, log: bool = False) -> tuple[float, float]:
    """Return the ends of a scale that holds all finite values of some arrays, with a margin at both ends.

    Parameters
    ----------
    arrays : iterable of ndarray
    margin : float
        As a share of the range of the values.
    log : bool
        Values up to 0 are left out, and the margin is relative to the range of logarithms.
    """
    values = np.concatenate([np.ravel(one) for one in arrays] or [np.empty(0)])
    values = values[np.isfinite(values)]
    if log:
        values = np.log(values[values > 0])
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    room = margin * (high - low)
    if high - low <= 1e-9 * (1.0 if log else max(abs(low), abs(high))):
        # A single value is centred. Without a margin the numbers are dates, and the range is extended by a day.
        room = 0.05 if log else (0.05 * abs(low) if margin else 0.0) or 1.0
    low, high = low - room, high + room
    return (float(np.exp(low)), float(np.exp(high))) if log else (low, high)


def even(low: float, high: float, most: int) -> list[Tick]:
    """Return multiples of 1, 2 or 5 times a power of ten: at most `most`, or a few more to avoid a single one."""
    power = 10.0 ** np.floor(np.log10((high - low) / most))
    candidates = [_multiples(low, high, times * power) for times in (0.5, 1, 2, 5, 10, 20)]
    fitting = next(k for k, at in enumerate(candidates) if len(at) <= most)
    at = candidates[fitting] if len(candidates[fitting]) > 1 else candidates[fitting - 1]
    return [Tick(one, words) for one, words in zip(at.tolist(), _written(at), strict=True)]


def _multiples(low: float, high: float, step: float) -> Floats:
    return step * np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1)


def ratios(low: float, high: float, most: int) -> list[Tick]:
    """Return ticks of a logarithmic scale: evenly spaced ones if it is short, else 1, 2, 5 or powers of ten."""
    if high < 5 * low:
        return even(low, high, most)
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    every = max(1, -(-(last - first) // most))
    powers = [10.0**n for n in range(first, last + 1) if n % every == 0]
    at = [times * power for power in powers for times in ((1, 2, 5) if high < 100 * low else (1,))]
    return [Tick(one, _plain(f"{one:g}")) for one in at if low <= one <= high]


def calendar(low: float, high: float, most: int) -> list[Tick]:
    """Return ticks of a scale in days since 1970: years, months or days, depending on the available width."""
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


def _written(at: Floats) -> list[str]:
    """Return numbers with enough digits to distinguish them; a minus is as wide as a plus, and 0 has no sign."""
    step = float(np.diff(at).min()) if len(at) > 1 else float(np.abs(at).max(initial=0.0)) or 1.0
    finest = int(np.floor(np.log10(step * (1 + 1e-9))))
    most = int(np.floor(np.log10(max(np.abs(at).max(initial=0.0), step) * (1 + 1e-9))))
    form = f".{max(0, -finest)}f" if -4 < most < 6 else f".{most - finest}e"
    words = [f"{abs(one) if abs(one) < 0.5 * step else one:{form}}" for one in at.tolist()]
    return [_plain(one) for one in words]


def _plain(number: str) -> str:
    """Return a number without the redundant characters of its exponent."""
    digits, _, exponent = number.replace("-", "−").partition("e")
    if exponent and not float(digits.replace("−", "-")):
        return "0"
    power = exponent.replace("+", "").replace("−0", "−").lstrip("0")
    return f"{digits}e{power}" if power else digits
