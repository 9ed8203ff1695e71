"""The fuzzers of configurations and holdings notice planted faults."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from benchmarks.fuzz import configs, holdings
from benchmarks.fuzz.cases import Case
from benchmarks.fuzz.config_files.comparison import find_differences
from benchmarks.fuzz.config_files.sources import ROOT
from operations.champion.holdings import read_holdings
from pipeline.config import load_config, read_config_file
from pipeline.errors import ConfigError

SHIPPED = ROOT / "configs" / "strategies.yaml"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"seed": 1}, "silent difference: .seed holds '0', read as 1"),
        ({"cost_rate": 0.0011}, "silent difference: .cost_rate holds '0.0010'"),
        ({"output": ROOT}, "silent difference: .output"),
        ({"workers": 2}, "silent difference: the file holds"),
    ],
)
def test_a_value_that_is_read_as_another_one_is_found(monkeypatch, change, fault):
    def read(path):
        completed = read_config_file(path)
        return replace(completed, config=completed.config.model_copy(update=change))

    monkeypatch.setattr(configs, "read_config_file", read)
    found = configs.check(Case("configs", "", SHIPPED, seed=1))
    assert fault in f"{found.kind}: {found.text}"


def test_a_part_that_is_lost_is_found():
    config = load_config(SHIPPED)
    raw = yaml.load(SHIPPED.read_text(), Loader=yaml.BaseLoader)
    assert list(find_differences(config, raw)) == []
    del raw["strategies"]["opinions"]["views"][1]
    assert any(".strategies.opinions.views" in text for text in find_differences(config, raw))


@pytest.mark.parametrize(
    ("message", "kind"), [("x" * 1501, "long message"), ("", "empty message"), ("vague", "vague message")]
)
def test_a_message_that_helps_nobody_is_found(monkeypatch, tmp_path, message, kind):
    def refuse(path):
        raise ConfigError(message + (" case.yaml" if kind == "long message" else ""))

    monkeypatch.setattr(configs, "read_config_file", refuse)
    assert configs.check(Case("configs", "", tmp_path / "case.yaml", seed=1)).kind == kind


def test_cases_are_made_of_their_seed_alone(tmp_path):
    for fuzzer in (configs, holdings):
        made = []
        for place in ("first", "second"):
            (tmp_path / place).mkdir(exist_ok=True)
            case = fuzzer.mutate(np.random.default_rng(3), tmp_path / place)
            made.append((case.description, case.path.read_bytes()))
        assert made[0] == made[1]


@pytest.mark.parametrize("lost", ["row", "weight", "name"])
def test_a_holding_that_is_lost_or_changed_is_found(monkeypatch, tmp_path, lost):
    path = tmp_path / "held.csv"
    path.write_text("asset,weight\nAAPL,0.5\nON,0.25\ncash,0.25\n")

    def damaged(path):
        held = read_holdings(path)
        if lost == "row":
            return replace(held, names=(held.names[0], "cash"), weights=np.array([0.5, 0.5]))
        if lost == "weight":
            return replace(held, weights=np.array([0.25, 0.5, 0.25]))
        return replace(held, names=("AAPL", "x", "cash"))

    assert holdings.check(Case("holdings", "", path)) is None
    monkeypatch.setattr(holdings, "read_holdings", damaged)
    assert holdings.check(Case("holdings", "", path)).kind == "silent difference"
