"""Defaults that follow from data: a name and a path are a configuration, and its run works."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml
from running import pipeline_of

from pipeline.cli.preparation import prepare_run
from pipeline.config import load_config, read_config_file
from pipeline.config_files.document import read_document
from pipeline.errors import ConfigError, RunError
from pipeline.export.full_config import write_full_config

YEAR = {"B": 252, "D": 365, "W-FRI": 52, "ME": 12}


def write_prices(path, years, columns, freq="B", seed=0, start="2005-01-03"):
    year = YEAR[freq]
    rows = int(year * years)
    steps = np.random.default_rng(seed).normal(0.05 / year, 0.2 / np.sqrt(year), (rows, columns))
    dates = pd.date_range(start, periods=rows, freq=freq)
    frame = pd.DataFrame(
        50 * np.cumprod(1 + steps, axis=0), index=dates, columns=[f"A{n}" for n in range(columns)]
    )
    frame.rename_axis("date").to_csv(path)


def write_config(folder, text="", **content):
    file = folder / "c.yaml"
    given = {"name": "c", "data": {"path": str(folder / "p.csv")}, "output": str(folder / "runs"), **content}
    file.write_text(yaml.safe_dump(given) + text)
    return file


@pytest.mark.parametrize(
    ("freq", "years", "columns"),
    [
        ("B", 3.5, 2),
        ("B", 5, 1),
        ("B", 9, 3),
        ("B", 16, 4),
        ("D", 3.5, 2),
        ("W-FRI", 7, 3),
        ("ME", 9, 12),
        ("ME", 20, 2),
    ],
)
def test_a_name_and_a_path_are_enough(tmp_path, freq, years, columns):
    write_prices(tmp_path / "p.csv", years, columns, freq)
    pipeline = pipeline_of(write_config(tmp_path))
    regimes, _ = pipeline.estimate(pipeline.prepare())
    assert regimes is not None


@pytest.mark.parametrize(("freq", "columns"), [("B", 2), ("B", 1), ("W-FRI", 3), ("ME", 4)])
def test_a_span_that_is_too_short_names_the_first_date_that_works(tmp_path, freq, columns):
    write_prices(tmp_path / "p.csv", 2, columns, freq)
    with pytest.raises(ConfigError, match="first date that works is about") as error:
        load_config(write_config(tmp_path))
    works = pd.Timestamp(re.search(r"works is about ([\d-]+)", str(error.value)).group(1))
    full = tmp_path / "full.csv"
    write_prices(full, 20, columns, freq)
    frame = pd.read_csv(full, index_col=0, parse_dates=True)
    slack = pd.Timedelta(days=45)
    frame[frame.index <= works + slack].to_csv(tmp_path / "p.csv")
    pipeline_of(write_config(tmp_path)).prepare()
    frame[frame.index <= works - slack].to_csv(tmp_path / "p.csv")
    with pytest.raises(ConfigError, match="first date that works"):
        load_config(write_config(tmp_path))


def test_choices_do_not_look_at_returns(tmp_path):
    write_prices(tmp_path / "p.csv", 9, 3, seed=0)
    one = load_config(write_config(tmp_path)).model_dump()
    write_prices(tmp_path / "p.csv", 9, 3, seed=1)
    assert load_config(write_config(tmp_path)).model_dump() == one


def test_more_dates_of_the_same_tier_change_nothing(tmp_path):
    write_prices(tmp_path / "p.csv", 9, 3)
    one = load_config(write_config(tmp_path)).model_dump()
    write_prices(tmp_path / "p.csv", 12, 3)
    assert load_config(write_config(tmp_path)).model_dump() == one


def test_dates_of_a_holdout_do_not_count(tmp_path):
    write_prices(tmp_path / "p.csv", 16, 3)
    sealed = write_config(tmp_path, evaluation={"holdout": "2017-01-02"})
    one = load_config(sealed)
    frame = pd.read_csv(tmp_path / "p.csv", index_col=0, parse_dates=True)
    frame[frame.index < "2017-01-02"].to_csv(tmp_path / "p.csv")
    assert load_config(sealed).model_dump() == one.model_dump()
    assert one.features.exclude, "12 years are no long span"


def test_what_is_given_is_kept_and_the_rest_fits_it(tmp_path):
    write_prices(tmp_path / "p.csv", 9, 3)
    given = {
        "target": {"horizon": 63},
        "models": {"only": {"kind": "lasso"}},
        "features": {"include": ["asset"], "exclude": ["seasonality_60"]},
        "regimes": {"features": ["market_volatility_3"], "states": 2},
    }
    file = write_config(tmp_path, **given | {"features": {"include": ["asset", "market"]}})
    config = load_config(file)
    assert config.target.horizon == config.allocation.rebalance_every == 63
    assert config.allocation.forecast == "only"
    assert config.features.include == ("asset", "market")
    assert config.features.exclude == ()
    assert config.regimes.features == ("market_volatility_3",)
    pipeline_of(config).prepare()


def test_a_given_first_judged_date_moves_the_first_test_date(tmp_path):
    write_prices(tmp_path / "p.csv", 9, 3)
    free = load_config(write_config(tmp_path))
    early = free.walk_forward.first_test - pd.Timedelta(days=200)
    config = load_config(write_config(tmp_path, evaluation={"start": early}))
    assert config.evaluation.start == early
    assert config.walk_forward.first_test <= early
    pipeline_of(config).prepare()


def test_a_section_with_settings_keeps_its_fixed_defaults(tmp_path):
    write_prices(tmp_path / "p.csv", 9, 3)
    assert load_config(write_config(tmp_path)).walk_forward.train_every == 5
    given = write_config(tmp_path, walk_forward={"refit_every": 100})
    assert load_config(given).walk_forward.train_every == 1


def test_other_mistakes_come_first_and_no_data_is_read(tmp_path):
    file = write_config(tmp_path, seed=-1, wrong=1)
    with pytest.raises(ConfigError) as error:
        load_config(file)
    assert "2 mistakes" in str(error.value)
    assert "missing" not in str(error.value)
    with pytest.raises(ConfigError, match="data: missing"):
        load_config(_write_name(tmp_path))


def _write_name(folder):
    file = folder / "none.yaml"
    file.write_text("name: none\n")
    return file


def test_one_asset_is_not_compared_with_others_and_may_be_left_for_cash(tmp_path):
    write_prices(tmp_path / "p.csv", 6, 1)
    config = load_config(write_config(tmp_path))
    assert not config.target.relative
    assert config.allocation.cash_maximum == 1.0
    assert "average_correlation_12" not in config.regimes.features


@pytest.mark.parametrize(
    "content", [{}, {"strategies": {"s": {"kind": "risk_parity"}}}, {"data": {"source": "industries"}}]
)
def test_the_full_configuration_is_the_same_one(tmp_path, content):
    write_prices(tmp_path / "p.csv", 9, 3)
    file = write_config(tmp_path, **content)
    completed = read_config_file(file)
    config = completed.config
    completion = completed.completion
    text = write_full_config(config, read_document(file).content, completion.choices)
    full = tmp_path / "full.yaml"
    full.write_text(text)
    completed = read_config_file(full)
    again = completed.config
    rest = completed.completion
    assert rest is None, "nothing is left to choose"
    assert again == config
    assert again.digest() == config.digest()
    lines = text.splitlines()
    (first_test,) = [line for line in lines if line.startswith("  first_test:")]
    assert "# chosen: " in first_test
    (name,) = [line for line in lines if line.startswith("name:")]
    assert "#" not in name, "it is given"
    (weights,) = [line for line in lines if line.startswith("  weights: equal")]
    assert weights.endswith("# default")


def test_text_that_looks_like_another_type_survives(tmp_path):
    write_prices(tmp_path / "p.csv", 9, 3)
    limits = {
        "overrides": {"NO": {"maximum": 0.1}, "600519": {"maximum": 0.2}, "2020-01-01": {"minimum": 0.0}}
    }
    file = write_config(tmp_path, allocation=limits)
    completed = read_config_file(file)
    config = completed.config
    completion = completed.completion
    full = tmp_path / "full.yaml"
    full.write_text(write_full_config(config, read_document(file).content, completion.choices))
    assert load_config(full) == config


def test_a_start_of_the_regimes_beyond_the_data_names_the_largest_that_works(tmp_path):
    write_prices(tmp_path / "p.csv", 9, 3)
    config = load_config(write_config(tmp_path))

    def prepare(count):
        regimes = config.regimes.model_copy(update={"min_train": count})
        return pipeline_of(config.model_copy(update={"regimes": regimes})).prepare()

    with pytest.raises(RunError, match="the largest that works is") as error:
        prepare(10_000)
    most = int(re.search(r"works is (\d+)", str(error.value)).group(1))
    assert len(prepare(most).schedule.regime_folds) == 1
    with pytest.raises(RunError, match="the largest that works is"):
        prepare(most + 1)


def test_a_first_test_before_the_data_names_the_first_date_that_works(tmp_path):
    write_prices(tmp_path / "p.csv", 9, 3)
    file = write_config(tmp_path, walk_forward={"first_test": "1990-01-01"})
    with pytest.raises(RunError, match=r"first walk_forward\.first_test that works is") as error:
        pipeline_of(file).prepare()
    works = re.search(r"that works is ([\d-]+)", str(error.value)).group(1)
    pipeline_of(write_config(tmp_path, walk_forward={"first_test": works})).prepare()


def test_chosen_settings_are_printed_by_commands_that_make_a_run_alone(tmp_path, capsys):
    write_prices(tmp_path / "p.csv", 9, 3)
    prepare_run(write_config(tmp_path), False, trains=False)
    assert "defaults" not in capsys.readouterr().out
    prepare_run(write_config(tmp_path), False)
    assert capsys.readouterr().out.startswith("defaults ")


@pytest.mark.parametrize("key", ["evaluation.start", "walk_forward.first_test"])
def test_a_date_after_the_last_row_is_named(tmp_path, key):
    write_prices(tmp_path / "p.csv", 9, 3)
    section, name = key.split(".")
    file = write_config(tmp_path, **{section: {name: "2030-01-01"}})
    with pytest.raises(ConfigError) as error:
        load_config(file)
    last = pd.read_csv(tmp_path / "p.csv")["date"].iloc[-1]
    assert f"{key} is 2030-01-01, after the last date of {tmp_path / 'p.csv'}, {last}" in str(error.value)
    load_config(write_config(tmp_path, **{section: {name: "2012-01-03"}}))


def test_a_file_that_cannot_be_read_is_named_at_once(tmp_path):
    file = write_config(tmp_path)
    with pytest.raises(ConfigError) as error:
        load_config(file)
    assert str(error.value).startswith(f"{file}: {tmp_path / 'p.csv'}: does not exist")


def cut(folder, date):
    """Keep the rows of the prices up to a date."""
    frame = pd.read_csv(folder / "p.csv", index_col=0, parse_dates=True)
    frame[frame.index <= date].to_csv(folder / "p.csv")


def test_choices_as_of_a_date_are_those_of_a_file_that_ends_there(tmp_path):
    write_prices(tmp_path / "p.csv", 16, 3)
    file = write_config(tmp_path)
    whole = load_config(file)
    date = pd.Timestamp("2012-03-30")
    as_of = read_config_file(file, date).config
    prepared, _, reporter = prepare_run(file, False, writes=False, as_of=date.to_pydatetime())
    cut(tmp_path, date)
    assert as_of == prepared == load_config(file)
    assert as_of.walk_forward.first_test != whole.walk_forward.first_test, "seven years are another tier"
    assert reporter.warnings == []


def test_rows_after_a_holdout_do_not_say_how_long_a_month_is(tmp_path):
    write_prices(tmp_path / "p.csv", 12, 3, "ME")
    later = tmp_path / "later.csv"
    write_prices(later, 6, 3, "B", start="2017-01-02")
    months = (tmp_path / "p.csv").read_text()
    (tmp_path / "p.csv").write_text(months + later.read_text().split("\n", 1)[1])
    file = write_config(tmp_path, target={"horizon": "3 months"}, evaluation={"holdout": "2017-01-01"})
    assert load_config(file).target.horizon == 3
    file = write_config(tmp_path, target={"horizon": "3 months"})
    assert read_config_file(file, pd.Timestamp("2016-12-31")).config.target.horizon == 3


def test_choices_that_change_as_the_file_grows_are_said(tmp_path):
    write_prices(tmp_path / "p.csv", 7, 3)
    file = write_config(tmp_path)
    before = load_config(file)
    folder = tmp_path / "runs" / "c-20200101-000000-abcdef"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text('{"config": "c"}')
    (folder / "config.json").write_text(before.model_dump_json())
    assert prepare_run(file, False, writes=False)[2].warnings == []
    write_prices(tmp_path / "p.csv", 12, 3)
    (warning,) = prepare_run(file, False, writes=False)[2].warnings
    now = load_config(file)
    assert folder.name in warning
    assert (
        f"walk_forward.first_test was {before.walk_forward.first_test}, is {now.walk_forward.first_test}"
        in warning
    )
    assert "target.horizon" not in warning, "it is the same"


def test_choices_count_features_of_own_data_and_members_alone(tmp_path):
    write_prices(tmp_path / "p.csv", 9.5, 6, "ME")
    dates = pd.read_csv(tmp_path / "p.csv")["date"]
    values = np.random.default_rng(0).normal(size=(len(dates), 8)).cumsum(axis=0)
    series = pd.DataFrame(values, columns=[f"s{n}" for n in range(8)], index=pd.Index(dates, name="date"))
    series.to_csv(tmp_path / "s.csv")
    lines = [f"A{n},{dates[0] if n < 3 else dates[60]}," for n in range(6)]
    (tmp_path / "u.csv").write_text("\n".join(["asset,from,to", *lines]) + "\n")
    plain = load_config(write_config(tmp_path))
    data = {
        "path": str(tmp_path / "p.csv"),
        "series": {
            "s": {
                "path": str(tmp_path / "s.csv"),
                "columns": "all",
                "lag": "0 days",
                "features": ["level", "change_1", "change_12"],
            }
        },
        "universe": {"path": str(tmp_path / "u.csv")},
    }
    file = write_config(tmp_path, data=data)
    own = load_config(file)
    assert own.walk_forward.first_test > plain.walk_forward.first_test
    prepared = pipeline_of(file).prepare()  # refuses a fit on too little data
    assert "s_s7_change_12" in prepared.matrix.names


MOMENTUM = {"kind": "univariate", "features": ["momentum_12_1_z"]}


@pytest.mark.parametrize(("freq", "years"), [("B", 3.5), ("B", 16), ("W-FRI", 7), ("ME", 9), ("ME", 20)])
def test_momentum_is_the_third_member_whatever_the_span(tmp_path, freq, years):
    write_prices(tmp_path / "p.csv", years, 3, freq)
    config = load_config(write_config(tmp_path))
    assert list(config.models) == ["mean", "ridge", "lightgbm", "momentum", "combination"]
    assert config.models["combination"].members == ("ridge", "lightgbm", "momentum")
    given = config.models["momentum"].model_dump(mode="json", exclude_defaults=True)
    assert given == MOMENTUM
    pipeline_of(config).prepare()


@pytest.mark.parametrize(
    ("columns", "given"),
    [
        (1, {}),
        (3, {"features": {"include": ["asset", "market"]}}),
        (3, {"features": {"exclude": ["momentum_12_1_z"]}}),
    ],
    ids=["one asset", "another stage", "excluded"],
)
def test_where_the_run_has_no_momentum_across_assets_it_is_no_member(tmp_path, columns, given):
    write_prices(tmp_path / "p.csv", 9, columns)
    completed = read_config_file(write_config(tmp_path, **given))
    config = completed.config
    assert list(config.models) == ["mean", "ridge", "lightgbm", "combination"]
    assert config.models["combination"].members == ("ridge", "lightgbm")
    (choice,) = (each for each in completed.completion.choices if each.key == "models")
    assert choice.reason.endswith("the mean of the last two")
    if columns > 1:
        pipeline_of(config).prepare()


@pytest.mark.parametrize(("listed", "member"), [(0, True), (260, True), (1500, False)])
def test_a_second_asset_must_have_a_year_of_returns_before_the_first_test(tmp_path, listed, member):
    write_prices(tmp_path / "p.csv", 9, 2)
    frame = pd.read_csv(tmp_path / "p.csv", index_col=0)
    frame.iloc[:listed, 1] = np.nan
    frame.to_csv(tmp_path / "p.csv")
    config = load_config(write_config(tmp_path))
    assert ("momentum" in config.models) == member
    pipeline_of(config).prepare()


def test_quarters_have_no_month_to_leave_out(tmp_path):
    write_prices(tmp_path / "p.csv", 30, 4, "ME")
    frame = pd.read_csv(tmp_path / "p.csv", index_col=0, parse_dates=True)
    frame[frame.index.month % 3 == 0].to_csv(tmp_path / "p.csv")
    config = load_config(write_config(tmp_path))
    assert "momentum" not in config.models
    pipeline_of(config).prepare()
