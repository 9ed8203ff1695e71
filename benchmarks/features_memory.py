"""Memory that a feature matrix needs beyond its own size, and build time.

Run with `.venv/bin/python benchmarks/features_memory.py [assets dates dtype]...`, by default at two sizes. Each size
runs in a separate process, which builds a small matrix first to load the compiled kernels, and then the full one. The
script prints the size of the matrix, the increase of peak resident memory during the build, and seconds.
"""

import multiprocessing
import resource
import sys
import time

import numpy as np
import pandas as pd

from features.building import build_matrix
from features.catalogue import catalogue
from market.panel import Panel

SIZES = (("1000", "2500", "float64"), ("3000", "5040", "float32"))
COLUMNS = 60


def make(n_assets: int, n_dates: int) -> Panel:
    rng = np.random.default_rng(0)
    returns = rng.normal(3e-4, 0.02, (n_dates, n_assets))
    returns[rng.random(n_dates)[:, None] * 40 < rng.random(n_assets) - 0.5] = np.nan
    dates = pd.bdate_range("2000-01-03", periods=n_dates)
    market = np.nanmean(returns, axis=1)
    return Panel("random", dates, tuple(map(str, range(n_assets))), returns, 1e-4 + 0 * market, market, 252)


def resident() -> float:
    """Return the peak resident memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measured(n_assets: int, n_dates: int, dtype: str) -> None:
    specs = catalogue()
    first = build_matrix(make(70, 300), catalogue=specs, dtype=dtype)
    small = [name for name in specs if name in first.names and specs[name].stage != "bar"]
    names = [*[name for name in first.names if name not in small], *small][-COLUMNS:]
    panel = make(n_assets, n_dates)
    before, start, cpu = resident(), time.perf_counter(), time.process_time()
    matrix = build_matrix(panel, include=names, dtype=dtype)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    size = matrix.values.nbytes / 2**30
    print(
        f"{n_assets} assets x {n_dates} dates x {len(matrix.names)} features, {dtype}: matrix {size:.2f} GB, "
        f"peak {resident():.2f} GB (before {before:.2f}), {(resident() - before) / size:.2f} of its size; "
        f"{seconds:.1f} s, {cpu:.1f} s of processors",
        flush=True,
    )


def main() -> None:
    given = sys.argv[1:]
    sizes = [tuple(given[i : i + 3]) for i in range(0, len(given), 3)] or SIZES
    for n_assets, n_dates, dtype in sizes:
        process = multiprocessing.get_context("spawn").Process(
            target=measured, args=(int(n_assets), int(n_dates), dtype)
        )
        process.start()
        process.join()


if __name__ == "__main__":
    main()
