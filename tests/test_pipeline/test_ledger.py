"""The ledger: nothing that was tried is forgotten, whoever deletes what."""

import datetime as dt
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from own_prices import settings
from synthetic import make_panel

from pipeline.chains.data_identity import sketch
from pipeline.chains.ledger import Ledger
from pipeline.config import RunConfig, load_config
from pipeline.errors import LedgerError
from pipeline.export.publication import open_ledger
from pipeline.stages.record import trial_id
from pipeline.tracking import database as tracking
from pipeline.tracking.shared_trials import share_trials
from pipeline.verdict.trial import LONGEST, gain_of


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
    share_trials(config.output, "mine", here)
    client, experiment = tracking.open_experiment(config.output, "mine")
    run = client.create_run(experiment)
    client.delete_run(run.info.run_id)
    there = Ledger(tmp_path / "there.jsonl")
    there.add([entry("c")])
    share_trials(config.output, "mine", there)
    assert there.trials("mine").count == 8
    assert {e["at"] for e in there.lines()} >= {e["at"] for e in here.lines()}
    share_trials(config.output, "mine", here)
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
        sketch="x" * 480,
        last="2026-01-01",
        tunings=10_000_000,
    )
    assert len(json.dumps(whole)) <= MAX_EXPERIMENT_TAG_VAL_LENGTH
    back = gain_of(whole)
    np.testing.assert_array_equal(back.to_numpy(), packed.astype(float))
    assert back.index[0] == pd.Period("1950-01", "M")


def test_another_setting_is_another_trial_and_another_name_or_folder_is_not(mine):
    def named(panel, **changes):
        return trial_id(load_config(mine(**changes)), panel)

    panel = make_panel("monthly", n_dates=150, n_assets=3, seed=1, macro=False)
    first = named(panel)
    assert named(panel, models__ridge__n_penalties=13) != first
    assert named(panel, evaluation={"start": "1999-04-30"}) != first
    assert named(panel, output="elsewhere", workers=1) == first
    assert named(panel, name="another", data={"source": "prices", "path": "renamed.csv"}) == first
    assert named(panel.select_rows(slice(0, 100))) == first, "dates that are appended"
    universe = replace(panel, assets=("a", "b", "c"))
    assert named(universe) != first, "another universe under the same path"
    other = make_panel("monthly", n_dates=150, n_assets=3, seed=2, macro=False)
    assert named(other) != first, "other data with assets of the same names"


@pytest.fixture(scope="module")
def sketches():
    """Sketches of a panel, of its first dates, of some of its assets, and of another panel."""
    whole, other = (make_panel("monthly", n_dates=150, n_assets=8, seed=k, macro=False) for k in (1, 2))
    beside = dict.fromkeys(("volume", *whole.bars))
    few = replace(whole, assets=whole.assets[:5], returns=whole.returns[:, :5], **beside)
    return {
        "whole": sketch(whole),
        "early": sketch(whole.select_rows(slice(0, 100))),
        "few": sketch(few),
        "other": sketch(other),
    }


def test_trials_are_counted_by_their_data_under_any_name(tmp_path, sketches):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add(
        [
            entry("a", sketch=sketches["early"]),
            entry("b", sketch=sketches["few"], experiment="copy", tunings=5),
            entry("c", sketch=sketches["other"], experiment="elsewhere"),
            {"kind": "unsealing", "experiment": "copy", "id": "u", "sketch": sketches["early"]},
        ]
    )
    for name in ("mine", "copy", "never seen"):
        trials = ledger.trials(name, sketches["whole"])
        assert (trials.configurations, trials.tunings, len(trials.unsealings)) == (2, 5, 1), name
    assert ledger.trials("never seen", sketches["other"]).configurations == 1
    assert ledger.trials("never seen").entries == {}


def test_the_same_settings_under_two_names_are_one_trial(tmp_path, sketches):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    kept = {"sketch": sketches["whole"], "returns": "r"}
    ledger.add([entry("a", **kept), entry("a", experiment="copy", **kept)])
    assert ledger.trials("copy", sketches["whole"]).configurations == 1


def test_other_data_under_the_same_name_still_counts(tmp_path, sketches):
    """A name can only add to the count: to choose a universe is to try something."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add([entry("a", sketch=sketches["other"]), entry("b", sketch=sketches["whole"])])
    assert ledger.trials("mine", sketches["whole"]).configurations == 2


def test_entries_written_before_they_named_their_data_count_by_name(tmp_path, sketches):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add([entry("old"), entry("older", experiment="copy")])
    ledger.add([entry("new", sketch=sketches["whole"])])
    assert set(ledger.trials("mine", sketches["whole"]).entries) == {"old", "new"}
    assert set(ledger.trials("copy", sketches["whole"]).entries) == {"older", "new"}


def test_ledgers_of_output_folders_beside_count_if_the_data_is_the_same(mine, tmp_path, sketches):
    beside = Ledger(tmp_path / "runs2" / "ledger.jsonl")
    beside.add([entry("a", sketch=sketches["whole"]), entry("b", sketch=sketches["other"]), entry("c")])
    ledger = open_ledger(load_config(mine(output=str(tmp_path / "runs"))))
    ledger.add([entry("a", "newer", sketch=sketches["whole"])])
    trials = ledger.trials("mine", sketches["whole"])
    assert set(trials.entries) == {"a"}, "names alone do not count across folders"
    assert trials.entries["a"]["returns"] == "newer", "of one trial the entry of the own ledger counts"
    before = beside.path.read_bytes()
    beside.path.write_bytes(before.replace(b"r-b", b"r-x"))
    ledger.add([entry("d", sketch=sketches["other"])])
    # What is whole of a damaged neighbour still counts; somebody else's folder stops no run.
    assert set(ledger.trials("mine", sketches["whole"]).entries) == {"a", "d"}


def test_trials_of_the_same_data_come_from_other_experiments_too(tmp_path, sketches):
    """Another machine tried the same data under another name, and deleted its experiment."""
    here, there = (Ledger(tmp_path / f"{name}.jsonl") for name in ("here", "there"))
    there.add(
        [
            entry("a", sketch=sketches["early"], experiment="copy"),
            entry("c", sketch=sketches["other"], experiment="copy"),
            {"kind": "unsealing", "experiment": "copy", "id": "u", "sketch": sketches["early"]},
        ]
    )
    share_trials(tmp_path / "runs", "copy", there)
    client, experiment = tracking.open_experiment(tmp_path / "runs", "copy")
    client.delete_experiment(experiment)
    share_trials(tmp_path / "runs", "mine", here)
    assert here.trials("mine", sketches["whole"]).entries == {}, "nothing says yet what its data is"
    share_trials(tmp_path / "runs", "mine", here, sketches["whole"])
    trials = here.trials("mine", sketches["whole"])
    assert (set(trials.entries), len(trials.unsealings)) == ({"a"}, 1)
    # What was taken in once is not taken in again over what is newer here.
    here.add([entry("a", "newer", sketch=sketches["whole"], experiment="copy")])
    here.add([entry("b", sketch=sketches["whole"])])
    share_trials(tmp_path / "runs", "mine", here)
    assert here.trials("mine", sketches["whole"]).entries["a"]["returns"] == "newer"
    assert len(here.lines()) == 4
