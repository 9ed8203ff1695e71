"""The ledger: nothing that was tried is forgotten, whoever deletes what."""

import datetime as dt
import json
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
import pytest
from own_prices import settings

from pipeline import tracking
from pipeline.config import RunConfig, load_config
from pipeline.errors import LedgerError
from pipeline.ledger import Ledger
from pipeline.record import trial_id
from pipeline.trial import LONGEST, gain_of


def entry(name, returns=None, experiment="mine", **more):
    return {
        "kind": "trial",
        "experiment": experiment,
        "id": name,
        "data": "d",
        "returns": returns or f"r-{name}",
        "tunings": 0,
    } | more


def add_many(path, worker):
    for k in range(20):
        Ledger(path).add([entry(f"{worker}-{k}")])


def test_it_counts_configurations_and_tuning_trials_of_one_name(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    assert ledger.trials("mine").count == 1, "whoever asks has tried one thing"
    assert ledger.add([entry("a"), entry("b", tunings=30), entry("c", experiment="other")]) == 3
    assert ledger.add([entry("a")]) == 0, "the same again is not tried again"
    trials = ledger.trials("mine")
    assert (trials.configurations, trials.tunings, trials.count) == (2, 30, 32)


def test_a_holdout_is_seen_by_unsealings_and_by_all_that_ended_in_it(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add([entry("before", last="1999-12-31"), entry("in", last="2000-01-01", tunings=9)])
    ledger.add([entry("cut", last="2005-01-01"), entry("cut", last="1990-01-01", data="short")])
    ledger.add([{"kind": "unsealing", "experiment": "mine", "id": "u"}])
    trials = ledger.trials("mine").of_holdout(dt.date(2000, 1, 1))
    assert set(trials.entries) == {"in", "cut"}
    assert (trials.looks, trials.count) == (3, 3)


def test_new_data_is_no_new_trial_but_its_returns_replace_the_old_ones(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add([entry("a", "old")])
    ledger.add([entry("a", "new", data="e")])
    assert ledger.trials("mine").count == 1
    assert ledger.trials("mine").entries["a"]["returns"] == "new"


def test_the_same_returns_on_the_same_data_count_once(tmp_path):
    """An edit that changes no number, in a comment say, is nothing tried."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add([entry("a", "same"), entry("b", "same"), entry("c", "same", data="other")])
    assert ledger.trials("mine").configurations == 2


@pytest.mark.parametrize("harm", ["change", "leave out", "swap", "forge"])
def test_a_line_that_was_tampered_with_is_named(tmp_path, harm):
    path = tmp_path / "ledger.jsonl"
    Ledger(path).add([entry(name) for name in "abcd"])
    lines = path.read_text().splitlines()
    if harm == "change":
        lines[1] = lines[1].replace("r-b", "r-x")
    elif harm == "leave out":
        del lines[1]
    elif harm == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        forged = json.loads(lines[1])
        forged["tunings"] = 0
        forged["hash"] = "0" * 64
        lines[1] = json.dumps(forged)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(LedgerError, match="line 2"):
        Ledger(path).trials("mine")
    with pytest.raises(LedgerError):
        Ledger(path).add([entry("e")])


def test_half_a_line_of_a_killed_process_is_no_entry_and_is_written_over(tmp_path):
    path = tmp_path / "ledger.jsonl"
    Ledger(path).add([entry("a"), entry("b")])
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"at": "2020-01-01", "exper')
    assert set(Ledger(path).trials("mine").entries) == {"a", "b"}
    Ledger(path).add([entry("c")])
    assert path.read_bytes().startswith(whole)
    assert set(Ledger(path).trials("mine").entries) == {"a", "b", "c"}


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with ProcessPoolExecutor(3) as pool:
        list(pool.map(add_many, [path] * 3, range(3)))
    assert Ledger(path).trials("mine").configurations == 60


def test_trials_come_back_from_the_experiment_also_when_its_runs_are_deleted(tmp_path):
    """Two machines, each with a folder of its own, and one tracking server."""
    import mlflow

    config = RunConfig.model_validate(settings(tmp_path, 150))
    here = Ledger(tmp_path / "here.jsonl")
    here.add([entry("a"), entry("b", tunings=5)])
    tracking.share_trials(config.output, "mine", here)
    client, experiment = tracking.open_experiment(config.output, "mine")
    run = client.create_run(experiment)
    client.delete_run(run.info.run_id)
    there = Ledger(tmp_path / "there.jsonl")
    there.add([entry("c")])
    tracking.share_trials(config.output, "mine", there)
    assert there.trials("mine").count == 8
    assert {e["at"] for e in there.lines()} >= {e["at"] for e in here.lines()}
    tracking.share_trials(config.output, "mine", here)
    assert here.trials("mine").count == 8
    assert isinstance(client, mlflow.MlflowClient)


def test_the_longest_entry_fits_into_a_tag(tmp_path):
    import base64

    from mlflow.utils.validation import MAX_EXPERIMENT_TAG_VAL_LENGTH

    packed = np.random.default_rng(0).normal(size=LONGEST).astype("<f4")
    whole = entry(
        "0" * 20,
        "0" * 16,
        at="2026-01-01T00:00:00+00:00",
        experiment="x" * 60,
        config="0" * 16,
        gain_sharpe=0.1234567890123456789,
        first="1950-01",
        gain=base64.b85encode(packed.tobytes()).decode(),
        data="0" * 16,
        tunings=10_000_000,
    )
    assert len(json.dumps(whole)) <= MAX_EXPERIMENT_TAG_VAL_LENGTH
    back = gain_of(whole)
    np.testing.assert_array_equal(back.to_numpy(), packed.astype(float))
    assert back.index[0] == pd.Period("1950-01", "M")


def test_another_setting_is_another_trial_and_another_folder_is_not(mine):
    first = trial_id(load_config(mine()), ("a", "b"))
    assert trial_id(load_config(mine(models__ridge__n_penalties=13)), ("a", "b")) != first
    assert trial_id(load_config(mine(output="elsewhere", workers=1)), ("a", "b")) == first
    assert trial_id(load_config(mine()), ("a", "c")) != first, "another universe under the same path"
