"""Linear walk-forwards: running sums compared with scikit-learn refitted at each fold, at growing sizes.

    .venv/bin/python benchmarks/linear.py

Three comparisons, CPU time, one thread:

* ridge: a path of 100 penalties at all folds, with the penalty chosen from the past; compared with RidgeCV (efficient
  leave-one-out, 10 penalties) refitted at each fold, extrapolated from a few folds;
* lasso: a path of 50 penalties; compared with `lasso_path` refitted at each fold, also extrapolated;
* growth with folds: the same rows with four times as many refits.

The forecasts of both are compared first, at the chosen penalty.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections.abc import Callable

import numpy as np
from sklearn.linear_model import Lasso as SkLasso
from sklearn.linear_model import Ridge as SkRidge
from sklearn.linear_model import RidgeCV, lasso_path
from threadpoolctl import threadpool_limits

from models.dataset import Dataset
from models.dispatch import walk_forward
from models.linear.regression import Lasso, Ridge
from models.walk_forward.windows import TrainingWindows, split_stretches
from validation.folds.walk_forward import Fold, WalkForward


def panel(n_dates: int, n_assets: int, n_features: int, seed: int = 0) -> Dataset:
    """Return persistent, correlated features with a weak linear signal."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(10, n_features)) * 0.5
    factors = np.empty((n_dates, n_assets, 10))
    factors[0] = rng.normal(size=(n_assets, 10))
    for t in range(1, n_dates):
        factors[t] = 0.95 * factors[t - 1] + np.sqrt(1 - 0.95**2) * rng.normal(size=(n_assets, 10))
    X = factors @ loadings + 0.8 * rng.normal(size=(n_dates, n_assets, n_features))
    signal = X @ np.where(rng.random(n_features) < 0.3, rng.normal(size=n_features), 0.0)
    y = 0.1 * signal / signal.std() + rng.standard_t(5, size=signal.shape)
    ends = np.arange(n_dates) + 21
    y[-21:] = np.nan
    return Dataset(X, y, ends, np.ones_like(y, dtype=bool), tuple(map(str, range(n_features))), False)


def cpu(function: Callable[[], object], repeats: int) -> float:
    """Return the median CPU time of a call."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        function()
        times.append(time.process_time() - began)
    return float(np.median(times))


def peer_seconds(
    data: Dataset, folds: tuple[Fold, ...], fit: Callable[[np.ndarray, np.ndarray], object]
) -> float:
    """Return the time of refits at all folds, extrapolated from five folds; it is linear in rows."""
    some = folds[len(folds) // 10 :: max(1, len(folds) // 5)]
    total = 0.0
    for fold in some:
        X, y, _ = data.training(fold.train)

        def one(X: np.ndarray = X, y: np.ndarray = y) -> None:
            Z = (X - X.mean(axis=0)) / X.std(axis=0)
            fit(np.asfortranarray(Z), y - y.mean())

        total += cpu(one, 1)
    return total * sum(len(f.train) for f in folds) / sum(len(f.train) for f in some)


def worst_difference(data: Dataset, folds: tuple[Fold, ...], model: Ridge | Lasso) -> float:
    """Return the largest difference from scikit-learn's forecasts at the chosen penalties, on five folds."""
    walk = walk_forward(model, "ours", data, folds)
    windows = TrainingWindows.of(folds)
    assert windows is not None
    worst = 0.0
    for scaler, members in split_stretches(data, windows):
        for f in members[:: max(1, len(members) // 2)]:
            X, y, _ = data.training(folds[f].train)
            Z = scaler.transform(X)
            centre, scale = Z.mean(axis=0), Z.std(axis=0)
            penalty = walk.fits[f].chosen["penalty"]
            peer = (
                SkRidge(penalty)
                if isinstance(model, Ridge)
                else SkLasso(penalty, tol=1e-13, max_iter=100_000)
            ).fit((Z - centre) / scale, y)
            X_test, rows = data.rows_to_forecast(folds[f].test)
            forecast = peer.predict((scaler.transform(X_test) - centre) / scale)
            worst = max(worst, float(np.abs(walk.raw[rows.date, rows.asset] - forecast).max()))
    return worst


def main() -> None:
    print(f"{'rows':>16} {'features':>9} {'folds':>6} | {'ridge x100':>11} {'RidgeCV x10':>12} {'ratio':>7} |"
          f" {'lasso x50':>10} {'lasso_path':>11} {'ratio':>7} | largest difference")  # fmt: skip
    for n_dates, n_assets, k, every in (
        (2500, 20, 50, 21),
        (2500, 20, 100, 21),
        (5000, 20, 100, 21),
        (5000, 20, 100, 5),
    ):
        data = panel(n_dates, n_assets, k)
        folds = WalkForward(data.ends, first_test=1260, refit_every=every).folds()
        ridge, lasso = Ridge(n_penalties=100), Lasso(n_penalties=50)
        gap = max(worst_difference(data, folds, ridge), worst_difference(data, folds, lasso))
        ours = cpu(lambda: walk_forward(ridge, "ridge", data, folds), 3)  # noqa: B023
        theirs = peer_seconds(
            data, folds, lambda X, y: RidgeCV(np.logspace(0, 6, 10), fit_intercept=False).fit(X, y)
        )
        mine = cpu(lambda: walk_forward(lasso, "lasso", data, folds), 3)  # noqa: B023
        peers = peer_seconds(
            data,
            folds,
            lambda X, y: lasso_path(X, y, alphas=np.abs(X.T @ y).max() / len(y) * np.logspace(0, -2, 50)),
        )
        print(
            f"{n_dates:>7} x {n_assets:>6} {k:>9} {len(folds):>6} | {ours:>9.2f} s {theirs:>10.1f} s "
            f"{theirs / ours:>6.0f}x | {mine:>8.2f} s {peers:>9.1f} s {peers / mine:>6.0f}x | {gap:.0e}",
            flush=True,
        )


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
