"""Updating: what is gone on from is, to the last bit, what a full run makes of all dates."""

import datetime as dt
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from bits import assert_same_bits
from panels import assert_same
from rich.console import Console
from synthetic import make_panel

from operations.data.updating import update, versions_of
from operations.errors import OperationsError, RevisedError
from pipeline.config import RunConfig
from pipeline.errors import LeakError
from pipeline.progress import Reporter
from pipeline.runner.keys import FEATURES, REGIMES, features_key, fitting_key, walk_key
from pipeline.runner.pipeline import Pipeline
from pipeline.stages import compute
from pipeline.stages.loading import load_data
from pipeline.store import Store

FIRST = {"monthly": "1991-01-31", "daily": "2000-01-03"}


def reporter():
    return Reporter(Console(quiet=True))


def run_config(folder, source="prices", **changes):
    content = {
        "name": "mine",
        "data": {"source": source},
        "features": {"include": ["asset", "market", "macro", "cross_section"]},
        "target": {"horizon": 1, "execution_lag": 0, "relative": True, "risk_window": 24},
        "walk_forward": {"first_test": "1998-01-01", "refit_every": 12},
        "regimes": {"states": 2, "min_train": 60},
        "models": {
            "zero": {"kind": "zero"},
            "mean": {"kind": "mean"},
            "ridge": {"kind": "ridge", "n_penalties": 12, "inner_splits": 2},
            "lasso": {"kind": "lasso", "n_penalties": 12, "inner_splits": 2, "refit_every": 6},
            "lightgbm": {"kind": "lightgbm", "max_trees": 20, "min_rows_in_leaf": 50},
            "momentum": {"kind": "univariate", "features": ["momentum_12_1_z"]},
            "combination": {"kind": "combination", "members": ["ridge", "lightgbm", "momentum"]},
        },
        "allocation": {
            "forecast": "combination",
            "rebalance_every": 1,
            "covariance_window": 60,
            "min_history": 24,
            "maximum": 0.5,
        },
        "cost_rate": 0.001,
        "evaluation": {"start": "1999-12-31"},
        "output": str(folder / "runs"),
    }
    for key, value in changes.items():
        *path, last = key.split("__")
        section = content
        for part in path:
            section = section[part]
        section[last] = value
    return RunConfig.model_validate(content)


def industries(folder, **changes):
    """Return the embedded industries from 1985 on, which are small enough."""
    changes = {"data__start": "1985-01-31", **changes}
    return run_config(folder, "industries", **changes)


def own_file(folder, panel, **changes):
    """Return a configuration on the prices of a panel, which are written down."""
    write(folder, panel)
    return run_config(folder, data__path=str(folder / "prices.csv"), data__layout="long", **changes)


def write(folder, panel):
    """Write the prices of a panel to a long file, with a row before its first return."""
    close = panel.close
    rows = [
        {"date": f"{date:%Y-%m-%d}", "asset": name, "price": close[t, j], "volume": panel.volume[t, j]}
        for t, date in enumerate(panel.dates)
        for j, name in enumerate(panel.assets)
        if np.isfinite(close[t, j])
    ]
    pd.DataFrame(rows).to_csv(folder / "prices.csv", index=False)


def at(date):
    return pd.Timestamp(date).to_pydatetime().replace(tzinfo=dt.UTC)


def run(config, known_by):
    """Do what a run does up to its fits, on the source as of a date."""
    pipeline = Pipeline(config, Store(config.output / "store"), reporter())
    loaded = load_data(config, reporter(), known_by=pd.Timestamp(known_by))
    pipeline.fit(pipeline.prepare(loaded))
    return loaded[0]


def stored(config, digest):
    """Return all stages that are stored for a panel, by name."""
    store, fitting = Store(config.output / "store"), fitting_key(config, digest)
    found = {
        FEATURES: store.peek(FEATURES, features_key(config, digest)),
        REGIMES: store.peek(REGIMES, fitting),
    }
    for name, section in config.fitted_models().items():
        found[name] = store.peek("model", walk_key(fitting, name, section))
    return found


def assert_same_stages(one, other, digest):
    mine, full = stored(one, digest), stored(other, digest)
    assert mine.keys() == full.keys()
    for name in mine:
        assert mine[name] is not None, name
        assert full[name] is not None, name
        assert_same_bits(mine[name], full[name], name)


VARIANTS = {
    "expanding": {},
    "rolling": {"walk_forward__window": 72},
    "long horizon": {"target__horizon": 3, "target__execution_lag": 1, "walk_forward__train_every": 2},
    "absolute": {"target__relative": False},
    "uniqueness": {"walk_forward__weights": "uniqueness", "target__horizon": 4},
    "nested": {"models__ridge__selection": "nested"},
    "hmm": {"regimes__kind": "hmm", "regimes__refit_every": 3},
    "jump": {"regimes__kind": "jump", "walk_forward__embargo": 2},
    "univariate": {"models__ridge": {"kind": "univariate", "combine": "dmspe", "discount": 0.9}},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_updates_give_the_bits_of_a_full_run(variant, tmp_path):
    """Cut 14 months off, bring them back by one or a few, and compare every stage with that of a run on all dates."""
    config = industries(tmp_path / "updated", **VARIANTS[variant])
    months = pd.date_range("2002-02-28", periods=14, freq="ME")[[0, 1, 4, 5, 10, 11, 13]]
    run(config, "2002-01-31")
    update(config, reporter(), now=at("2002-01-31"))
    for month in months:
        done = update(config, reporter(), now=at(month))
        assert done.continued == done.recorded.version.version - 1
    full = industries(tmp_path / "full", **VARIANTS[variant])
    panel = run(full, months[-1])
    assert_same(panel, done.panel)
    assert_same_stages(config, full, panel.digest())


def test_many_months_at_once_are_the_same_too(tmp_path):
    config = industries(tmp_path / "updated")
    run(config, "2002-01-31")
    for month in ("2002-01-31", "2002-02-28", "2005-12-31"):
        update(config, reporter(), now=at(month))
    full = industries(tmp_path / "full")
    panel = run(full, "2005-12-31")
    assert_same_stages(config, full, panel.digest())


def write_own_data(folder):
    """Write a revised series and a quarterly table of three industries; return the keys of both."""
    rng = np.random.default_rng(3)
    months = pd.date_range("1980-01-31", "2006-12-31", freq="ME")
    level = 100 * np.exp(np.cumsum(rng.normal(0.003, 0.004, len(months))))
    first = pd.DataFrame({"date": months, "value": level, "known": months + pd.Timedelta(days=15)})
    again = first.assign(value=level + rng.normal(0, 0.2, len(level)), known=months + pd.Timedelta(days=70))
    pd.concat([first, again]).to_csv(folder / "cpi.csv", index=False)
    quarters = pd.date_range("1984-03-31", "2006-12-31", freq="QE")
    table = pd.DataFrame(rng.normal(size=(len(quarters), 3)), columns=["NoDur", "Durbl", "Manuf"])
    table.insert(0, "date", quarters)
    table.to_csv(folder / "score.csv", index=False)
    cpi = {"column": "value", "known_at": "known", "transform": "log_change_12"}
    return {
        "data__series": {
            "cpi": {
                "path": str(folder / "cpi.csv"),
                **cpi,
                "features": ["level", "zscore_36", "interaction_24"],
            }
        },
        "data__tables": {
            "score": {
                "path": str(folder / "score.csv"),
                "lag": "2 months",
                "max_age": "9 months",
                "features": ["level", "change_3", "rank"],
            }
        },
    }


def test_updates_with_own_data_give_the_bits_of_a_full_run(tmp_path):
    own = write_own_data(tmp_path)
    config = industries(tmp_path / "updated", **own)
    run(config, "2002-01-31")
    update(config, reporter(), now=at("2002-01-31"))
    for month in pd.to_datetime(["2002-02-28", "2002-03-31", "2002-06-30"]):
        done = update(config, reporter(), now=at(month))
        assert done.recorded.version.kind == "append"
        assert done.continued == done.recorded.version.version - 1
        assert max(each.known_at.max() for each in done.panel.macro.values()) <= month
    full = industries(tmp_path / "full", **own)
    panel = run(full, "2002-06-30")
    assert_same(panel, done.panel)
    assert_same(versions_of(config).read(), panel)
    assert_same_stages(config, full, panel.digest())
    assert {"cpi_interaction_24", "score_rank"} <= set(stored(config, panel.digest())["features"].names)


def test_a_rewritten_value_of_own_data_is_refused(tmp_path):
    config = industries(tmp_path, **write_own_data(tmp_path))
    update(config, reporter(), now=at("2002-01-31"))
    text = (tmp_path / "score.csv").read_text().splitlines()
    text[5] = text[5].split(",")[0] + ",1.5,2.5,3.5"
    (tmp_path / "score.csv").write_text("\n".join(text) + "\n")
    with pytest.raises(RevisedError, match=r"table/score of \w+ on 1985-05-31 was .* is [123].5"):
        update(config, reporter(), now=at("2002-02-28"))
    done = update(config, reporter(), now=at("2002-02-28"), accept_revisions=True)
    assert done.recorded.version.kind == "revision"


@pytest.mark.parametrize("stage", ["model ridge", "regimes"])
def test_what_changes_its_past_is_refused(stage, tmp_path, monkeypatch):
    """A model or regime that looks ahead would make an update another thing than a run."""
    config = industries(tmp_path)
    run(config, "2002-01-31")
    update(config, reporter(), now=at("2002-01-31"))
    name, array = ("walk_model", "raw") if stage == "model ridge" else ("make_regimes", "probabilities")
    honest = getattr(compute, name)

    def leaking(*arguments):
        made = honest(*arguments)
        if name == "walk_model" and arguments[0] != "ridge":
            return made
        values = getattr(made, array).copy()
        values[-2] = np.nextafter(values[-2], 1.0)  # the last date but one was known before
        return replace(made, **{array: values})

    monkeypatch.setattr(compute, name, leaking)
    with pytest.raises(LeakError, match=f"{stage}: its result at row 204 of 205 changed"):
        update(config, reporter(), now=at("2002-02-28"))


def test_a_search_for_parameters_is_left_to_the_next_run(tmp_path):
    search = {"search": "random", "trials": 2, "splits": 1, "space": {"half_life": {"low": 60, "high": 240}}}
    config = industries(tmp_path, models__ridge__tuning=search)
    run(config, "2002-01-31")
    for month in ("2002-01-31", "2002-02-28"):
        done = update(config, reporter(), now=at(month))
    there = {name: made is not None for name, made in stored(config, done.recorded.version.digest).items()}
    assert [name for name, made in there.items() if not made] == ["ridge"]
    assert update(config, reporter(), now=at("2002-02-28")).continued is None


def test_what_was_gone_on_from_twice_is_let_go(tmp_path):
    config = industries(tmp_path)
    run(config, "2002-01-31")
    months = ("2002-01-31", "2002-02-28", "2002-03-31", "2002-04-30")
    digests = [update(config, reporter(), now=at(month)).recorded.version.digest for month in months]
    there = [{name: value is not None for name, value in stored(config, d).items()} for d in digests]
    assert [set(found.values()) for found in there] == [{False}, {False}, {True}, {True}]


def in_a_process(work):
    """Start a copy of this process that does `work` and ends; return its number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def test_a_kill_at_any_moment_is_made_good_by_the_next_update(tmp_path):
    """Without trees: LightGBM's threads do not live on in a copy of a process."""
    models = {"mean": {"kind": "mean"}, "ridge": {"kind": "ridge", "n_penalties": 12}}
    changes = {"models": models, "allocation__forecast": "ridge"}
    config, rng = industries(tmp_path / "updated", **changes), np.random.default_rng(3)
    run(config, "2002-01-31")
    update(config, reporter(), now=at("2002-01-31"))
    months = pd.date_range("2002-02-28", periods=10, freq="ME")
    for month in months:
        child = in_a_process(lambda month=month: update(config, reporter(), now=at(month)))
        time.sleep(rng.uniform(0.0, 0.8))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert versions_of(config).verify() is not None
    done = update(config, reporter(), now=at(months[-1]))
    full = industries(tmp_path / "full", **changes)
    panel = run(full, months[-1])
    assert_same(versions_of(config).read(), panel)
    assert_same_stages(config, full, panel.digest())
    assert done.recorded.version.dates == len(panel.dates)


def test_the_next_run_finds_everything(tmp_path):
    config = industries(tmp_path)
    run(config, "2002-01-31")
    for month in ("2002-01-31", "2002-02-28"):
        update(config, reporter(), now=at(month))
    result = reporter()
    pipeline = Pipeline(config, Store(config.output / "store"), result)
    loaded = load_data(config, reporter(), known_by=pd.Timestamp("2002-02-28"))
    pipeline.fit(pipeline.prepare(loaded))
    assert set(result.reused) == {
        "features",
        "regimes",
        *(f"model {name}" for name in config.fitted_models()),
    }


def test_assets_that_list_and_die_are_gone_on_from(tmp_path):
    panel = make_panel(n_dates=150, n_assets=8, seed=2, macro=False)
    config = own_file(tmp_path, panel)
    run(config, panel.dates[135])
    for row in range(135, 150):
        write(tmp_path, panel.as_of(panel.dates[row]))
        update(config, reporter(), now=at("2030-01-01") + dt.timedelta(days=row))
    (tmp_path / "full").mkdir()
    full = own_file(tmp_path / "full", panel)
    whole = run(full, "2031-01-01")
    assert_same_stages(config, full, whole.digest())


def test_a_revision_leaves_everything_to_the_next_run(tmp_path):
    panel = make_panel(n_dates=140, n_assets=5, seed=2, macro=False, late=False, deaths=False)
    config = own_file(tmp_path, panel.select_rows(slice(135)))
    run(config, "2031-01-01")
    first = update(config, reporter(), now=at("2030-01-01"))
    close = panel.close.copy()
    close[30, 2] *= 1.01
    write(tmp_path, replace(panel, close=close))
    with pytest.raises(RevisedError, match=r"returns of A02 on 1992-07-31"):
        update(config, reporter(), now=at("2030-01-02"))
    assert len(versions_of(config).log()) == 1
    done = update(config, reporter(), now=at("2030-01-02"), accept_revisions=True)
    assert (done.recorded.version.kind, done.continued) == ("revision", None)
    assert_same(versions_of(config).read(1), first.panel)
    assert_same(versions_of(config).read(2), done.panel)


def test_nothing_new_does_nothing(tmp_path):
    config = industries(tmp_path)
    run(config, "2002-01-31")
    update(config, reporter(), now=at("2002-01-31"))
    before = {
        p: p.stat().st_mtime_ns for p in config.output.rglob("*") if p.is_file() and p.suffix != ".lock"
    }
    done = update(config, reporter(), now=at("2002-02-10"))
    assert done.recorded.difference is None or done.recorded.version.dates_new == 0
    assert done.recorded.version.dates == 205
    again = update(config, reporter(), now=at("2002-02-10"))
    assert again.recorded.difference is None
    assert again.continued is None
    after = {p: p.stat().st_mtime_ns for p in config.output.rglob("*") if p.is_file() and p.suffix != ".lock"}
    record = ("versions.jsonl", "chain_heads.json")
    assert {p: after[p] for p in before if p.name not in record} == {
        p: t for p, t in before.items() if p.name not in record
    }


def test_an_update_that_was_killed_before_the_stages_is_finished_by_the_next(tmp_path, monkeypatch):
    config = industries(tmp_path / "updated")
    run(config, "2002-01-31")
    update(config, reporter(), now=at("2002-01-31"))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "fit", killed)
        with pytest.raises(KeyboardInterrupt):
            update(config, reporter(), now=at("2002-02-28"))
    assert len(versions_of(config).log()) == 2
    update(config, reporter(), now=at("2002-02-28"))
    full = industries(tmp_path / "full")
    panel = run(full, "2002-02-28")
    assert_same_stages(config, full, panel.digest())


def test_what_lies_behind_a_sealed_date_is_not_recorded(tmp_path):
    config = industries(tmp_path, evaluation__holdout="2002-01-01")
    done = update(config, reporter(), now=at("2010-01-01"))
    assert done.recorded.version.last == "2001-12-31T00:00:00"
    assert done.recorded.version.known_by == "2001-12-31T00:00:00"


def test_the_past_is_not_asked_for_again(tmp_path):
    config = industries(tmp_path)
    update(config, reporter(), now=at("2002-01-31"))
    with pytest.raises(OperationsError, match="as of 2001-12-31"):
        update(config, reporter(), now=at("2001-12-31"))
