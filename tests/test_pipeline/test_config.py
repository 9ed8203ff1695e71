"""Configurations: the shipped ones load, and each mistake is named where it stands."""

from pathlib import Path

import pytest
import yaml

from pipeline.config import load_config
from pipeline.errors import ConfigError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def written(tmp_path, **changes):
    """Write the default configuration with dotted keys changed; None deletes."""
    content = yaml.safe_load((CONFIGS / "industries.yaml").read_text())
    for key, value in changes.items():
        *path, last = key.split("__")
        section = content
        for part in path:
            section = section[part]
        if value is ...:
            del section[last]
        else:
            section[last] = value
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda f: f.stem)
def test_shipped_configurations_load(file):
    config = load_config(file)
    assert config.name == {"prices": "mine"}.get(file.stem, file.stem)
    assert config.digest() == load_config(file).digest()


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda f: f.stem)
def test_shipped_configurations_trade_the_default_members(file):
    config = load_config(file)
    assert config.allocation.forecast == "combination"
    assert config.models["combination"].members == ("ridge", "lightgbm", "momentum")
    momentum = config.models["momentum"]
    assert (momentum.kind, momentum.features) == ("univariate", ("momentum_12_1_z",))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wlak_forward": {}}, r"wlak_forward: unknown key; did you mean 'walk_forward'\?"),
        ({"target__horizont": 1}, r"target.horizont: unknown key; did you mean 'horizon'\?"),
        (
            {"models__ridge__penalties": 3},
            r"models.ridge.penalties: unknown key; did you mean 'n_penalties'\?",
        ),
        (
            {"models__ridge__kind": "rigde"},
            "models.ridge.kind: 'rigde' is no kind of models; did you mean 'ridge'",
        ),
        ({"target__horizon": 0}, "target.horizon: Input should be greater than or equal to 1, got 0"),
        ({"target__horizon": "one"}, "target.horizon: Input should be a valid integer.*got 'one'"),
        ({"data": ...}, "data: missing"),
        (
            {"evaluation__start": "1950-01-01"},
            "evaluation.start 1950-01-01 is before walk_forward.first_test",
        ),
        ({"walk_forward__first_test": "soon"}, "walk_forward.first_test: .*got 'soon'"),
        (
            {"allocation__forecast": "rigde"},
            r"allocation.forecast: 'rigde' is not among the models; did you mean 'ridge'",
        ),
        (
            {"models__combination__members": ["ridge", "laso"]},
            r"'laso' is no fitted model; did you mean 'lasso'",
        ),
        ({"data__source": "prices"}, "needs a path"),
        ({"data__path": "x.csv"}, "only it takes one"),
        (
            {"name": "../evil"},
            "name: expected letters from A to Z and a to z, digits, - and _, the first a letter or a digit",
        ),
        ({"name": "n" * 61}, "name: expected 60 characters at most, not 61"),
        ({"seed": -1}, "seed: .*got -1"),
        ({"target__horizon": 10**12}, "target.horizon: .*less than or equal to 1000000"),
        ({"cost_rate": float("nan")}, "cost_rate"),
        ({"allocation__minimum": 0.5, "allocation__maximum": 0.1}, "allocation: "),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_mistakes_are_named(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        load_config(written(tmp_path, **changes))


def test_all_mistakes_are_told_at_once(tmp_path):
    file = written(tmp_path, target__horizon=0, cost_rate=2.0, sead=1)
    with pytest.raises(ConfigError) as error:
        load_config(file)
    text = str(error.value)
    assert "3 mistakes" in text
    assert all(key in text for key in ("target.horizon", "cost_rate", "sead"))


def test_a_doubled_key_is_an_error(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text((CONFIGS / "industries.yaml").read_text() + "\nseed: 2\n")
    with pytest.raises(ConfigError, match="'seed' is given twice"):
        load_config(file)


def test_unreadable_files(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*nothing.yaml: No such file"):
        load_config(tmp_path / "nothing.yaml")
    file = tmp_path / "c.yaml"
    file.write_text("a: [1")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(file)
    file.write_text("a: 2020-02-31")
    with pytest.raises(ConfigError, match="line 1: not valid YAML: '2020-02-31' is no date"):
        load_config(file)
    file.write_text("just text")
    with pytest.raises(ConfigError, match="expected a mapping"):
        load_config(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(file)


def test_the_digest_is_of_what_decides_the_result(tmp_path):
    digest = load_config(written(tmp_path)).digest()
    assert load_config(written(tmp_path, output="elsewhere")).digest() == digest
    assert load_config(written(tmp_path, seed=1)).digest() != digest
    assert load_config(written(tmp_path, calibration__prior_periods=12)).digest() != digest


def test_cash_and_market_are_columns_or_say_what_they_hold(mine):
    data = load_config(mine(data__cash="A01", data__market={"column": "A02", "values": "returns"})).data
    assert data.cash == "A01"
    assert (data.market.column, data.market.values) == ("A02", "returns")
    with pytest.raises(
        ConfigError, match=r"data\.cash\.values: Input should be 'returns', 'percent_returns'"
    ):
        load_config(mine(data__cash={"column": "A01", "values": "price"}))
    with pytest.raises(ConfigError, match=r"data\.cash\.colum: unknown key; did you mean 'column'"):
        load_config(mine(data__cash={"colum": "A01", "values": "prices"}))
