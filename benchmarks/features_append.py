"""Appending one date to a feature matrix, compared with a full build and with pandas.

Run with `.venv/bin/python benchmarks/features_append.py [assets dates]...`, by default at two sizes. The features need
only prices. The appended matrix is first compared with a built one, bit for bit. Then the script prints median seconds
of successive appended dates, of full builds, and of nine statistics that pandas computes for all dates, scaled to the
number of features. Set OMP_NUM_THREADS=1; features are computed with one thread per processor.
"""

import sys
import time
from statistics import median

import numpy as np
import pandas as pd

from features.appending import append_dates
from features.building import build_matrix
from features.catalogue import catalogue
from market.panel import Panel

SIZES = (("100", "2500"), ("1000", "2500"))
COLUMNS = 60
DATES = 15


def make(n_assets: int, n_dates: int) -> Panel:
    rng = np.random.default_rng(0)
    returns = rng.normal(3e-4, 0.02, (n_dates, n_assets))
    dates = pd.bdate_range("2000-01-03", periods=n_dates)
    market = returns.mean(axis=1)
    names = tuple(f"A{j}" for j in range(n_assets))
    return Panel("random", dates, names, returns, 1e-4 + 0 * market, market, 252)


def with_pandas(panel: Panel) -> list[pd.DataFrame]:
    """Return nine of the features for all dates, in idiomatic pandas."""
    r, m = pd.DataFrame(panel.returns), pd.Series(panel.market)
    level, logs = (1 + r).cumprod(), np.log1p(r)
    return [
        logs.rolling(252).sum(),
        r.rolling(252).std(),
        r.rolling(252).skew(),
        r.rolling(252).max(),
        r.rolling(756).cov(m).div(m.rolling(756).var(), axis=0),
        level / level.rolling(756).max() - 1,
        level / level.rolling(210).mean() - 1,
        r.ewm(halflife=63).mean(),
        logs.rolling(252).sum().rank(axis=1, pct=True),
    ]


def seconds(function, *arguments, **options):
    start = time.perf_counter()
    result = function(*arguments, **options)
    return time.perf_counter() - start, result


def compared(n_assets: int, n_dates: int, names: tuple[str, ...]) -> None:
    panel = make(n_assets, n_dates)
    matrix = build_matrix(panel.as_of(panel.dates[-1 - DATES]), include=names)
    appended, cpu = [], []
    for date in panel.dates[-DATES:]:
        more = panel.as_of(date)
        start = time.process_time()
        took, matrix = seconds(append_dates, matrix, more)
        cpu.append(time.process_time() - start)
        appended.append(took)
    built = []
    for _ in range(3):
        took, whole = seconds(build_matrix, panel, include=names)
        built.append(took)
    assert np.array_equal(whole.values, matrix.values, equal_nan=True)
    assert matrix.recomputed == ()
    plain = seconds(with_pandas, panel)[0] * len(names) / 9
    day, full = median(appended[1:]), median(built)
    print(
        f"{n_assets} assets x {n_dates} dates x {len(names)} features: one date {day * 1e3:.1f} ms "
        f"(processors {median(cpu[1:]) * 1e3:.1f} ms, first {appended[0] * 1e3:.0f} ms), built again {full:.2f} s "
        f"({full / day:.0f} times), pandas about {plain:.1f} s ({plain / day:.0f} times)",
        flush=True,
    )


def main() -> None:
    given = sys.argv[1:]
    sizes = [tuple(given[i : i + 2]) for i in range(0, len(given), 2)] or SIZES
    small = make(70, 1300)
    warm = build_matrix(small.as_of(small.dates[-2]), include=("asset", "market", "cross_section"))
    append_dates(warm, small)
    names = tuple(name for name in catalogue() if name in warm.names)[:COLUMNS]
    for n_assets, n_dates in sizes:
        compared(int(n_assets), int(n_dates), names)


if __name__ == "__main__":
    main()
