"""Size and power of three tests of a mean rank IC: plain, permutation, and timing, where the assets' means differ.

Run with `.venv/bin/python benchmarks/ic_tests.py [SAMPLES]`: 300 samples take one minute on one core. It prints the
tables of docs/statistics.md.

12 assets x 168 months. An asset's mean differs from the others' (standard deviation 0.15 of the volatility of a month)
and never changes, so that nothing but a constant ranking can be forecast. Half of the samples are normal, half
Student's t with 4 degrees of freedom. The last rows have a signal: a fraction R2 of next month's variance is last
month's outcome, reversed, or an expected outcome with autocorrelation 0.9.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import sqrt

import numpy as np
from scipy import signal

from validation.forecasts.permutation import permutation_test_ic
from validation.forecasts.scores import hac_mean, information_coefficient
from validation.forecasts.timing import timing_test

DATES, ASSETS, BEFORE = 168, 12, 132
SPREAD, R2 = 0.15, 0.005
Forecast = Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
"""From outcomes, their means, what can be known of them, and random numbers."""


def trailing(y: np.ndarray, width: int) -> np.ndarray:
    """Return the mean of the last `width` outcomes before each date from BEFORE on."""
    return np.array([y[max(0, t - width) : t].mean(axis=0) for t in range(BEFORE, len(y))])


def persistent(rng: np.random.Generator, correlation: float, n_dates: int) -> np.ndarray:
    """Return a first-order autoregression of unit variance."""
    shocks = rng.normal(size=(300 + n_dates, ASSETS)) * sqrt(1 - correlation**2)
    return signal.lfilter([1.0], [1.0, -correlation], shocks, axis=0)[300:]


CONSTANT: dict[str, Forecast] = {
    "true means": lambda y, mean, known, rng: np.tile(mean, (DATES, 1)),
    "all past outcomes": lambda y, mean, known, rng: trailing(y, len(y)),
    "past year": lambda y, mean, known, rng: trailing(y, 12),
    "past five years, reversed": lambda y, mean, known, rng: -trailing(y, 60),
    "true means and past five years, reversed": lambda y, mean, known, rng: mean - 0.5 * trailing(y, 60),
    "true means and noise": lambda y, mean, known, rng: mean + SPREAD * rng.normal(size=(DATES, ASSETS)),
    "persistent noise (0.97)": lambda y, mean, known, rng: persistent(rng, 0.97, DATES),
}
SIGNALS: dict[str, Forecast] = {
    "signal": lambda y, mean, known, rng: known[BEFORE:],
    "signal and true means": lambda y, mean, known, rng: known[BEFORE:] + mean,
}


def outcomes(
    rng: np.random.Generator, spread: float, r2: float, slow: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outcomes (BEFORE + DATES, ASSETS), their means, and what can be known of each."""
    mean, n = spread * rng.normal(size=ASSETS), BEFORE + DATES
    shocks = rng.normal(size=(n, ASSETS)) if rng.random() < 0.5 else rng.standard_t(4, (n, ASSETS)) / sqrt(2)
    if slow:
        known = sqrt(r2) * persistent(rng, 0.9, n)
        return mean + known + sqrt(1 - r2) * shocks, mean, known
    own = np.zeros((n + 1, ASSETS))
    for t in range(n):
        own[t + 1] = -sqrt(r2) * own[t] + sqrt(1 - r2) * shocks[t]
    return mean + own[1:], mean, -sqrt(r2) * own[:-1]


def rejections(
    forecast: Forecast, samples: int, spread: float, r2: float = 0.0, slow: bool = False
) -> list[float]:
    """Return how often each test, and plain and timing together, reject at 5 %."""
    rng, p = np.random.default_rng(1), []
    for k in range(samples):
        y, mean, known = outcomes(rng, spread, r2, slow)
        f, y = forecast(y, mean, known, rng), y[BEFORE:]
        plain = hac_mean(information_coefficient(f, y), 0, 0).p_greater
        shuffled = permutation_test_ic(f, y, block=6, n_permutations=199, seed=k).p_value
        timing = timing_test(f, y).p_value
        p.append((plain, shuffled, timing, max(plain, timing)))
    return list((np.array(p) <= 0.05).mean(axis=0))


def main(samples: str = "300") -> None:
    n = int(samples)
    print(
        f"{n} samples a row: rejections at 5 %, in per cent; standard error {100 * sqrt(0.05 * 0.95 / n):.1f}\n"
    )
    print("| forecast ranks by | plain | permutation | timing | plain and timing |\n|---|--:|--:|--:|--:|")
    rows = [(name, rejections(f, n, SPREAD)) for name, f in CONSTANT.items()]
    for name, f in SIGNALS.items():
        for slow, spread in ((False, 0.0), (False, SPREAD), (True, 0.0), (True, SPREAD)):
            title = f"{name}, {'slow' if slow else 'fast'}, means {'differ' if spread else 'are equal'}"
            if spread or "true" not in name:
                rows.append((title, rejections(f, n, spread, R2, slow)))
    for title, found in rows:
        print(f"| {title} | {' | '.join(f'{100 * share:.1f}' for share in found)} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
