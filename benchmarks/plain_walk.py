"""A typical hand-written research loop compared with Tangency: same data, features, folds and models.

    .venv/bin/python benchmarks/plain_walk.py [years ...]

The data is the embedded `stocks` (20 assets, daily), cut to the given number of years. The plain loop computes pandas
features, and at each monthly refit a StandardScaler, RidgeCV, LassoCV and ElasticNetCV with TimeSeriesSplit, and KMeans
with ten starts; each year it refits LightGBM with a held-out search of the number of trees. The plain loop is timed at
every n-th refit and extrapolated by the number of training rows; Tangency runs completely.

The forecasting quality of both is printed beside the time: the rank correlation on their common dates.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor, early_stopping
from sklearn.cluster import KMeans
from sklearn.linear_model import ElasticNetCV, LassoCV, RidgeCV
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent))
import features_60 as plain_features

from features.building import build_matrix
from market.load import load_panel
from models.boosting.model import Boosting
from models.dataset import Dataset
from models.dispatch import walk_forward
from models.linear.regression import ElasticNet, Lasso, Ridge
from models.regimes.kmeans import KMeansRegimes
from models.regimes.walk import walk_regimes
from models.target import scale_labels, trailing_risk
from validation.folds.labels import forward_excess_returns
from validation.folds.walk_forward import Fold, WalkForward

HORIZON, LAG, MONTHLY, YEARLY = 21, 1, 21, 252
STATES = ("market_volatility_12", "market_return_12", "market_drawdown_12", "average_correlation_12")
GRIDS = {
    "ridge": lambda cv: RidgeCV(np.logspace(0, 6, 30), cv=cv),
    "lasso": lambda cv: LassoCV(alphas=30, eps=1e-2, cv=cv),
    "elastic net": lambda cv: ElasticNetCV(alphas=30, eps=1e-2, cv=cv),
}
OURS = {"ridge": Ridge(), "lasso": Lasso(), "elastic net": ElasticNet()}


class Clock:
    """Measures processor and wall-clock seconds since its creation."""

    def __init__(self) -> None:
        self.began = time.process_time(), time.perf_counter()

    def read(self) -> np.ndarray:
        """Return processor and wall-clock seconds."""
        return np.array([time.process_time() - self.began[0], time.perf_counter() - self.began[1]])


def rank_ic(raw: np.ndarray, y: np.ndarray, dates: np.ndarray) -> float:
    """Return the mean rank correlation over dates."""
    forecast_ranks = pd.DataFrame(raw[dates]).rank(axis=1)
    return float(forecast_ranks.corrwith(pd.DataFrame(y[dates]).rank(axis=1), axis=1).mean())


def sampled(folds: tuple[Fold, ...], n: int) -> tuple[list[Fold], float]:
    """Return about n evenly spread folds, and the factor that extrapolates their training rows to all folds."""
    some = list(folds[len(folds) // (2 * n) :: max(1, len(folds) // n)])
    return some, sum(len(f.train) for f in folds) / sum(len(f.train) for f in some)


def plain_model(data: Dataset, folds: list[Fold], make) -> tuple[np.ndarray, np.ndarray]:
    """Refit a scikit-learn pipeline at each fold; return seconds and predictions."""
    raw = np.full(data.y.shape, np.nan)
    X = np.nan_to_num(data.X)
    clock = Clock()
    for fold in folds:
        keep = np.isfinite(data.y[fold.train]) & data.usable[fold.train]
        model = make_pipeline(StandardScaler(), make(TimeSeriesSplit(4)))
        model.fit(X[fold.train][keep], data.y[fold.train][keep])
        for t in fold.test:
            raw[t, data.usable[t]] = model.predict(X[t][data.usable[t]])
    return clock.read(), raw


def plain_trees(data: Dataset, folds: list[Fold]) -> tuple[np.ndarray, np.ndarray]:
    """Refit LightGBM at each fold, with the number of trees from the last fifth of the training dates."""
    raw = np.full(data.y.shape, np.nan)
    settings = {
        "learning_rate": 0.03,
        "num_leaves": 15,
        "min_child_samples": 200,
        "colsample_bytree": 0.25,
        "subsample": 0.7,
        "subsample_freq": 1,
        "reg_lambda": 10.0,
        "n_jobs": 1,
        "verbose": -1,
    }
    clock = Clock()
    for fold in folds:
        dates = fold.train[np.isfinite(data.y[fold.train]).any(axis=1)]
        cut = int(0.8 * len(dates))
        parts = []
        for some in (dates[: cut - HORIZON], dates[cut:], dates):
            keep = np.isfinite(data.y[some]) & data.usable[some]
            parts.append((data.X[some][keep], data.y[some][keep]))
        search = LGBMRegressor(n_estimators=600, **settings)
        search.fit(*parts[0], eval_set=[parts[1]], callbacks=[early_stopping(100, verbose=False)])
        model = LGBMRegressor(n_estimators=max(1, search.best_iteration_), **settings).fit(*parts[2])
        for t in fold.test:
            raw[t, data.usable[t]] = model.predict(data.X[t][data.usable[t]])
    return clock.read(), raw


def plain_regimes(X: np.ndarray, folds: list[Fold]) -> np.ndarray:
    clock = Clock()
    for fold in folds:
        past = X[fold.train]
        model = make_pipeline(StandardScaler(), KMeans(3, n_init=10, random_state=0))
        model.fit(past[np.isfinite(past).all(axis=1)])
    return clock.read()


def compare(years: int) -> None:
    panel, _ = load_panel("stocks", end=str(1990 + years) + "-01-01")
    build_matrix(
        panel.as_of(panel.dates[1500]), exclude=["macro"]
    )  # compiles kernels, or loads compiled ones
    clock = Clock()
    matrix = build_matrix(panel, ["asset", "market", "cross_section"])
    ours = {"features": clock.read()}
    clock = Clock()
    f = plain_features.features(panel, plain_features.by_pandas)
    plain_features.across_assets(f, panel, matrix.names)
    theirs = {"features": clock.read()}
    labels = forward_excess_returns(panel, HORIZON, LAG)
    y = scale_labels(labels, trailing_risk(panel, 126, HORIZON), relative=True).value
    first = max(matrix.warm)
    usable = panel.listed.copy()
    usable[:first] = False
    data = Dataset(matrix.values, y, labels.end, usable, matrix.names, False)
    common = {"first_test": first + 504, "first_train": first, "every": 5}
    monthly = WalkForward(labels.end, refit_every=MONTHLY, **common).folds()
    yearly = WalkForward(labels.end, refit_every=YEARLY, **common).folds()
    quality = {}
    some, factor = sampled(monthly, 6)
    dates = np.concatenate([fold.test for fold in some])
    dates = dates[np.isfinite(y[dates]).any(axis=1)]
    for name, make in GRIDS.items():
        clock = Clock()
        walk = walk_forward(OURS[name], name, data, monthly)
        ours[name] = clock.read()
        seconds, raw = plain_model(data, some, make)
        theirs[name] = seconds * factor
        quality[name] = rank_ic(walk.raw, y, dates), rank_ic(raw, y, dates)
    states = np.stack([matrix.column(name)[:, :].max(axis=1) for name in STATES], axis=1)
    known = np.arange(len(panel.dates))
    refits = WalkForward(known, first_test=first + 504, refit_every=MONTHLY, first_train=first).folds()
    clock = Clock()
    walk_regimes(states, refits, STATES, KMeansRegimes(3, seed=0))
    ours["regimes"] = clock.read()
    some, factor = sampled(refits, 6)
    theirs["regimes"] = plain_regimes(states, some) * factor
    some, factor = sampled(yearly, 4)
    dates = np.concatenate([fold.test for fold in some])
    dates = dates[np.isfinite(y[dates]).any(axis=1)]
    clock = Clock()
    walk = walk_forward(Boosting(min_rows_in_leaf=200), "trees", data, yearly)
    ours["trees"] = clock.read()
    seconds, raw = plain_trees(data, some)
    theirs["trees"] = seconds * factor
    quality["trees"] = rank_ic(walk.raw, y, dates), rank_ic(raw, y, dates)
    table(years, panel.returns.shape, len(monthly), len(yearly), ours, theirs, quality)


def table(years, shape, monthly, yearly, ours, theirs, quality) -> None:
    print(
        f"\n{years} years: {shape[0]} dates x {shape[1]} assets, {monthly} monthly and {yearly} yearly refits"
    )
    head = f"{'':>12} {'ours: cpu':>10} {'wall':>8} {'plain: cpu':>11} {'wall':>8} {'cpu ratio':>10}"
    print(f"{head}   rank IC, ours and plain")
    without = [name for name in ours if name != "trees"]
    rows = {name: (ours[name], theirs[name]) for name in ours}
    rows["no trees"] = sum(ours[n] for n in without), sum(theirs[n] for n in without)
    rows["all"] = sum(ours.values()), sum(theirs.values())
    for name, (mine, peer) in rows.items():
        scores = "   {:.3f}  {:.3f}".format(*quality[name]) if name in quality else ""
        print(
            f"{name:>12} {mine[0]:>8.2f} s {mine[1]:>6.2f} s {peer[0]:>9.1f} s {peer[1]:>6.1f} s "
            f"{peer[0] / mine[0]:>9.1f}x{scores}"
        )


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    with threadpool_limits(1):
        for years in map(int, sys.argv[1:] or ("16", "32")):
            compare(years)
