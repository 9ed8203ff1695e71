"""Walk-forwards of trees: shared bins and numbers of trees from the past, compared with LightGBM refitted at each fold.

    .venv/bin/python benchmarks/trees.py

All contenders use the same settings except for the bins: 31 in Tangency, and LightGBM's default of 255 in the refits,
which get a new float64 data set at each fold through scikit-learn's interface.

* same: refits with the numbers of trees that Tangency's walk-forward selected, at no cost;
* fixed: refits with the largest number of trees that Tangency may use;
* search: refits that select the number themselves, as is usual: early stopping on the last fifth of the training dates
  (purged), then a fit to all rows with that number.

All grow each tree on one thread, and folds in parallel on all cores. Times are medians over panels, ratios are of
medians. The rank IC is the mean over panels, with the mean and the standard error of the paired difference to Tangency.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from lightgbm import LGBMRegressor, early_stopping
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits

from models.boosting.model import Boosting
from models.dataset import Dataset
from models.dispatch import walk_forward
from models.target import row_mean
from validation.folds.walk_forward import Fold, WalkForward

Refit = Callable[[int, Fold], LGBMRegressor]


@dataclass(frozen=True)
class Run:
    """Predictions of a walk-forward, and its time."""

    raw: np.ndarray
    cpu: float
    wall: float


def panel(n_dates: int, n_assets: int, n_features: int, horizon: int, seed: int) -> Dataset:
    """Return persistent, correlated features, some with a trend, with a weak nonlinear signal."""
    rng = np.random.default_rng(seed)
    keep = 0.5 ** (1 / horizon / 6)
    factors = np.empty((n_dates, n_assets, 8))
    factors[0] = rng.normal(size=(n_assets, 8))
    for t in range(1, n_dates):
        factors[t] = keep * factors[t - 1] + np.sqrt(1 - keep**2) * rng.normal(size=(n_assets, 8))
    X = factors @ rng.normal(size=(8, n_features)) * 0.6 + rng.normal(size=(n_dates, n_assets, n_features))
    X[:, :, ::6] += np.linspace(0, 6, n_dates)[:, None, None]
    f = np.moveaxis(factors, -1, 0)
    signal = 0.1 * np.tanh(f[0]) + 0.1 * f[1] * (f[2] > 0) + 0.08 * f[3] * f[4]
    y = signal + rng.standard_t(5, size=signal.shape) / np.sqrt(5 / 3)
    y[-horizon:] = np.nan
    y -= row_mean(y)[:, None]
    usable = np.ones_like(y, dtype=bool)
    return Dataset(X, y, np.arange(n_dates) + horizon, usable, tuple(map(str, range(n_features))), True)


def regressor(model: Boosting, n_trees: int) -> LGBMRegressor:
    """Return scikit-learn's interface to the same trees, with LightGBM's default number of bins."""
    return LGBMRegressor(
        n_estimators=n_trees,
        learning_rate=model.learning_rate,
        num_leaves=model.num_leaves,
        min_child_samples=model.min_rows_in_leaf,
        colsample_bytree=model.feature_fraction,
        subsample=model.row_fraction,
        subsample_freq=1,
        reg_lambda=model.l2,
        random_state=model.seed,
        n_jobs=1,
        verbose=-1,
    )


def given(model: Boosting, data: Dataset, numbers: Sequence[int]) -> Refit:
    """Return a function that refits a fold with a known number of trees."""

    def refit(f: int, fold: Fold) -> LGBMRegressor:
        X, y, _ = data.training(fold.train)
        return regressor(model, numbers[f]).fit(X, y)

    return refit


def searched(model: Boosting, data: Dataset, max_trees: int = 600, patience: int = 100) -> Refit:
    """Return a function that refits a fold after selecting the number of trees on the last fifth of the dates."""

    def refit(f: int, fold: Fold) -> LGBMRegressor:
        late = fold.train[-len(fold.train) // 5 :]
        early = fold.train[fold.train_ends < late[0]]
        n = model.max_trees
        if len(early) > len(late):
            X, y, _ = data.training(early)
            held_out, truth, _ = data.training(late)
            stop = early_stopping(patience, verbose=False)
            search = regressor(model, max_trees).fit(X, y, eval_X=held_out, eval_y=truth, callbacks=[stop])
            n = max(1, search.best_iteration_)
        X, y, _ = data.training(fold.train)
        return regressor(model, n).fit(X, y)

    return refit


def refitted(data: Dataset, folds: Sequence[Fold], refit: Refit) -> Run:
    """Refit at each fold, with folds in parallel."""
    raw = np.full(data.y.shape, np.nan)

    def one(f: int) -> None:
        fitted = refit(f, folds[f])
        X, rows = data.rows_to_forecast(folds[f].test)
        raw[rows.date, rows.asset] = fitted.predict(X)

    cpu, wall = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, range(len(folds))))
    return Run(raw, time.process_time() - cpu, time.perf_counter() - wall)


def rank_ic(data: Dataset, raw: np.ndarray) -> float:
    """Return the mean rank correlation over dates; a date with equal predictions counts as 0."""
    each = []
    for forecast, y in zip(raw, data.y, strict=True):
        some = np.isfinite(forecast) & np.isfinite(y)
        if some.sum() > 2:
            varies = np.ptp(forecast[some]) > 0
            each.append(np.corrcoef(rankdata(forecast[some]), rankdata(y[some]))[0, 1] if varies else 0.0)
    return float(np.mean(each))


def compare(
    n_dates: int, n_assets: int, n_features: int, horizon: int, first: int, every: int, panels: int
) -> None:
    """Print one row."""
    runs: dict[str, list[Run]] = {}
    ics: dict[str, list[float]] = {}
    numbers: list[int] = []
    for seed in range(panels):
        data = panel(n_dates, n_assets, n_features, horizon, seed)
        folds = WalkForward(data.ends, first_test=first, refit_every=every).folds()
        model = Boosting(seed=seed)
        cpu, wall = time.process_time(), time.perf_counter()
        walk = walk_forward(model, "ours", data, folds)
        done = {"ours": Run(walk.raw, time.process_time() - cpu, time.perf_counter() - wall)}
        numbers = [int(fit.chosen["trees"]) for fit in walk.fits]
        refits = {
            "same": given(model, data, numbers),
            "fixed": given(model, data, [model.max_trees] * len(folds)),
            "search": searched(model, data),
        }
        for name, refit in refits.items():
            done[name] = refitted(data, folds, refit)
        for name, run in done.items():
            runs.setdefault(name, []).append(run)
            ics.setdefault(name, []).append(rank_ic(data, run.raw))

    def median(name: str, what: str) -> float:
        return float(np.median([getattr(run, what) for run in runs[name]]))

    print(
        f"{n_dates} x {n_assets} x {n_features}, {len(folds)} folds, {panels} panels; "
        f"trees used in the last: mean {np.mean(numbers):.0f}, most {max(numbers)}"
    )
    print(f"  {'ours':<8} cpu {median('ours', 'cpu'):7.2f} s, wall {median('ours', 'wall'):7.2f} s,"
          f" IC {np.mean(ics['ours']):.4f}")  # fmt: skip
    for name in ("same", "fixed", "search"):
        cpu, wall = median(name, "cpu"), median(name, "wall")
        gap = np.subtract(ics[name], ics["ours"])
        print(
            f"  {name:<8} cpu {cpu:7.2f} s ({cpu / median('ours', 'cpu'):4.1f}x), wall {wall:7.2f} s "
            f"({wall / median('ours', 'wall'):4.1f}x), IC {np.mean(ics[name]):.4f}, "
            f"less ours {gap.mean():+.4f} (se {gap.std(ddof=1) / np.sqrt(panels):.4f})",
            flush=True,
        )


def main() -> None:
    compare(600, 12, 60, 1, first=72, every=12, panels=5)
    compare(2500, 20, 60, 5, first=500, every=50, panels=3)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    with threadpool_limits(1):
        main()
