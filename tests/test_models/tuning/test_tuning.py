"""Tuning: against slow oracles of loss and pruning, with any number of workers, and after interruptions."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from plain_models import Means

from models.base import Forecaster
from models.boosting.model import Boosting
from models.dataset import Dataset, Rows
from models.dispatch import walk_forward
from models.errors import TrainingError
from models.linear.regression import Ridge
from models.parallel.executors import Threads
from models.tuning.blocks import find_best, tune_model
from models.tuning.search import BATCH, SearchSettings
from models.tuning.search_space import Choices, Range
from models.tuning.tuned import Tuned
from validation.folds.walk_forward import WalkForward, inner_folds

ROOT = Path(__file__).resolve().parents[3]
SPACE = {"level": Range(-3.0, 3.0), "tilt": Range(0, 4, whole=True), "sign": Choices((1, -1))}


class Constant(Forecaster):
    """Forecasts a number of its own; each fit is counted, and one can be made to raise."""

    fits = 0
    raise_at = None

    def __init__(self, level=2.0, tilt=4, sign=-1, error=0.0):
        self.level = level
        self.tilt = tilt
        self.sign = sign
        self.error = error

    def fit(self, X, y, rows=None):
        cls = type(self)
        cls.fits += 1
        if cls.raise_at is not None and cls.fits > cls.raise_at:
            raise KeyboardInterrupt
        return self

    def predict(self, X, rows=None):
        return np.full(len(X), self.level + 0.1 * self.tilt * self.sign) + self.error


@pytest.fixture(autouse=True)
def _fresh_count():
    Constant.fits, Constant.raise_at = 0, None


def make_data(seed=0, n_dates=90, n_assets=5, horizon=2, weight=False, relative=False):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_dates, n_assets, 4))
    # The level moves, so that what a trial loses depends on the block.
    y = 0.7 + 0.6 * np.sin(np.arange(n_dates) / 9)[:, None] + 0.5 * X[:, :, 0] + rng.normal(size=X.shape[:2])
    y[-horizon:] = np.nan
    usable = rng.uniform(size=y.shape) > 0.1
    w = rng.uniform(0.5, 2.0, y.shape) if weight else None
    ends = np.arange(n_dates) + horizon
    return Dataset(X, y, ends, usable, tuple("abcd"), relative, w)


def training(data, stop=80):
    return data.training(np.arange(stop - 2))


def contents(trials):
    """All of the trials but the time they took."""
    return [replace(trial, seconds=0.0) for trial in trials]


def slow_losses(model, parameters, X, y, rows, splits, relative):
    """Return the mean loss after each block: a frame, a loop and a group-by."""
    frame = pd.DataFrame({"date": rows.date, "end": rows.end, "asset": rows.asset, "y": y})
    frame["w"] = 1.0 if rows.weight is None else rows.weight
    dates = frame.groupby("date")["end"].first()
    total, weight, means = 0.0, 0.0, []
    for fold in inner_folds(dates.index.to_numpy(), dates.to_numpy(), splits):
        test = frame[frame["date"].isin(fold.test)].copy()
        train = frame[frame["end"] < test["date"].min()]
        assert set(train["date"]) == set(fold.train)
        parts = [Rows(*(p[c].to_numpy() for c in ("date", "end", "asset", "w"))) for p in (train, test)]
        fitted = type(model)(**model.get_params() | parameters).fit(X[train.index], y[train.index], parts[0])
        test["error"] = test["y"] - fitted.predict(X[test.index], parts[1])
        if relative:
            mean = test.groupby("date")[["error", "w"]].apply(
                lambda g: np.average(g["error"], weights=g["w"])
            )
            test["error"] -= test["date"].map(mean)
        total, weight = total + (test["w"] * test["error"] ** 2).sum(), weight + test["w"].sum()
        means.append(total / weight)
    return means


@pytest.mark.parametrize(("weight", "relative"), [(False, False), (True, False), (True, True)])
def test_losses_are_those_of_the_slow_way(weight, relative):
    X, y, rows = training(make_data(weight=weight, relative=relative))
    model = Boosting(max_trees=8, min_rows_in_leaf=10)
    space = {"num_leaves": Range(2, 9, log=True, whole=True), "l2": Range(0.1, 10.0, log=True)}
    trials = tune_model(
        model, X, y, rows, SearchSettings(space, trials=6, splits=2, pruning="none", relative=relative)
    )
    assert [trial.number for trial in trials] == list(range(6))
    assert trials[0].params == {"num_leaves": 12, "l2": 10.0}
    assert len({trial.loss for trial in trials}) > 3
    for trial in trials:
        slow = slow_losses(model, trial.params, X, y, rows, 2, relative)
        assert trial.loss == pytest.approx(slow[-1], rel=1e-12)
    assert find_best(trials).loss == min(trial.loss for trial in trials)


def test_the_median_gives_up_what_finished_batches_say():
    """Against the rule written out: worse than the median of the finished ones, after five of them."""
    X, y, rows = training(make_data())
    trials = tune_model(
        Constant(), X, y, rows, SearchSettings(SPACE, search="random", trials=40, splits=4, seed=11)
    )
    means = [slow_losses(Constant(), trial.params, X, y, rows, 4, False) for trial in trials]
    running = np.array(means)
    ends, pruned = [3], [False]
    for start in range(1, 40, BATCH):
        finished = [i for i in range(start) if not pruned[i]]
        for i in range(start, min(start + BATCH, 40)):
            given_up = [
                block
                for block in range(3)
                if len(finished) >= 5 and running[i, block] > np.median(running[finished, block])
            ]
            ends.append(given_up[0] if given_up else 3)
            pruned.append(bool(given_up))
    assert [trial.pruned for trial in trials] == pruned
    assert len(set(ends)) > 2, "trials should be given up after more than one block"
    assert [trial.loss for trial in trials] == pytest.approx([m[e] for m, e in zip(means, ends, strict=True)])
    assert Constant.fits - 40 * 4 == sum(e + 1 for e in ends)


def test_hyperband_gives_up_more_and_never_the_defaults():
    X, y, rows = training(make_data())
    trials = tune_model(
        Constant(), X, y, rows, SearchSettings(SPACE, trials=40, splits=9, pruning="hyperband")
    )
    assert 0 < sum(trial.pruned for trial in trials) < 40
    assert not trials[0].pruned


@pytest.mark.parametrize(
    ("search", "pruning"), [("tpe", "median"), ("tpe", "hyperband"), ("random", "none"), ("grid", "median")]
)
def test_any_number_of_workers_tries_and_chooses_the_same(search, pruning):
    data = make_data(weight=True, n_dates=82)
    folds = WalkForward(data.ends, first_test=60, refit_every=5).folds()
    model = Boosting(max_trees=4, min_rows_in_leaf=10)
    space = {"num_leaves": Range(2, 9, whole=True, points=3), "l2": Range(0.1, 10.0, log=True)}
    tuned = Tuned(model, space, search, trials=20, every=20, pruning=pruning, seed=3)
    one, two = (walk_forward(tuned, "m", data, folds, executor=Threads(n)) for n in (1, 2))
    assert contents(one.trials) == contents(two.trials)
    assert one.raw.tobytes() == two.raw.tobytes()
    assert sorted({trial.first_test for trial in one.trials}) == [60, 80]
    other = Tuned(model, space, search, trials=20, every=20, pruning=pruning, seed=4)
    differs = contents(walk_forward(other, "m", data, folds[:1]).trials) != contents(
        one.trials[: len(one.trials) // 2]
    )
    assert differs == (search != "grid")


def test_a_grid_tries_each_point_once_after_the_defaults():
    X, y, rows = training(make_data())
    space = {"level": Range(0.5, 2.0, points=4), "sign": Choices((1, -1)), "tilt": Range(0, 1, whole=True)}
    trials = tune_model(
        Constant(), X, y, rows, SearchSettings(space, search="grid", trials=17, pruning="none")
    )
    tried = [(t.params["level"], t.params["sign"], t.params["tilt"]) for t in trials]
    grid = [(level, s, t) for level in (0.5, 1.0, 1.5, 2.0) for s in (1, -1) for t in (0, 1)]
    assert tried == [(2.0, -1, 4), *grid]
    losses = [slow_losses(Constant(), t.params, X, y, rows, 3, False)[-1] for t in trials]
    assert find_best(trials) == trials[int(np.argmin(losses))]
    with pytest.raises(TrainingError, match="16 points beside the model's own, more than 16 trials"):
        tune_model(Constant(), X, y, rows, SearchSettings(space, search="grid", trials=16))


def test_tpe_comes_nearer_than_chance():
    """A bowl of four parameters: the Parzen estimator must win nearly always."""

    class Bowl(Constant):
        def __init__(self, a=9.0, b=9.0, c=9.0, d=9.0):
            self.a, self.b, self.c, self.d = a, b, c, d

        def predict(self, X, rows=None):
            far = sum(
                (v - t) ** 2 for v, t in zip((self.a, self.b, self.c, self.d), (1, -2, 3, 0), strict=True)
            )
            return np.full(len(X), 0.7 + np.sqrt(far))

    X, y, rows = training(make_data())
    space = dict.fromkeys("abcd", Range(-10.0, 10.0))
    best = {
        search: np.array(
            [
                find_best(
                    tune_model(Bowl(), X, y, rows, SearchSettings(space, search=search, trials=50, seed=seed))
                ).loss
                for seed in range(4)
            ]
        )
        for search in ("tpe", "random")
    }
    assert (best["tpe"] < best["random"]).sum() >= 3


def test_the_defaults_stay_where_nothing_is_better():
    X, y, rows = training(make_data())
    best_level = slow_best(X, y, rows)
    model = Constant(level=best_level, tilt=0)
    # The defaults lie outside of the space.
    space = {"level": Range(best_level + 1, best_level + 3)}
    trials = tune_model(model, X, y, rows, SearchSettings(space, trials=20))
    assert find_best(trials) == trials[0]
    assert trials[0].params == {"level": best_level}


def slow_best(X, y, rows):
    dates = np.unique(rows.date)
    return float(y[rows.date >= dates[len(dates) // 2]].mean())


def test_an_interrupted_search_goes_on_where_it_stopped(tmp_path):
    X, y, rows = training(make_data())
    settings = SearchSettings(SPACE, trials=40, splits=4, seed=5)
    whole = tune_model(Constant(), X, y, rows, settings)
    all_fits = Constant.fits
    journal = tmp_path / "new folder" / "tuning.journal"
    for stop in (0, 50, 20):
        Constant.fits, Constant.raise_at = 0, stop
        with pytest.raises(KeyboardInterrupt):
            tune_model(Constant(), X, y, rows, settings, journal=journal, executor=Threads(2))
    Constant.fits, Constant.raise_at = 0, None
    assert contents(tune_model(Constant(), X, y, rows, settings, journal=journal)) == contents(whole)
    assert 0 < Constant.fits < all_fits / 2
    Constant.fits = 0
    again = tune_model(Constant(), X, y, rows, settings, journal=journal)
    assert contents(again) == contents(whole)
    assert Constant.fits == 0
    # More trials begin with the same ones; TPE never looks ahead at how many there will be.
    more = tune_model(Constant(), X, y, rows, replace(settings, trials=48), journal=journal)
    assert contents(more[:40]) == contents(whole)


def test_a_killed_process_leaves_a_journal_to_go_on_with(tmp_path):
    script = f"""
import os, sys
sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(ROOT / "tests" / "contracts")!r}]
from pathlib import Path
from test_tuning import *
class Dying(Constant):
    pass
Dying.__module__, Dying.__qualname__ = "test_tuning", "Constant"
def fit(self, X, y, rows=None):
    Constant.fits += 1
    if Constant.fits > 60:
        os._exit(9)
    return self
Dying.fit = fit
X, y, rows = training(make_data())
settings = SearchSettings(SPACE, trials=40, splits=4, seed=5)
tune_model(Dying(), X, y, rows, settings, journal=Path("killed.journal"))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 9
    X, y, rows = training(make_data())
    journal = tmp_path / "killed.journal"
    # What a process leaves that is killed in the middle of a line.
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"x')
    whole = contents(tune_model(Constant(), X, y, rows, SearchSettings(SPACE, trials=40, splits=4, seed=5)))
    all_fits, Constant.fits = Constant.fits, 0
    assert (
        contents(
            tune_model(
                Constant(), X, y, rows, SearchSettings(SPACE, trials=40, splits=4, seed=5), journal=journal
            )
        )
        == whole
    )
    assert 0 < Constant.fits < all_fits
    assert all(json.loads(line) for line in journal.read_text().splitlines())


def test_a_journal_of_other_data_or_settings_is_not_believed(tmp_path):
    X, y, rows = training(make_data())
    settings, journal = SearchSettings(SPACE, trials=10), tmp_path / "j"
    tune_model(Constant(), X, y, rows, settings, journal=journal)
    for other in (
        lambda: tune_model(Constant(), X, y + 1e-9, rows, settings, journal=journal),
        lambda: tune_model(Constant(error=0.1), X, y, rows, settings, journal=journal),
        lambda: tune_model(Constant(), X, y, rows, replace(settings, splits=2), journal=journal),
        lambda: tune_model(Constant(), X, y, rows, replace(settings, relative=True), journal=journal),
    ):
        Constant.fits = 0
        trials = other()
        assert Constant.fits >= 10
        assert len(trials) == 10


@pytest.mark.parametrize("selection", ["past", "nested"])
def test_a_walk_is_made_of_stretches_of_the_chosen_models(selection):
    data = make_data(relative=True)
    folds = WalkForward(data.ends, first_test=50, refit_every=5).folds()
    tuned = Tuned(
        Ridge(True, selection, n_penalties=6), {"half_life": Range(12.0, 80.0)}, trials=6, every=15, seed=1
    )
    seen = []
    walk = walk_forward(tuned, "r", data, folds, lambda done, total: seen.append((done, total)))
    split_stretches = [folds[0:3], folds[3:6], folds[6:]]
    assert walk.untuned.tobytes() == walk_forward(tuned.model, "r", data, folds).raw.tobytes()
    for stretch in split_stretches:
        start, after = stretch[0].test[0], stretch[-1].test[-1] + 1
        trials = [trial for trial in walk.trials if trial.first_test == start]
        best = find_best(trials)
        # A record of past losses begins at the first fold, whichever parameters were used there.
        walked = folds[: folds.index(stretch[-1]) + 1] if selection == "past" else stretch
        model = Ridge(True, selection, n_penalties=6, half_life=best.params["half_life"])
        plain = walk_forward(model, "r", data, walked)
        assert walk.raw[start:after].tobytes() == plain.raw[start:after].tobytes()
        chosen = [fit.chosen["half_life"] for fit in walk.fits if start <= fit.first_test < after]
        assert chosen == pytest.approx([best.params["half_life"] or np.nan] * len(stretch), nan_ok=True)
        X, y, rows = data.training(stretch[0].train)
        alone = tune_model(tuned.model, X, y, rows, SearchSettings(tuned.space, trials=1, relative=True))
        assert alone[0].loss == trials[0].loss
    assert len(walk.trials) == 18
    assert [fit.first_test for fit in walk.fits] == [fold.test[0] for fold in folds]
    assert np.isnan(walk.raw[:50]).all()
    assert seen[-1][0] == seen[-1][1] == 2 * len(folds) + 18
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert walk.last == plain.last


def test_where_the_defaults_stay_the_walk_is_the_plain_one():
    data = make_data(relative=True)
    folds = WalkForward(data.ends, first_test=50, refit_every=5).folds()
    model = Boosting(max_trees=10, min_rows_in_leaf=10)
    # Fits of no tree's worth of learning: never better than the defaults.
    walk = walk_forward(
        Tuned(model, {"learning_rate": Range(1e-9, 1e-8)}, trials=3, every=15), "b", data, folds
    )
    assert [find_best(walk.trials[i : i + 3]).number for i in (0, 3, 6)] == [0, 0, 0]
    assert walk.raw.tobytes() == walk.untuned.tobytes()
    assert [fit.chosen["trees"] for fit in walk.fits] == [
        fit.chosen["trees"] for fit in walk_forward(model, "b", data, folds).fits
    ]


def test_without_every_one_search_is_made():
    data = make_data()
    folds = WalkForward(data.ends, first_test=50, refit_every=5).folds()
    walk = Tuned(Means(), {}, trials=3)
    with pytest.raises(TrainingError, match="needs a parameter and a trial, got 0 and 3"):
        walk_forward(walk, "m", data, folds)
    found = Tuned(Ridge(n_penalties=3), {"inner_splits": Range(1, 4, whole=True)}, trials=3)
    assert {trial.first_test for trial in walk_forward(found, "m", data, folds).trials} == {50}


def test_fit_and_predict_are_those_of_the_chosen_model():
    X, y, rows = training(make_data())
    tuned = Tuned(Ridge(n_penalties=6), {"half_life": Choices((None, 12.0, 40.0))}, "grid", trials=4).fit(
        X, y, rows
    )
    best = find_best(tuned.trials_)
    assert (
        tuned.predict(X).tobytes() == Ridge(n_penalties=6, **best.params).fit(X, y, rows).predict(X).tobytes()
    )
    assert tuned.spec("abcd")["kind"] == "Ridge"
    assert tuned.importance(4).sum() == pytest.approx(1)
    assert {"penalty", "half_life"} < set(tuned.chosen())
    words = Tuned(Ridge(n_penalties=6), {"selection": Choices(("past", "nested"))}, trials=2).fit(X, y, rows)
    assert set(words.chosen()) == {"penalty", "features_used"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": {"levle": Range(0, 1)}}, r"Constant has no parameter 'levle'; did you mean 'level'\?"),
        ({"stop": 4}, "2 training dates are too few"),
        ({"model": Constant(error=np.inf)}, "own parameters of Constant give no finite forecast"),
    ],
)
def test_mistakes_are_named(change, message):
    X, y, rows = training(make_data(), change.pop("stop", 80))
    with pytest.raises(TrainingError, match=message):
        tune_model(change.pop("model", Constant()), X, y, rows, SearchSettings(**{"space": SPACE} | change))


def test_an_infinite_forecast_loses():
    X, y, rows = training(make_data())
    space = {"error": Choices((float("inf"), 0.1))}
    trials = tune_model(Constant(), X, y, rows, SearchSettings(space, search="grid", trials=3))
    assert [np.isinf(trial.loss) for trial in trials] == [False, True, False]


def test_what_fails_says_with_which_parameters():
    class Failing(Constant):
        def fit(self, X, y, rows=None):
            if self.tilt == 3:
                raise TrainingError("no")
            return self

    X, y, rows = training(make_data())
    with pytest.raises(TrainingError) as error:
        tune_model(
            Failing(), X, y, rows, SearchSettings({"tilt": Range(0, 3, whole=True)}, search="grid", trials=5)
        )
    assert error.value.__notes__ == ["while tuning Failing, with {'tilt': 3}"]


def test_optuna_is_quiet_and_as_it_was(capfd):
    import optuna

    X, y, rows = training(make_data())
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    try:
        tune_model(Constant(), X, y, rows, SearchSettings(SPACE, trials=10))
        assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
    finally:
        optuna.logging.set_verbosity(optuna.logging.INFO)
    assert capfd.readouterr().err == ""
