"""Gain of tuning over the defaults, inside the training windows and out of sample, and its cost.

    .venv/bin/python benchmarks/tuning.py               synthetic panels, and the cost of storing trials
    .venv/bin/python benchmarks/tuning.py industries    the shipped configuration of industries

Trees on panels of `trees.py`, with a weak nonlinear signal and without any signal. Each search has the same number of
trials, of which the first is the defaults; trials are pruned only if the row says so.

* inside: reduction of the loss by the chosen trial, relative to the loss of the defaults, mean over searches;
* rank IC and R2: tuned minus untuned, out of sample: mean over panels of the difference of means over dates, and its
  standard error over panels (for industries over dates, with HAC errors);
* time: wall clock of all searches and walk-forwards, on all cores, and the share of pruned trials.

Storing trials: seconds of one search of a model without cost, in memory, in Optuna's journal file, and in its SQLite
storage.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits
from trees import panel

from models.base import Forecaster
from models.boosting.model import Boosting
from models.dataset import Dataset
from models.dispatch import walk_forward
from models.tuning.blocks import find_best, tune_model
from models.tuning.search import SearchSettings, silence_optuna
from models.tuning.search_space import Choices, Range
from models.tuning.tuned import Tuned
from models.walk_forward.results import WalkResult
from validation.folds.walk_forward import WalkForward
from validation.forecasts.scores import hac_mean, information_coefficient

SPACE = {
    "num_leaves": Range(4, 63, log=True, whole=True, points=3),
    "l2": Range(0.1, 100.0, log=True, points=3),
    "feature_fraction": Choices((0.1, 0.25, 0.5)),
}
TRIALS = 28
SEARCHES = {
    "grid": {"search": "grid", "pruning": "none"},
    "random": {"search": "random", "pruning": "none"},
    "tpe": {"search": "tpe", "pruning": "none"},
    "tpe, median": {"search": "tpe", "pruning": "median"},
    "tpe, hyperband": {"search": "tpe", "pruning": "hyperband"},
}


@dataclass(frozen=True)
class Gain:
    """The gain of a tuned walk-forward over the untuned one: by date, and inside the windows."""

    inside: float
    ic: np.ndarray
    r2: float
    seconds: float
    pruned: float


def gain(data: Dataset, walk: WalkResult, seconds: float) -> Gain:
    """Compare a tuned walk-forward with the untuned one."""
    assert walk.untuned is not None
    y = np.where(np.isfinite(walk.raw), data.y, np.nan)
    sse = [float(np.nansum((y - forecast) ** 2)) for forecast in (walk.raw, walk.untuned)]
    ic = [np.nan_to_num(information_coefficient(forecast, y)) for forecast in (walk.raw, walk.untuned)]
    tested = np.isfinite(y).any(axis=1)
    inside = []
    for first in sorted({trial.first_test for trial in walk.trials}):
        trials = [trial for trial in walk.trials if trial.first_test == first]
        inside.append(1 - find_best(trials).loss / trials[0].loss)
    pruned = float(np.mean([trial.pruned for trial in walk.trials]))
    r2 = (sse[1] - sse[0]) / float(np.nansum(y**2))
    return Gain(float(np.mean(inside)), (ic[0] - ic[1])[tested], r2, seconds, pruned)


def timed(data: Dataset, tuned: Tuned, first: int, refit: int) -> Gain:
    """Run the walk-forward with a timer, and compare it with the untuned one."""
    folds = WalkForward(data.ends, first_test=first, refit_every=refit).folds()
    began = time.perf_counter()
    walk = walk_forward(tuned, "tuned", data, folds)
    return gain(data, walk, time.perf_counter() - began)


def line(name: str, gains: list[Gain]) -> str:
    """Return one row of the table."""
    ic = np.array([g.ic.mean() for g in gains])
    r2 = np.array([g.r2 for g in gains])
    root = np.sqrt(len(gains))
    return (
        f"  {name:<15} inside {100 * np.mean([g.inside for g in gains]):5.2f} %"
        f"   rank IC {ic.mean():+.4f} ({ic.std(ddof=1) / root:.4f})"
        f"   R2 {100 * r2.mean():+.3f} % ({100 * r2.std(ddof=1) / root:.3f})"
        f"   {median(g.seconds for g in gains):5.1f} s, given up {100 * np.mean([g.pruned for g in gains]):2.0f} %"
    )


def synthetic(panels: int = 6) -> None:
    """Print the table of the synthetic panels."""
    for kind in ("signal", "noise"):
        gains: dict[str, list[Gain]] = {name: [] for name in SEARCHES}
        for seed in range(panels):
            data = panel(240, 16, 12, 1, seed)
            if kind == "noise":
                # Permute the labels over dates: the same returns, but unrelated to the features.
                order = np.random.default_rng(seed).permutation(len(data.y) - 1)
                data = replace(data, y=np.vstack([data.y[order], data.y[-1:]]))
            for name, search in SEARCHES.items():
                tuned = Tuned(Boosting(seed=seed), SPACE, trials=TRIALS, every=40, seed=seed, **search)
                gains[name].append(timed(data, tuned, 160, 20))
        print(
            f"{kind}: {panels} panels of 240 dates x 16 assets x 12 features, 2 searches of {TRIALS} trials each"
        )
        for name, each in gains.items():
            print(line(name, each), flush=True)


def industries() -> None:
    """Print the gain on the shipped configuration, with trees that are tuned every ten years."""
    from rich.console import Console

    from pipeline.config import load_config
    from pipeline.progress import Reporter
    from pipeline.runner.pipeline import Pipeline
    from pipeline.stages import compute
    from pipeline.store import Store

    config = load_config(Path(__file__).resolve().parents[1] / "configs" / "industries.yaml")
    with tempfile.TemporaryDirectory() as folder:
        prepared = Pipeline(config, Store(Path(folder)), Reporter(Console(silence_optuna=True))).prepare()
    regimes = compute.make_regimes(prepared.matrix, prepared.schedule, config)
    data = compute.make_dataset(prepared.panel, prepared.matrix, regimes, prepared.schedule, config)
    folds = prepared.schedule.folds
    print("industries, the shipped configuration, trees tuned each ten years")
    tuned = Tuned(Boosting(), SPACE, trials=TRIALS, every=120)
    began = time.perf_counter()
    walk = walk_forward(tuned, "tuned", data, folds)
    got = gain(data, walk, time.perf_counter() - began)
    searches = len({trial.first_test for trial in walk.trials})
    about = f"{searches} searches, {got.seconds:.0f} s, given up {100 * got.pruned:.0f} %"
    print(f"  tpe, median    inside {100 * got.inside:.2f} %   {by_date(got)}   {about}", flush=True)


def by_date(got: Gain) -> str:
    """Return the gain with the standard error of its mean over dates."""
    test = hac_mean(got.ic, 0)
    return f"rank IC {test.mean:+.4f} ({test.stderr:.4f})   R2 {100 * got.r2:+.3f} %"


class Free(Forecaster):
    """A forecaster without any cost."""

    def __init__(self, a: float = 0.0, b: float = 0.0, c: float = 0.0) -> None:
        self.a, self.b, self.c = a, b, c

    def fit(self, X: np.ndarray, y: np.ndarray, rows: object = None) -> Free:
        """Do nothing."""
        return self

    def predict(self, X: np.ndarray, rows: object = None) -> np.ndarray:
        """Return one number."""
        return np.full(len(X), self.a + self.b * self.c)


def storages(trials: int = 200, rounds: int = 5) -> None:
    """Print the cost of storing trials."""
    import optuna

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 2)), rng.normal(size=100)
    space = dict.fromkeys("abc", Range(-1.0, 1.0))
    seconds: dict[str, list[float]] = {"memory": [], "journal": [], "sqlite": []}
    for _ in range(rounds):
        for kind, seen in seconds.items():
            with tempfile.TemporaryDirectory() as folder, silence_optuna():
                began = time.perf_counter()
                journal: object = None
                if kind == "journal":
                    journal = Path(folder) / "tuning.journal"
                elif kind == "sqlite":
                    journal = optuna.storages.RDBStorage(f"sqlite:///{folder}/tuning.db")
                tune_model(
                    Free(),
                    X,
                    y,
                    None,
                    SearchSettings(space, search="random", pruning="none", trials=trials),
                    journal=journal,
                )
                seen.append(time.perf_counter() - began)
    base = median(seconds["memory"])
    print(f"keeping {trials} random trials of a model that costs nothing, median of {rounds}")
    for kind, seen in seconds.items():
        extra = (median(seen) - base) / trials * 1000
        print(f"  {kind:<8} {median(seen):6.2f} s, {extra:5.2f} ms a trial beyond memory")


def main() -> None:
    """Print the tables."""
    with threadpool_limits(1):
        if sys.argv[1:] == ["industries"]:
            industries()
            return
        storages()
        synthetic(int(sys.argv[1]) if sys.argv[1:] else 6)


if __name__ == "__main__":
    main()
