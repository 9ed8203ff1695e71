"""The driver finds every kind of planted fault, goes on after it, and can show it again."""

import numpy as np
import planted_faults
import pytest

from benchmarks.fuzz import driver
from benchmarks.fuzz.cases import check_message, shorten_message
from benchmarks.fuzz.running import run_cases, run_cases_here

EXPECTED = {
    "read": "read",
    "refused": "refused",
    "traceback": "fault: traceback",
    "hang": "fault: hang",
    "crash": "fault: crash",
    "difference": "fault: silent difference",
    "memory": "fault: traceback",  # numpy says that the memory is not there
    "mutate": "no case",
}


def seeds_of_all() -> dict[str, int]:
    first = {}
    for seed in range(200):
        what = planted_faults.ENDINGS[int(np.random.default_rng(seed).integers(len(planted_faults.ENDINGS)))]
        first.setdefault(what, seed)
    return first


def test_every_planted_fault_is_found_and_the_others_still_run(tmp_path):
    seeds = seeds_of_all()
    # The quiet ones once more at the end: a worker that was killed or died has been replaced.
    order = [*seeds.values(), seeds["read"], seeds["refused"]]
    results = list(run_cases("planted_faults", order, workers=2, time_limit=2.0, output=tmp_path / "faults"))
    assert sorted(result.seed for result in results) == sorted(order)
    by_seed = {result.seed: result for result in results}
    assert {what: by_seed[seed].ending for what, seed in seeds.items()} == EXPECTED
    assert "exit code 7" in by_seed[seeds["crash"]].fault.text
    assert "KeyError" in by_seed[seeds["traceback"]].fault.text
    assert by_seed[seeds["mutate"]].fault.kind == "broken fuzzer"
    for what in ("traceback", "hang", "crash", "difference"):
        result = by_seed[seeds[what]]
        assert result.description == f"a case that ends in {what}"
        assert (result.files / "seed.txt").read_text() == what
        assert f'"seed": {result.seed}' in (result.files / "fault.json").read_text()
    assert by_seed[seeds["read"]].files is None


def test_the_command_counts_endings_and_shows_a_case_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(driver.KINDS, "prices", "planted_faults")
    seed = seeds_of_all()["difference"]
    assert driver.main(["prices", "1", str(seed), "--output", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert f"FAULT seed {seed}: silent difference: 1 instead of 2" in shown
    assert "1  fault: silent difference" in shown
    assert driver.main(["prices", "--replay", str(seed), "--output", str(tmp_path)]) == 1
    assert "a case that ends in difference" in capsys.readouterr().out
    assert (tmp_path / f"replay-prices-{seed}" / "seed.txt").read_text() == "difference"


def test_a_hang_in_this_process_is_interrupted_and_the_next_case_runs(tmp_path):
    seeds = seeds_of_all()
    order = [seeds["hang"], seeds["difference"], seeds["read"]]
    endings = [r.ending for r in run_cases_here("planted_faults", order, tmp_path, time_limit=0.2)]
    assert endings == ["fault: hang", "fault: silent difference", "read"]
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == sorted(order[:2])


@pytest.mark.parametrize(
    "text, kind",
    [
        ("", "empty message"),
        ("x" * 1501, "long message"),
        ("one\ntwo", "long message"),
        ("Traceback (most recent call last)", "traceback"),
    ],
)
def test_messages_that_no_user_should_see(text, kind):
    assert check_message(text).kind == kind
    assert check_message("a.csv: row 3: expected a number, found 'x'") is None


def test_alike_messages_count_as_one():
    first = "/tmp/1/a.csv: column 'A', 2020-01-31: price is -3.2, expected more than 0"
    second = "/tmp/2/b.csv: column 'B', 2021-02-26: price is -1e5, expected more than 0"
    assert shorten_message(first) == shorten_message(second)
