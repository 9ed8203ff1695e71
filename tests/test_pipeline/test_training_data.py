"""Too little training data: refused before anything is fitted, with the first date that works."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_prices import settings, write_prices
from running import pipeline_of

from pipeline.config import RunConfig, load_config
from pipeline.errors import RunError
from pipeline.preflight.training_data import _minimum_training
from pipeline.stages import compute
from validation.folds.walk_forward import inner_folds

N_DATES = 150
FOUR_DATES = "1995-05-31"
"""First test date before which four dates can be trained on."""
RIDGE = {"kind": "ridge", "n_penalties": 8, "inner_splits": 2}
TUNED = RIDGE | {"tuning": {"trials": 2, "splits": 2, "space": {"half_life": {"low": 12, "high": 60}}}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with prices of assets that list late, die and have holes."""
    folder = tmp_path_factory.mktemp("few")
    write_prices(folder / "prices.csv", n_dates=N_DATES, n_assets=8, seed=2)
    return folder


def config_of(folder, first_test, model=RIDGE, **changes):
    models = {"models": {"ridge": model}, "allocation__forecast": "ridge"}
    content = settings(folder, N_DATES, **models, **changes)
    content["walk_forward"]["first_test"] = first_test
    return RunConfig.model_validate(content)


def prepare(config):
    return pipeline_of(config).prepare()


def date_that_works(message):
    return re.search(r"first_test that works is (\d{4}-\d\d-\d\d)", message)[1]


def test_four_dates_are_refused_and_nothing_is_fitted(folder, monkeypatch):
    def fitted(*_):
        raise AssertionError("something was fitted")

    monkeypatch.setattr(compute, "make_regimes", fitted)
    pipeline = pipeline_of(config_of(folder, FOUR_DATES))
    with pytest.raises(
        RunError, match=r"model ridge on 1995-05-31 would use \d\d rows of 4 dates; 59 features "
    ):
        pipeline.train(pipeline.prepare())


def slow_counts(prepared, start, splits=None):
    """Count dates and rows of each training set of a fit at a row, one pair at a time."""
    schedule, panel, walk = prepared.schedule, prepared.panel, prepared.schedule.walk
    dates = []
    for t in range(schedule.first_train, start):
        late = schedule.labels.end[t] + walk.embargo >= start
        if not late and (t - schedule.first_train) % walk.every == 0:
            dates.append(t)
    dates = dates[-walk.window :] if walk.window else dates
    rows = {
        t: sum(
            bool(panel.listed[t, j] and np.isfinite(schedule.target.value[t, j]))
            for j in range(len(panel.assets))
        )
        for t in dates
    }
    dates = np.array([t for t in dates if rows[t]], dtype=np.int64)
    sets = [dates]
    if splits is not None:
        sets = [fold.train for fold in inner_folds(dates, schedule.labels.end[dates], splits)]
    return [(len(kept), sum(rows[t] for t in kept)) for kept in sets] or [(0, 0)]


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        (RIDGE, {}),
        (RIDGE, {"target__horizon": 3, "target__execution_lag": 1, "walk_forward__embargo": 2}),
        (RIDGE, {"walk_forward__train_every": 2}),
        (RIDGE, {"walk_forward__window": 30}),
        (RIDGE | {"refit_every": 5}, {"walk_forward__window": 30}),
        (TUNED, {}),
    ],
    ids=["plain", "overlap", "every second date", "rolling", "own schedule", "tuned"],
)
def test_the_date_named_is_the_first_that_works(folder, model, changes):
    with pytest.raises(RunError) as refused:
        prepare(config_of(folder, "1995-08-31", model, **changes))
    works = date_that_works(str(refused.value))
    prepared = prepare(config_of(folder, works, model, evaluation__start="2000-01-31", **changes))
    schedule, config = prepared.schedule, prepared.config
    need = _minimum_training(config, len(prepared.matrix.names) + config.regimes.states + 1)

    def enough(start, splits=None):
        return all(
            dates >= need[0] and rows >= need[1] for dates, rows in slow_counts(prepared, start, splits)
        )

    first = schedule.walk.first_test
    every = model.get("refit_every", config.walk_forward.refit_every)
    assert all(enough(start) for start in range(first, len(prepared.panel.dates), every))
    splits = model["tuning"]["splits"] if "tuning" in model else None
    assert splits is None or enough(first, splits)
    for earlier in range(prepared.schedule.first_train + 1, first):
        starts = range(earlier, len(prepared.panel.dates), every)
        assert not (all(map(enough, starts)) and (splits is None or enough(earlier, splits)))


def test_a_universe_that_shrinks_is_refused_at_the_refit_that_has_too_few_rows(tmp_path):
    write_prices(tmp_path / "prices.csv", n_dates=N_DATES, n_assets=8, seed=2, deaths=False)
    table = pd.read_csv(tmp_path / "prices.csv", index_col=0)
    table.iloc[115:, 2:] = np.nan
    table.to_csv(tmp_path / "prices.csv")
    config = config_of(tmp_path, "1997-07-31", walk_forward__window=24)
    with pytest.raises(
        RunError, match=r"on 2001-07-31 would use \d\d rows of 24 dates.*No walk_forward.first_test"
    ):
        prepare(config)
    prepare(config_of(tmp_path, "1997-07-31"))  # an expanding window keeps what was there


def test_the_configuration_may_ask_for_less_or_more(folder):
    less = {"walk_forward__min_train_dates": 4, "walk_forward__min_train_rows": 20}
    assert len(prepare(config_of(folder, FOUR_DATES, **less)).schedule.folds[0].train) == 4
    with pytest.raises(RunError, match="need at least 118 rows of 60 dates"):
        prepare(config_of(folder, "1997-07-31", walk_forward__min_train_dates=60))
    with pytest.raises(RunError, match=r"No walk_forward\.first_test of this data works: use more data"):
        prepare(config_of(folder, "1997-07-31", walk_forward__min_train_rows=10_000))


def test_the_default_follows_from_the_number_of_features(folder):
    config = config_of(folder, "1997-07-31")
    assert _minimum_training(config, 10) == (8, 20)
    assert _minimum_training(config, 200) == (25, 400)
    overlapping = config_of(folder, "1997-07-31", target__horizon=21, walk_forward__train_every=5)
    assert _minimum_training(overlapping, 10) == (34, 20), (
        "8 periods of 21 observations, each fifth trained on"
    )


@pytest.mark.parametrize(
    ("regimes", "need"),
    [
        ({"states": 3, "min_train": 23}, 24),
        ({"states": 3, "min_train": 25, "kind": "hmm", "features": ["market_return_12"] * 1}, 24),
        ({"states": 4, "min_train": 35, "kind": "hmm"}, 34),
    ],
)
def test_regimes_need_dates_for_their_states_and_parameters(folder, regimes, need):
    config = config_of(folder, "1997-07-31", regimes=regimes)
    if regimes["min_train"] >= need:
        prepare(config)
        regimes = regimes | {"min_train": need - 1}
    with pytest.raises(RunError, match=f"need at least {need} observations before the first fit"):
        prepare(config_of(folder, "1997-07-31", regimes=regimes))


def test_the_shipped_configuration_with_the_shortest_training_has_enough(tmp_path):
    config = load_config(Path(__file__).resolve().parents[2] / "configs" / "industries.yaml")
    prepare(config.model_copy(update={"output": tmp_path}))
