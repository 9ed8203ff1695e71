"""A linear walk-forward over a panel of gigabytes: 3000 assets x 20 years daily x 60 features, single precision.

    .venv/bin/python benchmarks/linear_large.py [dates x assets]

Ridge with date fixed effects, refitted monthly on all past rows, with the penalty chosen from the past on a path of 30;
on all cores, BLAS on one thread. The features are random numbers, because their values do not affect the time.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import resource
import sys
import time

import numpy as np
from threadpoolctl import threadpool_limits

from models.dataset import Dataset
from models.dispatch import walk_forward
from models.linear.regression import Ridge
from validation.folds.walk_forward import WalkForward

N_FEATURES = 60


def main() -> None:
    for size in sys.argv[1:] or ("2520x1500", "5040x3000"):
        n_dates, n_assets = map(int, size.split("x"))
        rng = np.random.default_rng(0)
        X = np.empty((n_dates, n_assets, N_FEATURES), dtype=np.float32)
        for t in range(n_dates):
            X[t] = rng.standard_normal((n_assets, N_FEATURES), dtype=np.float32)
        y = 0.02 * X[:, :, 0] + rng.standard_normal((n_dates, n_assets))
        names = tuple(map(str, range(N_FEATURES)))
        data = Dataset(X, y, np.arange(n_dates) + 22, np.ones(y.shape, dtype=bool), names, True)
        folds = WalkForward(data.ends, first_test=1260, refit_every=21).folds()
        walk_forward(Ridge(True), "compiles", data, folds[:1])
        wall, cpu = time.perf_counter(), time.process_time()
        walk_forward(Ridge(True), "ridge", data, folds)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{size} x {N_FEATURES}, {len(folds)} refits: {wall:.1f} s, {cpu:.1f} s of processors; features "
            f"{X.nbytes / 2**30:.2f} GiB, peak of the process {peak:.2f} GiB",
            flush=True,
        )


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
